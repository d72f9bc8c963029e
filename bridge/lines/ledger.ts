export type LineKind = 'stream' | 'snapshot';

/** One line in use, from the request until the gateway can no longer count it. */
export interface LineUse {
  readonly kind: LineKind;
}

export interface LineLedgerOptions {
  /** The setting: what the account's allowance leaves to this bridge. */
  readonly cap: number;
  /** How long a line that was cancelled still counts: the broker frees it a moment after it read the cancel. */
  readonly graceMs?: number;
  /** After this long without another refusal the learned cap grows by one. */
  readonly recoveryMs?: number;
}

/**
 * The single authority for the cap: streams, snapshots in flight and lines being given back, together, never exceed
 * it. Whoever wants a line takes it here before the request is sent, and is told by `onChange` when there may be room.
 */
export class LineLedger {
  readonly #limit: number;
  readonly #graceMs: number;
  readonly #recoveryMs: number;
  readonly #uses = new Set<LineUse>();
  readonly #closing = new Map<LineUse, NodeJS.Timeout>();
  readonly #listeners = new Set<() => void>();
  #cap: number;
  #demand = 0;
  #recovery: NodeJS.Timeout | undefined;

  constructor(options: LineLedgerOptions) {
    this.#limit = options.cap;
    this.#cap = options.cap;
    this.#graceMs = options.graceMs ?? 250;
    this.#recoveryMs = options.recoveryMs ?? 60_000;
  }

  /** What the gateway has proved to grant, at most the setting. */
  get cap(): number {
    return this.#cap;
  }

  /** Streams, snapshots in flight and lines being given back. */
  get inUse(): number {
    return this.#uses.size + this.#closing.size;
  }

  count(kind: LineKind): number {
    let count = 0;
    for (const use of this.#uses) if (use.kind === kind) count += 1;
    return count;
  }

  /** Snapshots in flight beyond what the streams leave: to be cancelled at once. */
  get snapshotsToGiveBack(): number {
    return Math.max(0, this.count('snapshot') - Math.max(0, this.#cap - this.#demand));
  }

  /** @param lines how many the budget granted to streams: snapshots stay within the rest */
  demand(lines: number): void {
    if (lines === this.#demand) return;
    this.#demand = lines;
    this.#announce();
  }

  /** @returns undefined while there is no room */
  take(kind: LineKind): LineUse | undefined {
    if (this.inUse >= this.#cap) return undefined;
    if (kind === 'snapshot' && this.count('snapshot') >= this.#cap - this.#demand) return undefined;
    const use: LineUse = { kind };
    this.#uses.add(use);
    return use;
  }

  /** Our cancel was handed to the connection; the line counts until the grace has passed. */
  cancelled(use: LineUse): void {
    if (!this.#uses.delete(use)) return;
    const timer = setTimeout(() => {
      this.#closing.delete(use);
      this.#announce();
    }, this.#graceMs);
    this.#closing.set(use, timer);
  }

  /** The gateway ended it: an error on the request, or the end of a snapshot. */
  ended(use: LineUse): void {
    if (this.#uses.delete(use)) this.#announce();
  }

  /**
   * Error 101: no line was free for it, so the allowance is what is in use without it. Requests that are on their way
   * count as in use: those that are refused too lower it further.
   */
  refused(use: LineUse): void {
    if (!this.#uses.delete(use)) return;
    this.#cap = Math.min(this.#cap, this.inUse);
    this.#recover();
    this.#announce();
  }

  /** The connection is gone, and every line of it. */
  reset(): void {
    for (const timer of this.#closing.values()) clearTimeout(timer);
    this.#closing.clear();
    this.#uses.clear();
    this.#announce();
  }

  /** @returns unsubscribe */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    clearTimeout(this.#recovery);
    this.#listeners.clear();
    this.reset();
  }

  #recover(): void {
    clearTimeout(this.#recovery);
    if (this.#cap >= this.#limit) return;
    this.#recovery = setTimeout(() => {
      this.#cap += 1;
      this.#recover();
      this.#announce();
    }, this.#recoveryMs);
  }

  #announce(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
