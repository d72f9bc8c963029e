import type { Decoding } from '../gateway/decode.ts';
import type { ContractDetails } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import type { ContractResolver } from './contract-resolver.ts';
import { parseTradingHours, type TradingHours } from './trading-hours.ts';

/** conId -> when it trades, by its contract details. */
export interface MarketHours {
  /** @returns undefined where they are not known */
  of(conId: number): TradingHours | undefined;
}

/** Parses each set of details once, and says once per kind of fault what it cannot read. */
export class ContractHours implements MarketHours {
  readonly #contracts: Pick<ContractResolver, 'peek'>;
  readonly #log: Log;
  readonly #parsed = new WeakMap<ContractDetails, { readonly hours: TradingHours | undefined }>();
  /** Bound: time zones and forms of text that IB has. */
  readonly #faults = new Set<string>();

  constructor(options: { readonly contracts: Pick<ContractResolver, 'peek'>; readonly log: Log }) {
    this.#contracts = options.contracts;
    this.#log = options.log;
  }

  of(conId: number): TradingHours | undefined {
    const details = this.#contracts.peek(conId);
    if (details === undefined) return undefined;
    const known = this.#parsed.get(details);
    if (known) return known.hours;
    const hours = this.#parse(details);
    this.#parsed.set(details, { hours });
    return hours;
  }

  #parse({ contract, tradingHours, liquidHours, timeZoneId }: ContractDetails): TradingHours | undefined {
    const text = tradingHours ?? liquidHours;
    const parsed: Decoding<TradingHours> =
      text === undefined || timeZoneId === undefined
        ? { ok: false, fault: 'its contract details have none' }
        : parseTradingHours(text, timeZoneId);
    if (parsed.ok) return parsed.value;
    if (!this.#faults.has(parsed.fault) && this.#faults.size < FAULTS_TOLD_MAX) {
      this.#faults.add(parsed.fault);
      this.#log.warn('trading-hours-unknown', { conId: contract.conId, fault: parsed.fault });
    }
    return undefined;
  }
}

const FAULTS_TOLD_MAX = 20;
