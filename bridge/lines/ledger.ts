import { GATEWAY } from '../../shared/limits.ts';
import type { BridgeStatus } from '../../shared/status.ts';

export type LineKind = 'stream' | 'snapshot';

/** One line in use, from the request until the gateway can no longer count it. */
export interface LineUse {
  readonly kind: LineKind;
}

export interface LineLedgerOptions {
  /** The setting: market data lines of the account. */
  readonly cap: number;
  /** Of them, what is left to the trader's own TWS, phone and other programs. */
  readonly reserve?: number;
  /** How long a line that was cancelled still counts: the broker frees it a moment after it read the cancel. */
  readonly graceMs?: number;
  /**
   * After this long without another refusal the learned cap grows by one. Where that led to the same refusal again,
   * the first growth after it waits twice as long, and twice that the next time.
   */
  readonly recoveryMs?: number;
}

/** An account whose lines are in steady use elsewhere is asked for more every quarter of an hour, not every minute. */
const RECOVERY_FACTOR_MAX = 16;

/** Below a hundred lines the share of the polled lane falls with them: strategies come first. */
const POLLED_SHARE_DIVISOR = 10;

/**
 * @param cap lines that may be in use @returns how many of them no stream may take: five from 50 lines on, one less
 *   with every ten lines below that, none below ten
 */
function polledShareOf(cap: number): number {
  return Math.min(GATEWAY.polledLines, Math.floor(cap / POLLED_SHARE_DIVISOR));
}

/**
 * The single authority for the cap: streams, snapshots in flight and lines being given back, together, never exceed
 * it. Whoever wants a line takes it here before the request is sent, and is told by `onChange` when there may be room.
 */
export class LineLedger {
  readonly #setting: number;
  readonly #reserve: number;
  readonly #graceMs: number;
  readonly #recoveryMs: number;
  readonly #uses = new Set<LineUse>();
  readonly #closing = new Map<LineUse, NodeJS.Timeout>();
  readonly #listeners = new Set<() => void>();
  #cap: number;
  /** When a refusal lowered it last; undefined while it is the limit. */
  #learnedAt: number | undefined;
  /** From where it last began to grow, and how many times the usual wait that took. */
  #grownFrom: { readonly cap: number; readonly factor: number } | undefined;
  #demand = 0;
  #recovery: NodeJS.Timeout | undefined;

  constructor(options: LineLedgerOptions) {
    this.#setting = options.cap;
    this.#reserve = options.reserve ?? 0;
    this.#cap = this.limit;
    this.#graceMs = options.graceMs ?? 250;
    this.#recoveryMs = options.recoveryMs ?? 60_000;
  }

  /** The setting without the reserve: what the cap starts with and grows back to. */
  get limit(): number {
    return Math.max(0, this.#setting - this.#reserve);
  }

  /** What the gateway has proved to grant, at most the limit. */
  get cap(): number {
    return this.#cap;
  }

  /** What streams may demand: the cap without the share that the polled lane is sure of. */
  get streamCap(): number {
    return this.#cap - polledShareOf(this.#cap);
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

  status(): Pick<BridgeStatus['lines'], 'cap' | 'capReason' | 'setting' | 'reserve' | 'polledShare'> {
    return {
      cap: this.#cap,
      capReason: this.#whyCap(),
      setting: this.#setting,
      reserve: this.#reserve,
      polledShare: polledShareOf(this.#cap),
    };
  }

  /** @param lines how many the budget granted to streams and to the watch class: snapshots stay within the rest */
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
   * Error 101: no line was free for it, so the allowance is what is in use without it: what the gateway confirmed, and
   * what is on its way to it or being given back. Each of those that is refused too lowers it by one more, so that a
   * burst ends at what was granted. Not counting them at once would end far below that: first messages may come later
   * than refusals, and the pacer sends streams before snapshots that were asked for earlier.
   */
  refused(use: LineUse): void {
    if (!this.#uses.delete(use)) return;
    if (this.inUse < this.#cap) {
      this.#cap = this.inUse;
      this.#learnedAt = Date.now();
    }
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

  /** A refusal at the level from which it had grown says that nothing has changed: the next attempt waits longer. */
  #recover(): void {
    clearTimeout(this.#recovery);
    const cap = this.#cap;
    const before = this.#grownFrom;
    const factor = cap === before?.cap ? Math.min(RECOVERY_FACTOR_MAX, 2 * before.factor) : 1;
    this.#recovery = setTimeout(() => {
      this.#grownFrom = { cap, factor };
      this.#grow();
    }, this.#recoveryMs * factor);
  }

  #grow(): void {
    this.#cap += 1;
    if (this.#cap < this.limit) {
      this.#recovery = setTimeout(() => this.#grow(), this.#recoveryMs);
    } else {
      this.#learnedAt = undefined;
      this.#grownFrom = undefined;
    }
    this.#announce();
  }

  #whyCap(): string {
    if (this.#learnedAt === undefined) {
      return this.#reserve === 0
        ? 'as lines.cap says'
        : `lines.cap is ${this.#setting}, and ${this.#reserve} are left to your own TWS`;
    }
    const at = new Date(this.#learnedAt).toISOString();
    return (
      `the gateway refused a line at ${at} (error 101), and the cap fell to what it had granted; ` +
      `it grows back to ${this.limit}, by one after each while without a refusal`
    );
  }

  #announce(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
