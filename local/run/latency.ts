/** Below this many samples a 99th percentile would be the maximum under another name. */
const P99_SAMPLES_MIN = 100;

export interface LatencySummary {
  readonly changes: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/**
 * @param p between 0 and 1
 * @returns the nearest-rank percentile: a value that was measured, never one in between; undefined of no values
 */
export function percentile(values: readonly number[], p: number): number | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
}

/** @param latenciesMs one per measured change, in any order */
export function summarizeLatencies(latenciesMs: readonly number[]): LatencySummary {
  const p99 = latenciesMs.length < P99_SAMPLES_MIN ? undefined : percentile(latenciesMs, 0.99);
  return {
    changes: latenciesMs.length,
    p50Ms: tenths(percentile(latenciesMs, 0.5)),
    p99Ms: tenths(p99),
  };
}

function tenths(valueMs: number | undefined): number | null {
  return valueMs === undefined ? null : Math.round(valueMs * 10) / 10;
}
