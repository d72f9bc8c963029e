import { addDays, compactDay, type Day, monthAfter } from './calendar.ts';
import { FUTURES, type FutureListing, INDICES, STOCKS } from './listings.ts';
import type { Instrument } from './portfolio.ts';
import { hashText } from './random.ts';
import { round, toTick } from './rounding.ts';

const STOCK_EXCHANGES = ['SMART', 'AMEX', 'NYSE', 'CBOE', 'NASDAQ', 'ARCA', 'BATS', 'IEX', 'OVERNIGHT'];
/** How the exchanges abbreviate January to December. */
const MONTH_CODES = 'FGHJKMNQUVXZ';
/** Expirations of each future that exist at a time. */
const EXPIRATIONS_LISTED = 4;

/** Gives each contract its conId: the same contract has the same one in every portfolio. */
export class ConIds {
  readonly #taken = new Map<number, string>();

  /** @param key what identifies the contract */
  of(key: string): number {
    let conId = 700_000_000 + (hashText(key) % 200_000_000);
    while ((this.#taken.get(conId) ?? key) !== key) conId += 1;
    this.#taken.set(conId, key);
    return conId;
  }
}

export function stocks(conIds: ConIds): Instrument[] {
  return STOCKS.map(([symbol, longName, listedAt, price, volatility, conId]) => ({
    contract: {
      conId: conId ?? conIds.of(`STK ${symbol}`),
      symbol,
      secType: 'STK',
      exchange: 'SMART',
      currency: 'USD',
      localSymbol: symbol,
      tradingClass: listedAt === 'NASDAQ' ? 'NMS' : symbol,
    },
    validExchanges: STOCK_EXCHANGES,
    primaryExchange: listedAt,
    longName,
    minTick: 0.01,
    priceMagnifier: 1,
    timeZoneId: 'US/Eastern',
    price,
    volatility,
  }));
}

export function indices(): Instrument[] {
  return INDICES.map(([symbol, longName, price, volatility, conId]) => ({
    contract: {
      conId,
      symbol,
      secType: 'IND',
      exchange: 'CBOE',
      currency: 'USD',
      localSymbol: symbol,
      tradingClass: symbol,
    },
    validExchanges: ['CBOE'],
    longName,
    minTick: 0.01,
    priceMagnifier: 1,
    timeZoneId: 'US/Central',
    price,
    volatility,
  }));
}

/** The next expirations of every future after a day. */
export function futures(conIds: ConIds, today: Day): Instrument[] {
  return FUTURES.flatMap((listing) => {
    const listed: Instrument[] = [];
    for (let offset = 0; listed.length < EXPIRATIONS_LISTED; offset += 1) {
      const [year, month] = monthAfter(today, offset);
      const lastTradeDay = listing.lastTradeDay(year, month);
      if (!listing.months.includes(month) || lastTradeDay <= addDays(today, 1)) continue;
      listed.push(futureOf(listing, { year, month, lastTradeDay, nth: listed.length }, conIds));
    }
    return listed;
  });
}

function futureOf(
  { symbol, name, exchange, multiplier, minTick, priceMagnifier, price, volatility }: FutureListing,
  expiry: { readonly year: number; readonly month: number; readonly lastTradeDay: Day; readonly nth: number },
  conIds: ConIds,
): Instrument {
  return {
    contract: {
      conId: conIds.of(`FUT ${symbol} ${expiry.year}-${expiry.month}`),
      symbol,
      secType: 'FUT',
      lastTradeDate: compactDay(expiry.lastTradeDay),
      multiplier,
      exchange,
      currency: 'USD',
      localSymbol: `${symbol}${MONTH_CODES[expiry.month - 1]}${expiry.year % 10}`,
      tradingClass: symbol,
    },
    validExchanges: [exchange],
    longName: name,
    minTick,
    priceMagnifier,
    contractMonth: `${expiry.year}${String(expiry.month).padStart(2, '0')}`,
    timeZoneId: 'US/Central',
    // Each later one costs a little more: interest and storage.
    price: toTick(round(price * (1 + 0.008 * expiry.nth)), minTick, Math.round),
    volatility,
  };
}
