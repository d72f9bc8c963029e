import { describe, expect, it } from 'vitest';
import { progressOf, type SweepProgress, standstillOf } from '../../../bridge/service/liveness.ts';
import type { BridgeStatus } from '../../../shared/status.ts';
import { bridgeStatus } from '../../support/status.ts';

const SWEEP = { periodMs: 30_000, deadlineMs: 20_000 };
const PATIENCE_MS = 150_000;

interface Look {
  readonly tick: number;
  readonly state?: BridgeStatus['gateway']['state'];
  readonly complete?: number;
  readonly failed?: number;
}

/** What is said at the last of several looks. */
function judge(...looks: readonly Look[]): string | undefined {
  const { gateway, sweeps } = bridgeStatus();
  let progress: SweepProgress | undefined;
  let said: string | undefined;
  for (const { tick, state = 'ready', complete = 0, failed = 0 } of looks) {
    progress = progressOf(
      progress,
      { gateway: { ...gateway, state }, sweeps: { ...sweeps, complete, failed } },
      tick,
    );
    said = standstillOf(progress, tick, SWEEP);
  }
  return said;
}

describe('the sweeps of a bridge that is supervised', () => {
  const late = PATIENCE_MS + 1;

  it('stand still when none has ended for the time of three, though the gateway is ready', () => {
    const from = { tick: 1000, complete: 5 };
    expect(judge(from, { tick: 1000 + PATIENCE_MS, complete: 5 })).toBeUndefined();
    expect(judge(from, { tick: 1000 + late, complete: 5 })).toBe(
      'no sweep has ended for 150 s, though the gateway is ready',
    );
  });

  it.each<[string, readonly Look[]]>([
    [
      'they complete',
      [
        { tick: 0, complete: 5 },
        { tick: late, complete: 6 },
      ],
    ],
    [
      'they fail, which is an end too',
      [
        { tick: 0, complete: 5 },
        { tick: late, complete: 5, failed: 1 },
      ],
    ],
    [
      'the gateway is away, for however long',
      [
        { tick: 0, complete: 5 },
        { tick: late, complete: 5, state: 'waiting' },
        { tick: 9 * late, complete: 5, state: 'open-circuit' },
      ],
    ],
    [
      'the gateway has just come back',
      [
        { tick: 0, complete: 5 },
        { tick: late, complete: 5, state: 'handshaking' },
        { tick: 2 * late - 1, complete: 5 },
      ],
    ],
    ['none has begun: whose the accounts are is not known yet', [{ tick: 0 }, { tick: 9 * late }]],
  ])('go on or need not while %s', (_, looks) => {
    expect(judge(...looks)).toBeUndefined();
  });

  it('are judged anew once one has ended', () => {
    const hung = { tick: late, complete: 5 };
    expect(judge({ tick: 0, complete: 5 }, hung, { tick: late + 1, complete: 6 })).toBeUndefined();
  });
});
