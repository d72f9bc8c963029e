import type { Decimal } from '../../shared/decimal.ts';
import { WATCH } from '../../shared/limits.ts';
import type { Strategy } from '../../shared/strategy.ts';
import type { ContractDetails } from '../gateway/events.ts';
import type { HeldPosition } from '../positions/differ.ts';
import { readHours } from './market-hours.ts';
import type { Quote } from './quote.ts';
import { dayOfUtc } from './time-zone.ts';
import { tradingDaysLeft } from './trading-hours.ts';
import type { ShortOption } from './watch.ts';

/** What is known of contracts right now, by the parts that know it. */
export interface Knowledge {
  readonly positionsOf: (conId: number) => readonly HeldPosition[];
  /** Contracts that are held, each once: any of them may tell the price of an underlying. */
  readonly heldConIds: () => Iterable<number>;
  readonly detailsOf: (conId: number) => ContractDetails | undefined;
  /** Streamed or polled, the best that is known. */
  readonly quoteOf: (conId: number) => Quote | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set(['OPT', 'FOP']);

/**
 * The options that these strategies hold short, and that their account really is short of: a leg that another one
 * balances endangers nobody. A contract whose details have not come yet is left out until they have.
 * @param now epoch milliseconds
 */
export function shortOptionsOf(
  strategies: Iterable<Strategy>,
  knowledge: Knowledge,
  now: number,
): ShortOption[] {
  const owners = new Map<number, string[]>();
  for (const { id, account, legs } of strategies) {
    for (const { conId, quantity } of legs) {
      if (!isShort(quantity) || !isHeldShort(knowledge, account, conId)) continue;
      const ids = owners.get(conId);
      if (ids) ids.push(id);
      else owners.set(conId, [id]);
    }
  }
  const options = [...owners].flatMap(([conId, strategyIds]) => {
    const details = knowledge.detailsOf(conId);
    const { secType = '', lastTradeDate } = details?.contract ?? {};
    return details && OPTIONS.has(secType) && lastTradeDate !== undefined
      ? [{ conId, strategyIds: strategyIds.sort(), lastTradeDate, details }]
      : [];
  });
  const prices = new UnderlyingPrices(knowledge, options, now);
  return options.map(({ details, ...option }) => ({
    ...option,
    tradingDaysLeft: daysLeftOf(details, option.lastTradeDate, now),
    distance: distanceOf(details, prices.of(details)),
  }));
}

/** Decimals have no sign on zero. */
function isShort(quantity: Decimal): boolean {
  return quantity.startsWith('-');
}

function isHeldShort({ positionsOf }: Knowledge, account: string, conId: number): boolean {
  return positionsOf(conId).some((position) => position.account === account && isShort(position.quantity));
}

/** No exchange rests for so long that its hours would make one day of two weeks; reading them takes milliseconds. */
const HOURS_MATTER_MS = 14 * 86_400_000;

function daysLeftOf(details: ContractDetails, lastTradeDate: string, now: number): number {
  const isFar = lastTradeDate > dayOfUtc(now + HOURS_MATTER_MS);
  const hours = isFar ? undefined : readHours(details);
  return tradingDaysLeft(hours?.ok ? hours.value : undefined, now, lastTradeDate);
}

/**
 * Marks are in the contract's currency. Whether a strike is too, or in the cents or pence that the contract is quoted
 * in, has changed with TWS 972 (@stoqey/ib, ContractDetails.priceMagnifier): the reading near the price is the one, for
 * they are a factor of a hundred apart.
 */
function distanceOf({ contract, priceMagnifier }: ContractDetails, price: number | undefined) {
  const strike = Number(contract.strike);
  if (price === undefined || !(strike > 0)) return undefined;
  const readings = [strike, strike / priceMagnifier];
  return Math.min(...readings.map((reading) => Math.abs(price - reading) / reading));
}

interface Price {
  readonly value: number;
  readonly at: number;
}

/** The price of an underlying from whatever is quoted: an option's model ticks carry it, and no line is spent on it. */
class UnderlyingPrices {
  readonly #knowledge: Knowledge;
  readonly #oldestAt: number;
  readonly #byConId = new Map<number, Price>();

  constructor(knowledge: Knowledge, options: readonly { readonly details: ContractDetails }[], now: number) {
    this.#knowledge = knowledge;
    this.#oldestAt = now - WATCH.priceAgeMaxMs;
    const underlyings = new Set(options.flatMap(({ details }) => details.underConId ?? []));
    for (const conId of underlyings) this.#keep(conId, this.#ofItself(conId));
    const unknown = underlyings.difference(this.#byConId);
    if (unknown.size === 0) return;
    for (const conId of knowledge.heldConIds()) {
      const { underConId } = knowledge.detailsOf(conId) ?? {};
      if (underConId !== undefined && unknown.has(underConId)) this.#keep(underConId, this.#ofModel(conId));
    }
  }

  /**
   * The option's own model first: VIX options, for one, are priced off futures of many months. Then the underlying
   * itself, then the newest of what other options on it say.
   */
  of({ contract, underConId }: ContractDetails): number | undefined {
    const price =
      this.#ofModel(contract.conId) ?? (underConId === undefined ? undefined : this.#byConId.get(underConId));
    return price?.value;
  }

  #keep(underConId: number, price: Price | undefined): void {
    if (price && price.at > (this.#byConId.get(underConId)?.at ?? 0)) this.#byConId.set(underConId, price);
  }

  #ofModel(conId: number): Price | undefined {
    const mark = this.#knowledge.quoteOf(conId)?.mark;
    return this.#fresh(mark?.underlying, mark?.greeksAt);
  }

  #ofItself(conId: number): Price | undefined {
    const mark = this.#knowledge.quoteOf(conId)?.mark;
    return this.#fresh(mark?.price, mark?.at);
  }

  #fresh(value: number | undefined, at: string | undefined): Price | undefined {
    if (value === undefined || at === undefined || !(value > 0)) return undefined;
    const atMs = Date.parse(at);
    return atMs >= this.#oldestAt ? { value, at: atMs } : undefined;
  }
}
