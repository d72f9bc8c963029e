export interface LineCounts {
  readonly cap: number;
  readonly streaming: number;
  readonly snapshotsInFlight: number;
  /** Used by somebody's TWS. */
  readonly elsewhere: number;
  /** Most lines streamed at once. */
  readonly peak: number;
  /** Most lines in use at once, snapshots in flight included. */
  readonly peakWithSnapshots: number;
  /** Requests answered with 101. */
  readonly refused: number;
  /** Lines in use now, snapshots included. */
  readonly byClient: ReadonlyMap<number, number>;
  readonly byConId: ReadonlyMap<number, number>;
}

interface Holder {
  readonly clientId: number;
  readonly conId: number;
  readonly snapshot: boolean;
}

/**
 * The account's allowance as the gateway counts it: every request takes a line, whichever client made it and whoever
 * else watches the same contract; a snapshot holds its line until it ends.
 */
export class LineLedger {
  readonly #cap: number;
  readonly #byClient = new Map<number, number>();
  readonly #byConId = new Map<number, number>();
  #streaming = 0;
  #snapshots = 0;
  #peak = 0;
  #peakWithSnapshots = 0;
  #refused = 0;
  #elsewhere = 0;

  constructor(cap: number) {
    this.#cap = cap;
  }

  /** Lines above the allowance: 0 unless more were taken elsewhere than were free. */
  get excess(): number {
    return Math.max(0, this.#streaming + this.#snapshots + this.#elsewhere - this.#cap);
  }

  /** @param by lines that somebody's TWS takes, or gives back where it is negative */
  takeElsewhere(by: number): void {
    this.#elsewhere += by;
  }

  /** @returns false when the allowance is used up: 101 */
  take(holder: Holder): boolean {
    if (this.#streaming + this.#snapshots + this.#elsewhere >= this.#cap) {
      this.#refused += 1;
      return false;
    }
    this.#count(holder, 1);
    this.#peak = Math.max(this.#peak, this.#streaming);
    this.#peakWithSnapshots = Math.max(this.#peakWithSnapshots, this.#streaming + this.#snapshots);
    return true;
  }

  release(holder: Holder): void {
    this.#count(holder, -1);
  }

  counts(): LineCounts {
    return {
      cap: this.#cap,
      streaming: this.#streaming,
      snapshotsInFlight: this.#snapshots,
      elsewhere: this.#elsewhere,
      peak: this.#peak,
      peakWithSnapshots: this.#peakWithSnapshots,
      refused: this.#refused,
      byClient: new Map(this.#byClient),
      byConId: new Map(this.#byConId),
    };
  }

  #count({ clientId, conId, snapshot }: Holder, by: 1 | -1): void {
    if (snapshot) this.#snapshots += by;
    else this.#streaming += by;
    for (const [map, key] of [[this.#byClient, clientId] as const, [this.#byConId, conId] as const]) {
      const count = (map.get(key) ?? 0) + by;
      if (count === 0) map.delete(key);
      else map.set(key, count);
    }
  }
}
