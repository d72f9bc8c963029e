import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Kill, planKills } from '../../../local/kills/plan.ts';

const sizes = fc.record({
  seed: fc.nat(),
  snapshots: fc.integer({ min: 1000, max: 1_000_000 }),
});

describe('the plan of kills', () => {
  it('is the same for the same seed, and another for another', () => {
    const plan = planKills({ seed: 7, snapshots: 100_000 });
    expect(planKills({ seed: 7, snapshots: 100_000 })).toEqual(plan);
    expect(planKills({ seed: 8, snapshots: 100_000 })).not.toEqual(plan);
    expect([plan.bridge.length, plan.drain.length]).toEqual([20, 100]);
  });

  it('has kills of both from the first to the last snapshot, in order, in every size', () => {
    fc.assert(
      fc.property(sizes, ({ seed, snapshots }) => {
        const { bridge, drain } = planKills({ seed, snapshots });
        for (const [kills, total] of [
          [bridge, snapshots],
          [drain, snapshots / 50],
        ] as const) {
          const moments = kills.map(({ after }: Kill) => after);
          expect(moments).toEqual(moments.toSorted((left, right) => left - right));
          expect(moments.length).toBeGreaterThanOrEqual(3);
          expect(Math.min(...moments)).toBeGreaterThanOrEqual(0);
          expect(Math.max(...moments)).toBeLessThan(total);
          expect(Math.max(...moments)).toBeGreaterThanOrEqual(total / 2 - 1);
        }
      }),
    );
  });
});
