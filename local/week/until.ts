import { sleep } from '../../bridge/wait.ts';

const PERIOD_MS = 100;

/**
 * Waits for what another process brings about and no event announces.
 * @param check returns the value once it is there
 * @returns undefined at the deadline
 * @throws the signal's reason
 */
export async function until<T>(
  check: () => T | undefined | Promise<T | undefined>,
  options: { readonly deadlineMs: number; readonly signal: AbortSignal; readonly periodMs?: number },
): Promise<T | undefined> {
  const { signal, deadlineMs, periodMs = PERIOD_MS } = options;
  const end = performance.now() + deadlineMs;
  while (performance.now() < end) {
    signal.throwIfAborted();
    const value = await check();
    if (value !== undefined) return value;
    await sleep(periodMs, signal);
  }
  signal.throwIfAborted();
  return undefined;
}
