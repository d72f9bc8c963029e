import { BRIDGE } from '../../../shared/limits.ts';
import type { LaneClassStatus } from '../../../shared/status.ts';
import type { Gateway, GatewayEvent, PortfolioRow } from '../../gateway/events.ts';
import type { Quote } from '../quote.ts';
import { priceOf } from './portfolio-price.ts';

export interface PortfolioMarksOptions {
  readonly gateway: Gateway;
  /** @throws when there is no complete list; whoever reads has logged why */
  readonly readPortfolio: (account: string, signal: AbortSignal) => Promise<readonly PortfolioRow[]>;
  /** Accounts to read: those that this bridge holds. */
  readonly accounts: () => ReadonlySet<string>;
  /** A reading brought this contract's price. */
  readonly onQuote: (conId: number) => void;
  readonly periodMs?: number;
  /** After a reading that failed. */
  readonly retryMs?: number;
}

/** One complete reading of an account. */
interface Reading {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly tick: number;
  /** Between it and the one before it. */
  readonly intervalMs: number;
  /** By conId, in the contract's currency. */
  readonly prices: Map<number, number>;
}

const RETRY_MS = 60_000;
/** So many periods may pass before a mark is called old: one reading may fail. */
const OVERDUE_PERIODS = 2;

/**
 * Marks of all positions without a market data line: the values of the account window, read account by account once
 * per period. IB refreshes them every three minutes and sends neither bid nor ask nor greeks with them, so such a
 * mark is a price and a time, of quality `delayed`.
 * https://interactivebrokers.github.io/tws-api/account_updates.html
 *
 * Bound: one number per contract that the accounts hold.
 */
export class PortfolioMarks {
  readonly #options: PortfolioMarksOptions;
  readonly #periodMs: number;
  readonly #readings = new Map<string, Reading>();
  /** When an account is to be read next, on the clock of `performance.now()`; without an entry it is due. */
  readonly #due = new Map<string, number>();
  readonly #abort = new AbortController();
  #unsubscribe: (() => void) | undefined;
  #isReading = false;
  #timer: NodeJS.Timeout | undefined;
  #isLinkDown = false;

  constructor(options: PortfolioMarksOptions) {
    this.#options = options;
    this.#periodMs = options.periodMs ?? BRIDGE.markPeriodMs;
  }

  start(): void {
    this.#unsubscribe = this.#options.gateway.subscribe((event) => this.#onEvent(event));
    this.#pump();
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /** The accounts have changed: what is not held any more is forgotten, what is new is asked for at once. */
  update(): void {
    const accounts = this.#options.accounts();
    for (const account of this.#readings.keys()) if (!accounts.has(account)) this.#readings.delete(account);
    for (const account of this.#due.keys()) if (!accounts.has(account)) this.#due.delete(account);
    this.#pump();
  }

  /** Somebody is about to need marks: what is older than this is read now and not when its period is over. */
  refresh(maxAgeMs: number): void {
    const oldestTick = performance.now() - maxAgeMs;
    for (const [account, { tick }] of this.#readings) if (tick < oldestTick) this.#due.delete(account);
    this.#pump();
  }

  /** Nobody holds it any more: what it was worth is of no use. */
  forget(conId: number): void {
    for (const { prices } of this.#readings.values()) prices.delete(conId);
  }

  quoteOf(conId: number): Quote | undefined {
    const reading = this.#newest(conId);
    const price = reading?.prices.get(conId);
    if (reading === undefined || price === undefined) return undefined;
    const isOld = this.#isLinkDown || performance.now() - reading.tick > OVERDUE_PERIODS * this.#periodMs;
    return {
      quality: isOld ? 'stale' : 'delayed',
      mark: { price, at: new Date(reading.at).toISOString() },
    };
  }

  status(): LaneClassStatus {
    const readings = [...this.#readings.values()];
    const ages = readings.map(({ tick }) => performance.now() - tick);
    const contracts = new Set(readings.flatMap(({ prices }) => [...prices.keys()])).size;
    return {
      class: 'mark',
      source: 'portfolio',
      contracts,
      quoted: contracts,
      periodMs: this.#periodMs,
      reachedPeriodMs: Math.max(this.#periodMs, ...ages, ...readings.map(({ intervalMs }) => intervalMs)),
      ...(ages.length === 0 ? {} : { oldestMs: Math.max(...ages) }),
    };
  }

  #onEvent(event: GatewayEvent): void {
    switch (event.type) {
      case 'ready':
      case 'linkUp':
        this.#isLinkDown = false;
        this.#due.clear();
        this.#pump();
        break;
      case 'lost':
      case 'linkDown':
        this.#isLinkDown = true;
        break;
      default:
        break;
    }
  }

  /** One account at a time, whoever is due first; comes back when the next one is. */
  #pump(): void {
    clearTimeout(this.#timer);
    const { gateway, accounts } = this.#options;
    const isOff = this.#unsubscribe === undefined || !gateway.isReady || this.#isLinkDown;
    if (isOff || this.#isReading) return;
    const now = performance.now();
    const [next] = [...accounts()]
      .map((account) => ({ account, waitMs: (this.#due.get(account) ?? now) - now }))
      .sort((left, right) => left.waitMs - right.waitMs);
    if (next === undefined) return;
    if (next.waitMs > 0) this.#timer = setTimeout(() => this.#pump(), Math.ceil(next.waitMs));
    else void this.#read(next.account, now);
  }

  async #read(account: string, startedTick: number): Promise<void> {
    const { readPortfolio, retryMs = RETRY_MS } = this.#options;
    this.#isReading = true;
    this.#due.set(account, startedTick + this.#periodMs);
    const rows = await readPortfolio(account, this.#abort.signal).catch(() => undefined);
    if (rows) this.#keep(account, startedTick, rows);
    else this.#due.set(account, performance.now() + Math.min(this.#periodMs, retryMs));
    this.#isReading = false;
    this.#pump();
  }

  #keep(account: string, tick: number, rows: readonly PortfolioRow[]): void {
    const { accounts, onQuote } = this.#options;
    if (!accounts().has(account)) return;
    const prices = new Map<number, number>();
    for (const row of rows) {
      const price = priceOf(row);
      if (price !== undefined) prices.set(row.contract.conId, price);
    }
    const last = this.#readings.get(account);
    this.#readings.set(account, {
      at: Date.now(),
      tick,
      intervalMs: last === undefined ? 0 : tick - last.tick,
      prices,
    });
    for (const conId of prices.keys()) onQuote(conId);
  }

  /** Of several accounts that hold the contract, the one that was read last. */
  #newest(conId: number): Reading | undefined {
    let newest: Reading | undefined;
    for (const reading of this.#readings.values()) {
      if (reading.prices.has(conId) && reading.tick > (newest?.tick ?? Number.NEGATIVE_INFINITY)) {
        newest = reading;
      }
    }
    return newest;
  }
}
