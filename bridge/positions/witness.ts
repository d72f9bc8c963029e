import type { PortfolioRow } from '../gateway/events.ts';
import { type Testimony, testimonyOf } from './testimony.ts';

/**
 * Asks accounts for their own holdings while absences of theirs are in doubt, and keeps the last answer of each until
 * they are not. Bound: one entry per account in doubt, one read of it at a time, and a rest between two.
 */
export class Witness {
  readonly #read: (account: string, signal: AbortSignal) => Promise<readonly PortfolioRow[]>;
  readonly #restMs: number;
  readonly #testimonies = new Map<string, Testimony>();
  readonly #restUntil = new Map<string, number>();
  readonly #reading = new Set<string>();
  readonly #abort = new AbortController();

  constructor(options: {
    readonly readPortfolio: (account: string, signal: AbortSignal) => Promise<readonly PortfolioRow[]>;
    /** From one request of an account to the next, whatever came of it. */
    readonly restMs: number;
  }) {
    this.#read = options.readPortfolio;
    this.#restMs = options.restMs;
  }

  get testimonies(): ReadonlyMap<string, Testimony> {
    return this.#testimonies;
  }

  /** @param accounts all that are in doubt now: what others said is forgotten */
  ask(accounts: ReadonlySet<string>): void {
    for (const account of this.#testimonies.keys()) {
      if (!accounts.has(account)) this.#testimonies.delete(account);
    }
    const now = performance.now();
    for (const [account, until] of this.#restUntil) if (until <= now) this.#restUntil.delete(account);
    for (const account of accounts) {
      if (this.#reading.has(account) || this.#restUntil.has(account)) continue;
      this.#restUntil.set(account, now + this.#restMs);
      this.#reading.add(account);
      void this.#question(account, now).finally(() => this.#reading.delete(account));
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Without an answer nothing follows: the reader has logged why, and the account is asked again. */
  async #question(account: string, askedTick: number): Promise<void> {
    const rows = await this.#read(account, this.#abort.signal).catch(() => undefined);
    if (rows !== undefined) this.#testimonies.set(account, testimonyOf(rows, askedTick));
  }
}
