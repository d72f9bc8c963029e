const WINDOW_MS = 1000;

export type Pace = 'within' | { readonly violation: number; readonly received: number } | 'above';

/** Counts one client's messages over the last second. Pure: the clock is the caller's. */
export class PaceMeter {
  readonly #max: number;
  readonly #times: number[] = [];
  #violations = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(maxPerSecond: number) {
    this.#max = maxPerSecond;
  }

  get violations(): number {
    return this.#violations;
  }

  /** @returns a violation once per second that has one, `above` for the rest of it */
  record(nowMs: number): Pace {
    while (this.#times.length > 0 && nowMs - (this.#times[0] ?? nowMs) >= WINDOW_MS) this.#times.shift();
    // Bound: what is above the limit is one violation, however much it is.
    if (this.#times.length < this.#max) {
      this.#times.push(nowMs);
      return 'within';
    }
    if (nowMs - this.#reportedAtMs < WINDOW_MS) return 'above';
    this.#reportedAtMs = nowMs;
    this.#violations += 1;
    return { violation: this.#violations, received: this.#times.length + 1 };
  }
}
