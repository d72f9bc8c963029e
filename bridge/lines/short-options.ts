import { compareDecimals } from '../../shared/decimal.ts';
import { WATCH } from '../../shared/limits.ts';
import type { Strategy } from '../../shared/strategy.ts';
import type { ContractDetails } from '../gateway/events.ts';
import type { HeldPosition } from '../positions/differ.ts';
import type { Quote } from './quote.ts';
import { parseTradingHours, type TradingHours, tradingDaysLeft } from './trading-hours.ts';
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
    tradingDaysLeft: tradingDaysLeft(hoursOf(details), now, option.lastTradeDate),
    distance: distanceOf(details, prices.of(details)),
  }));
}

function isShort(quantity: string): boolean {
  return compareDecimals(quantity, '0') < 0;
}

function isHeldShort({ positionsOf }: Knowledge, account: string, conId: number): boolean {
  return positionsOf(conId).some((position) => position.account === account && isShort(position.quantity));
}

/** Details are replaced as a whole when they are asked for again, so each text is read once. */
const hours = new WeakMap<ContractDetails, TradingHours>();

function hoursOf(details: ContractDetails): TradingHours | undefined {
  const known = hours.get(details);
  const { tradingHours, timeZoneId } = details;
  if (known || tradingHours === undefined || timeZoneId === undefined) return known;
  const parsed = parseTradingHours(tradingHours, timeZoneId);
  if (!parsed.ok) return undefined;
  hours.set(details, parsed.value);
  return parsed.value;
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
    const wanted = new Set(options.flatMap(({ details }) => details.underConId ?? []));
    if (wanted.size === 0) return;
    for (const conId of wanted) this.#keep(conId, this.#ofItself(conId));
    const optionIds = options.map(({ details }) => details.contract.conId);
    for (const conId of new Set([...optionIds, ...knowledge.heldConIds()])) {
      const { underConId } = knowledge.detailsOf(conId) ?? {};
      if (underConId !== undefined && wanted.has(underConId)) this.#keep(underConId, this.#ofModel(conId));
    }
  }

  /** The option's own model first: VIX options, for one, are priced off futures of many months. */
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
