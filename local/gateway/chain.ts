import { addDays, compactDay, type Day, expandDay, monthAfter, thirdFriday, weekday } from './calendar.ts';
import type { Instrument } from './portfolio.ts';
import type { ConIds } from './universe.ts';

const MONTHS_LISTED = 12;
const WEEKS_LISTED = 8;

/** One expiration of an underlying's options. */
export interface Series {
  readonly tradingClass: string;
  /** The last day on which it trades. */
  readonly lastTradeDay: Day;
  /** The day in its name: AM-settled SPX stops trading the day before. */
  readonly namedAfter: Day;
  readonly settlement: 'AM' | 'PM';
}

/** Expirations after a day, near ones first. Monthly SPX settles in the morning, SPXW and all others in the afternoon. */
export function seriesOf(underlying: Instrument, today: Day): Series[] {
  const { symbol, secType, lastTradeDate } = underlying.contract;
  if (secType === 'FUT') return lastTradeDate === undefined ? [] : [futureSeries(underlying, lastTradeDate)];
  const monthly = Array.from({ length: MONTHS_LISTED }, (_, offset) =>
    thirdFriday(...monthAfter(today, offset)),
  );
  const fridays = Array.from({ length: WEEKS_LISTED }, (_, week) => addDays(nextFriday(today), 7 * week));
  const earliest = addDays(today, 2);
  const series = monthly.map((day) => monthlySeries(symbol, day));
  for (const day of fridays) {
    // SPXW has a Friday of its own beside the monthly one.
    if (symbol === 'SPX')
      series.push({ tradingClass: 'SPXW', lastTradeDay: day, namedAfter: day, settlement: 'PM' });
    else if (!monthly.includes(day)) series.push(monthlySeries(symbol, day));
  }
  return series
    .filter(({ lastTradeDay }) => lastTradeDay >= earliest)
    .sort((left, right) => left.lastTradeDay.localeCompare(right.lastTradeDay));
}

/** Strikes come in steps of this. */
export function strikeStep({ contract, price = 0 }: Instrument): number {
  if (contract.secType === 'FUT' || contract.symbol === 'SPX') return 25;
  if (price >= 200) return 5;
  return price >= 50 ? 2.5 : 1;
}

export function optionOf(
  underlying: Instrument,
  terms: { readonly series: Series; readonly strike: number; readonly right: 'C' | 'P' },
  conIds: ConIds,
): Instrument {
  const { series, strike, right } = terms;
  const { contract } = underlying;
  const isFop = contract.secType === 'FUT';
  const localSymbol = isFop
    ? `${contract.localSymbol} ${right}${strike}`
    : occSymbol(series.tradingClass, series.namedAfter, right, strike);
  const exchange = isFop ? contract.exchange : 'SMART';
  return {
    contract: {
      conId: conIds.of(`${isFop ? 'FOP' : 'OPT'} ${series.namedAfter} ${localSymbol}`),
      symbol: contract.symbol,
      secType: isFop ? 'FOP' : 'OPT',
      lastTradeDate: compactDay(series.lastTradeDay),
      strike: String(strike),
      right,
      multiplier: isFop ? (contract.multiplier ?? '1') : '100',
      exchange,
      currency: contract.currency,
      localSymbol,
      tradingClass: series.tradingClass,
    },
    validExchanges: isFop ? [exchange] : exchangesOf(underlying),
    longName: underlying.longName,
    minTick: ['SPY', 'QQQ', 'IWM'].includes(contract.symbol) ? 0.01 : 0.05,
    priceMagnifier: underlying.priceMagnifier,
    underConId: contract.conId,
    contractMonth: compactDay(series.namedAfter).slice(0, 6),
    settlement: series.settlement,
    timeZoneId: isFop ? 'US/Central' : 'US/Eastern',
    volatility: underlying.volatility,
  };
}

function futureSeries({ contract }: Instrument, lastTradeDate: string): Series {
  const day = expandDay(lastTradeDate);
  return { tradingClass: contract.symbol, lastTradeDay: day, namedAfter: day, settlement: 'PM' };
}

function monthlySeries(symbol: string, day: Day): Series {
  return symbol === 'SPX'
    ? { tradingClass: 'SPX', lastTradeDay: addDays(day, -1), namedAfter: day, settlement: 'AM' }
    : { tradingClass: symbol, lastTradeDay: day, namedAfter: day, settlement: 'PM' };
}

function nextFriday(today: Day): Day {
  return addDays(today, ((5 - weekday(today) + 6) % 7) + 1);
}

function exchangesOf({ contract }: Instrument): string[] {
  return contract.symbol === 'SPX'
    ? ['SMART', 'CBOE', 'IBUSOPT']
    : ['SMART', 'AMEX', 'CBOE', 'PHLX', 'PSE', 'ISE', 'BOX', 'BATS'];
}

/** `QQQ   270115P00500000` */
function occSymbol(root: string, day: Day, right: 'C' | 'P', strike: number): string {
  return `${root.padEnd(6)}${compactDay(day).slice(2)}${right}${String(Math.round(strike * 1000)).padStart(8, '0')}`;
}
