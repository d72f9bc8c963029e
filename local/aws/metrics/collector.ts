import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  LOCAL_METRICS,
  type MetricIdentity,
  type MetricValues,
  metricKey,
} from '../../../shared/local-metrics.ts';

const MINUTE_MS = 60_000;
/** One older file is kept beside it: together some hours of a run, which is what a dashboard shows. */
const FILE_MAX_BYTES = 8 * 1024 * 1024;
/** What waits in memory for the next write: metrics and minutes, and different values of one of them. */
const MINUTES_MAX = 2000;
const VALUES_MAX = 150;

interface Minute {
  readonly metric: MetricIdentity;
  readonly at: number;
  readonly counts: Map<number, number>;
}

/** Values by metric and minute: in memory since the last `flush`, then as lines of a file in the state directory. */
export class MetricCollector {
  readonly #path: string;
  readonly #minutes = new Map<string, Minute>();
  #bytes: number;

  constructor(dir: string) {
    mkdirSync(dir, { recursive: true });
    this.#path = join(dir, LOCAL_METRICS.valuesFile);
    this.#bytes = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** @param at epoch milliseconds */
  record(metric: MetricIdentity, value: number, at: number): void {
    const minuteAt = Math.floor(at / MINUTE_MS) * MINUTE_MS;
    const key = `${minuteAt} ${metricKey(metric)}`;
    const minute = this.#minutes.get(key) ?? { metric, at: minuteAt, counts: new Map<number, number>() };
    this.#minutes.set(key, minute);
    minute.counts.set(value, (minute.counts.get(value) ?? 0) + 1);
    if (minute.counts.size >= VALUES_MAX || this.#minutes.size >= MINUTES_MAX) this.flush();
  }

  flush(): void {
    if (this.#minutes.size === 0) return;
    const text = [...this.#minutes.values()].map((minute) => `${JSON.stringify(lineOf(minute))}\n`).join('');
    this.#minutes.clear();
    if (this.#bytes > FILE_MAX_BYTES) {
      renameSync(this.#path, `${this.#path}.1`);
      this.#bytes = 0;
    }
    appendFileSync(this.#path, text, { mode: 0o600 });
    this.#bytes += Buffer.byteLength(text);
  }
}

function lineOf({ metric, at, counts }: Minute): MetricValues {
  return { at, ...metric, values: [...counts] };
}
