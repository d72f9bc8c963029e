import type { Decoding } from '../gateway/decode.ts';
import type { ContractDetails } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import type { ContractResolver } from './contract-resolver.ts';
import { parseTradingHours, type TradingHours } from './trading-hours.ts';

/** By text: the contracts of one exchange have the same, and reading it takes milliseconds. */
const readings = new Map<string, Decoding<TradingHours>>();
const READINGS_MAX = 200;

/** The trading hours of contract details, or the liquid ones where they are all that is said. */
export function readHours(details: ContractDetails): Decoding<TradingHours> {
  const { tradingHours, liquidHours, timeZoneId } = details;
  const text = tradingHours ?? liquidHours;
  if (text === undefined || timeZoneId === undefined) {
    return { ok: false, fault: 'its contract details have none' };
  }
  const key = `${timeZoneId} ${text}`;
  const known = readings.get(key);
  if (known) return known;
  if (readings.size >= READINGS_MAX) readings.clear();
  const reading = parseTradingHours(text, timeZoneId);
  readings.set(key, reading);
  return reading;
}

/** conId -> when it trades, by its contract details. */
export interface MarketHours {
  /** @returns undefined where they are not known */
  of(conId: number): TradingHours | undefined;
}

/** Says once per reason what it cannot read. */
export class ContractHours implements MarketHours {
  readonly #contracts: Pick<ContractResolver, 'peek'>;
  readonly #log: Log;
  readonly #known = new WeakMap<ContractDetails, { readonly hours: TradingHours | undefined }>();
  /** Bound: time zones and forms of text that IB has. */
  readonly #faults = new Set<string>();

  constructor(options: { readonly contracts: Pick<ContractResolver, 'peek'>; readonly log: Log }) {
    this.#contracts = options.contracts;
    this.#log = options.log;
  }

  of(conId: number): TradingHours | undefined {
    const details = this.#contracts.peek(conId);
    if (details === undefined) return undefined;
    const known = this.#known.get(details);
    if (known) return known.hours;
    const reading = readHours(details);
    if (!reading.ok) this.#tell(conId, reading.fault);
    const hours = reading.ok ? reading.value : undefined;
    this.#known.set(details, { hours });
    return hours;
  }

  #tell(conId: number, fault: string): void {
    if (this.#faults.has(fault) || this.#faults.size >= FAULTS_TOLD_MAX) return;
    this.#faults.add(fault);
    this.#log.warn('trading-hours-unknown', { conId, fault });
  }
}

const FAULTS_TOLD_MAX = 20;
