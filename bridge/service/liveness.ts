import type { BridgeStatus } from '../../shared/status.ts';

/** How far the sweeps had come when they last did, and since when it has been no further. */
export interface SweepProgress {
  readonly ended: number;
  readonly sinceTick: number;
}

/** A sweep or two may be late; a loop that is quiet for longer has lost its timer. */
const OVERDUE_SWEEPS = 3;

/**
 * Whether the sweeps go on. While the gateway is away, and before the first sweep, they need not: such a bridge
 * waits, and a new start of it would not help.
 * @param tick monotonic, in milliseconds
 */
export function progressOf(
  before: SweepProgress | undefined,
  { gateway, sweeps }: Pick<BridgeStatus, 'gateway' | 'sweeps'>,
  tick: number,
): SweepProgress {
  const ended = sweeps.complete + sweeps.failed;
  const isDue = gateway.state === 'ready' && ended > 0;
  return isDue && before?.ended === ended ? before : { ended, sinceTick: tick };
}

/** @returns what hangs, or undefined; a sweep that fails has ended like any other */
export function standstillOf(
  { sinceTick }: SweepProgress,
  tick: number,
  { periodMs, deadlineMs }: { readonly periodMs: number; readonly deadlineMs: number },
): string | undefined {
  const quietMs = tick - sinceTick;
  if (quietMs <= OVERDUE_SWEEPS * (periodMs + deadlineMs)) return undefined;
  return `no sweep has ended for ${Math.round(quietMs / 1000)} s, though the gateway is ready`;
}
