import { type MetricIdentity, type MetricValues, metricKey } from '../../shared/local-metrics.ts';

/** Begin of a period in epoch milliseconds -> value; periods without one are absent. In the order of time. */
export type Series = ReadonlyMap<number, number>;

/** Periods begin where CloudWatch's do, at whole multiples of their length: the first one is that in which `from` is. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly periodMs: number;
}

export interface Watched extends MetricIdentity {
  /** As CloudWatch has it: Sum, Average, Minimum, Maximum, SampleCount, p95. */
  readonly statistic: string;
}

type Counts = ReadonlyMap<number, number>;

/** The values of a run by metric and minute, and what CloudWatch would answer when it is asked for statistics of them. */
export class MetricStore {
  readonly #minutes = new Map<string, Map<number, Map<number, number>>>();

  constructor(lines: Iterable<MetricValues> = []) {
    for (const line of lines) this.add(line);
  }

  add(line: MetricValues): void {
    const key = metricKey(line);
    const minutes = this.#minutes.get(key) ?? new Map<number, Map<number, number>>();
    this.#minutes.set(key, minutes);
    const counts = minutes.get(line.at) ?? new Map<number, number>();
    minutes.set(line.at, counts);
    for (const [value, count] of line.values) counts.set(value, (counts.get(value) ?? 0) + count);
  }

  has(metric: MetricIdentity): boolean {
    return this.#minutes.has(metricKey(metric));
  }

  /** Begin of the first minute and end of the last one; undefined while nothing was reported. */
  extent(): { readonly from: number; readonly to: number } | undefined {
    const times = [...this.#minutes.values()].flatMap((minutes) => [...minutes.keys()]);
    if (times.length === 0) return undefined;
    const [from, last] = times.reduce(
      ([least, most], at) => [Math.min(least, at), Math.max(most, at)],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    );
    return { from, to: last + 60_000 };
  }

  /**
   * @param visibleTo values from this time on are not there yet: they come to CloudWatch with a delay
   * @throws RangeError for a statistic that is not known here
   */
  series(metric: Watched, { from, to, periodMs }: Span, visibleTo = Number.POSITIVE_INFINITY): Series {
    const minutes = this.#minutes.get(metricKey(metric));
    const series = new Map<number, number>();
    const first = Math.floor(from / periodMs) * periodMs;
    for (let at = first; minutes !== undefined && at < to; at += periodMs) {
      const counts = new Map<number, number>();
      for (let minute = at; minute < at + periodMs; minute += 60_000) {
        if (minute >= visibleTo) break;
        for (const [value, count] of minutes.get(minute) ?? [])
          counts.set(value, (counts.get(value) ?? 0) + count);
      }
      if (counts.size > 0) series.set(at, statisticOf(metric.statistic, counts));
    }
    return series;
  }
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html */
function statisticOf(statistic: string, counts: Counts): number {
  const count = [...counts.values()].reduce((sum, each) => sum + each, 0);
  const sum = [...counts].reduce((total, [value, times]) => total + value * times, 0);
  switch (statistic) {
    case 'SampleCount':
      return count;
    case 'Sum':
      return sum;
    case 'Average':
      return sum / count;
    case 'Minimum':
      return Math.min(...counts.keys());
    case 'Maximum':
      return Math.max(...counts.keys());
    default:
      return percentile(statistic, counts, count);
  }
}

function percentile(statistic: string, counts: Counts, count: number): number {
  const percent = Number(/^p(\d{1,2}(?:\.\d+)?|100)$/.exec(statistic)?.[1]);
  if (Number.isNaN(percent)) throw new RangeError(`the statistic ${statistic} is not known here`);
  let left = Math.max(1, Math.ceil((percent / 100) * count));
  const sorted = [...counts].sort(([a], [b]) => a - b);
  for (const [value, times] of sorted) {
    left -= times;
    if (left <= 0) return value;
  }
  throw new RangeError('a percentile of nothing');
}
