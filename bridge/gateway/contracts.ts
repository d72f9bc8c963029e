import type { Log } from '../log.ts';
import { ContractCache } from './contract-cache.ts';
import { ContractLookups, type LookupLimits } from './contract-lookups.ts';
import type { ContractDetails, Gateway } from './events.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** An instrument by name, as the polled indices are configured: VIX IND CBOE USD, SPY STK SMART USD. */
export interface SymbolLookup {
  readonly symbol: string;
  readonly secType: string;
  readonly exchange: string;
  readonly currency: string;
}

export interface ContractBookOptions {
  readonly gateway: Gateway;
  readonly log: Log;
  /** The cache file, made when it is missing. */
  readonly path: string;
  /** Details older than this are asked for again; the old ones serve meanwhile. Default one day. */
  readonly refreshAfterMs?: number;
  /** How long changes may wait for the disk. Default 5 s. */
  readonly saveDelayMs?: number;
  readonly limits?: Partial<LookupLimits>;
}

export interface ContractBookStatus {
  readonly known: number;
  readonly waiting: number;
  /** Contracts that the broker refused and that are not asked for again for a while. */
  readonly refused: number;
  /** Of the cache file: see ContractCache. */
  readonly cacheFaults: number;
}

interface Entry {
  readonly atMs: number;
  readonly details: ContractDetails;
  /** When it is old enough to ask again, or when it was asked for in vain lately. */
  refreshAtMs: number;
}

/** After an attempt to refresh: the old details serve on. */
const REFRESH_PAUSE_MS = HOUR_MS;

/**
 * conId -> contract details: who trades it, in which steps, at which hours. Known ones come from memory and disk,
 * others are asked for once, however many want them.
 */
export class ContractBook implements AsyncDisposable {
  readonly #entries = new Map<number, Entry>();
  readonly #symbols = new Map<string, number>();
  readonly #cache: ContractCache;
  readonly #lookups: ContractLookups;
  readonly #refreshAfterMs: number;
  readonly #saveDelayMs: number;
  #saveTimer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: ContractBookOptions) {
    this.#cache = new ContractCache({ path: options.path, log: options.log });
    this.#lookups = new ContractLookups({
      gateway: options.gateway,
      log: options.log,
      limits: options.limits ?? {},
      answered: (details) => this.#keep(details),
    });
    this.#refreshAfterMs = options.refreshAfterMs ?? DAY_MS;
    this.#saveDelayMs = options.saveDelayMs ?? 5_000;
  }

  /** Reads the cache and listens to the gateway. Call it before the gateway is started. */
  async start(): Promise<void> {
    this.#lookups.start();
    const { contracts, symbols } = await this.#cache.load();
    for (const { at, details } of contracts) {
      const atMs = Date.parse(at);
      const refreshAtMs = atMs + this.#refreshAfterMs;
      this.#entries.set(details.contract.conId, { atMs, refreshAtMs, details: details as ContractDetails });
    }
    for (const [key, conId] of Object.entries(symbols)) this.#symbols.set(key, conId);
  }

  /** Whoever still waits is refused with disposition `retry`; what is known is on disk afterwards. */
  async stop(): Promise<void> {
    this.#lookups.stop();
    if (this.#saveTimer !== undefined) this.#save();
    await this.#saving;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Waits for a gateway that is not ready, for a link that is down, and again after a lost connection.
   * @throws ContractFault `drop` when the broker does not know it, `retry` when it gave no answer
   * @throws the signal's reason
   */
  async resolve(conId: number, signal: AbortSignal): Promise<ContractDetails> {
    signal.throwIfAborted();
    const known = this.#entries.get(conId);
    if (known !== undefined) {
      this.#refresh(conId, known);
      return known.details;
    }
    return this.#lookups.ask({ key: String(conId), contract: { conId } }, signal);
  }

  /** As `resolve`. @throws ContractFault `drop` also when the name is ambiguous */
  async resolveSymbol(lookup: SymbolLookup, signal: AbortSignal): Promise<ContractDetails> {
    signal.throwIfAborted();
    const key = symbolKey(lookup);
    const conId = this.#symbols.get(key);
    if (conId !== undefined) return this.resolve(conId, signal);
    const details = await this.#lookups.ask({ key, contract: { conId: 0, ...lookup } }, signal);
    this.#symbols.set(key, details.contract.conId);
    return details;
  }

  /** What is known right now, however old. */
  peek(conId: number): ContractDetails | undefined {
    return this.#entries.get(conId)?.details;
  }

  status(): ContractBookStatus {
    return {
      known: this.#entries.size,
      waiting: this.#lookups.waiting,
      refused: this.#lookups.refused,
      cacheFaults: this.#cache.faults,
    };
  }

  #refresh(conId: number, known: Entry): void {
    if (Date.now() < known.refreshAtMs) return;
    known.refreshAtMs = Date.now() + REFRESH_PAUSE_MS;
    this.#lookups.askQuietly({ key: String(conId), contract: { conId } });
  }

  #keep(details: ContractDetails): void {
    const atMs = Date.now();
    const refreshAtMs = atMs + this.#refreshAfterMs;
    this.#entries.set(details.contract.conId, { atMs, refreshAtMs, details });
    this.#saveTimer ??= setTimeout(() => this.#save(), this.#saveDelayMs);
  }

  #save(): void {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    this.#forgetExpired();
    const contracts = [...this.#entries.values()].map(({ atMs, details }) => ({
      at: new Date(atMs).toISOString(),
      details: { ...details, validExchanges: [...details.validExchanges] },
    }));
    const symbols = Object.fromEntries(this.#symbols);
    this.#saving = this.#saving.then(() => this.#cache.save({ contracts, symbols }));
  }

  /** A week after the last trade nobody asks any more. */
  #forgetExpired(): void {
    const limit = new Date(Date.now() - 7 * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
    for (const [conId, { details }] of this.#entries) {
      const { lastTradeDate } = details.contract;
      if (lastTradeDate !== undefined && lastTradeDate < limit) this.#entries.delete(conId);
    }
  }
}

function symbolKey({ symbol, secType, exchange, currency }: SymbolLookup): string {
  return [symbol, secType, exchange, currency].join(' ');
}
