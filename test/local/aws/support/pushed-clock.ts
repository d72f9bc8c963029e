import { setTimeout as delay } from 'node:timers/promises';
import type { MetricClock } from '../../../../local/aws/metrics/clock.ts';

/**
 * Time for metrics that a test pushes forward by minutes while its own seconds pass: what happened at an instant of
 * this machine keeps the time that the clock showed then. Times before the clock was made are nobody's of this
 * machine: whoever gives them has read this clock.
 */
export class PushedClock implements MetricClock {
  /** Since which instant of this machine the clock is ahead, or behind, by how much. */
  readonly #shifts: { readonly since: number; readonly ms: number }[];

  /** @param start what it shows now: well before now, so that pushing never brings it there */
  constructor(start: number) {
    const since = Date.now();
    this.#shifts = [{ since, ms: start - since }];
  }

  now(): number {
    return this.at(Date.now());
  }

  at(machineMs: number): number {
    const shift = this.#shifts.findLast(({ since }) => since <= machineMs);
    return machineMs + (shift?.ms ?? 0);
  }

  push(ms: number): void {
    this.#shifts.push({ since: Date.now(), ms: (this.#shifts.at(-1)?.ms ?? 0) + ms });
  }

  /** To where a minute begins. */
  pushToMinute(minutes = 1): void {
    const now = this.now();
    this.push(Math.floor(now / 60_000) * 60_000 + minutes * 60_000 - now);
  }

  /** Until what happens now has another second than the last push: streams tell whole seconds. */
  async settle(): Promise<void> {
    const last = this.#shifts.at(-1)?.since ?? 0;
    const next = (Math.floor(last / 1000) + 1) * 1000;
    if (Date.now() < next) await delay(next - Date.now());
  }
}
