/** Times are milliseconds on one clock that never jumps. */
interface Turn {
  /** When it was asked for last; of what was not yet, a period before it was wanted. */
  sinceMs: number;
  isAsked: boolean;
  /** Both before its last turn, for a turn that is given back. */
  beforeMs: number;
  wasAsked: boolean;
  /** Between its last two turns. */
  intervalMs: number;
}

export interface RotationStatus {
  readonly contracts: number;
  /**
   * What becomes of the period: the mean over the contracts of the time between the last two turns of each, or since
   * the last one where that is longer already; never below the period.
   */
  readonly reachedPeriodMs: number;
}

/**
 * One class of contracts that want to be asked for once per period each: whoever waits longest comes first, so the
 * order is that of the last turns and one look at its head says what is due. Pure: the clock is a parameter.
 *
 * Bound: the list that is wanted.
 */
export class Rotation<K> {
  readonly periodMs: number;
  /** Oldest first unless `#isSorted` says otherwise. */
  #turns = new Map<K, Turn>();
  #isSorted = true;

  /** @throws RangeError when the period is not above 0 */
  constructor(periodMs: number) {
    if (!(periodMs > 0)) throw new RangeError(`a period must be above 0 ms, not ${periodMs}`);
    this.periodMs = periodMs;
  }

  get size(): number {
    return this.#turns.size;
  }

  /** Due at once, behind those that are overdue already. What is in the list keeps its turn. */
  add(key: K, nowMs: number): void {
    if (this.#turns.has(key)) return;
    const sinceMs = nowMs - this.periodMs;
    this.#turns.set(key, { sinceMs, isAsked: false, beforeMs: sinceMs, wasAsked: false, intervalMs: 0 });
    this.#isSorted = false;
  }

  delete(key: K): void {
    this.#turns.delete(key);
  }

  /** @returns who waits longest of those that are not busy, and when its period is over */
  oldest(isBusy: (key: K) => boolean): { readonly key: K; readonly dueMs: number } | undefined {
    for (const [key, { sinceMs }] of this.#sorted()) {
      if (!isBusy(key)) return { key, dueMs: sinceMs + this.periodMs };
    }
    return undefined;
  }

  /** It has had its turn: the next one is a period away. */
  asked(key: K, nowMs: number): void {
    const turn = this.#turns.get(key);
    if (!turn) return;
    this.#turns.delete(key);
    this.#turns.set(key, {
      sinceMs: nowMs,
      isAsked: true,
      beforeMs: turn.sinceMs,
      wasAsked: turn.isAsked,
      intervalMs: turn.isAsked ? nowMs - turn.sinceMs : 0,
    });
  }

  /** Its turn was taken from it before it brought anything: it waits as it did before. */
  returned(key: K): void {
    const turn = this.#turns.get(key);
    if (!turn) return;
    turn.sinceMs = turn.beforeMs;
    turn.isAsked = turn.wasAsked;
    this.#isSorted = false;
  }

  /** What was learned is worth nothing any more: everything is due, in the same order. */
  restart(nowMs: number): void {
    this.#sorted();
    const limitMs = nowMs - this.periodMs;
    for (const turn of this.#turns.values()) {
      turn.sinceMs = Math.min(turn.sinceMs, limitMs);
      turn.isAsked = false;
    }
  }

  status(nowMs: number): RotationStatus {
    let sum = 0;
    for (const { sinceMs, isAsked, intervalMs } of this.#turns.values()) {
      const waitedMs = nowMs - sinceMs - (isAsked ? 0 : this.periodMs);
      sum += Math.max(this.periodMs, intervalMs, waitedMs);
    }
    const contracts = this.#turns.size;
    return { contracts, reachedPeriodMs: contracts === 0 ? this.periodMs : sum / contracts };
  }

  #sorted(): ReadonlyMap<K, Turn> {
    if (!this.#isSorted) {
      this.#turns = new Map([...this.#turns].sort(([, left], [, right]) => left.sinceMs - right.sinceMs));
      this.#isSorted = true;
    }
    return this.#turns;
  }
}
