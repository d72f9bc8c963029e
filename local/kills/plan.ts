import { createRandom } from '../gateway/random.ts';

export interface Kill {
  /** For the bridge snapshots that it has produced, for the drain batches that it was given: not before so many. */
  readonly after: number;
  /** And so much later, so that it hits any moment of a sweep or of an invocation. */
  readonly delayMs: number;
}

export interface KillPlan {
  readonly bridge: readonly Kill[];
  readonly drain: readonly Kill[];
}

/** As deployed. */
const BATCH = 50;
const BRIDGE = { every: 5000, min: 3, delayMaxMs: 1500 } as const;
const DRAIN = { everyBatches: 20, min: 5, delayMaxMs: 500 } as const;

/**
 * When bridge and drain are killed: by what they have done and not by the clock, so that a slow machine meets the
 * same plan. Kills lie anywhere between the first and the last snapshot, once in each part of equal size.
 */
export function planKills({
  seed,
  snapshots,
}: {
  readonly seed: number;
  readonly snapshots: number;
}): KillPlan {
  const random = createRandom(seed);
  const kills = (total: number, count: number, delayMaxMs: number): Kill[] =>
    Array.from({ length: count }, (_, nth) => ({
      after: Math.floor(((nth + random.next()) * total) / count),
      delayMs: random.below(delayMaxMs),
    }));
  const batches = snapshots / BATCH;
  return {
    bridge: kills(snapshots, Math.max(BRIDGE.min, Math.round(snapshots / BRIDGE.every)), BRIDGE.delayMaxMs),
    drain: kills(batches, Math.max(DRAIN.min, Math.round(batches / DRAIN.everyBatches)), DRAIN.delayMaxMs),
  };
}
