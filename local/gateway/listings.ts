import { type Day, thirdFriday, weekdayBefore } from './calendar.ts';

/** What is listed in the simulated market, roughly as it stood in late 2026. conIds are IB's own where they are well known. */

/** Symbol, name, primary exchange, price, volatility, conId. */
export type StockListing = readonly [string, string, string, number, number, number?];

export const STOCKS: readonly StockListing[] = [
  ['SPY', 'SPDR S&P 500 ETF TRUST', 'ARCA', 660, 0.16, 756733],
  ['QQQ', 'INVESCO QQQ TRUST SERIES 1', 'NASDAQ', 600, 0.2, 320227571],
  ['IWM', 'ISHARES RUSSELL 2000 ETF', 'ARCA', 240, 0.22, 9579970],
  ['AAPL', 'APPLE INC', 'NASDAQ', 256, 0.26, 265598],
  ['AMZN', 'AMAZON.COM INC', 'NASDAQ', 220, 0.31, 3691937],
  ['MSFT', 'MICROSOFT CORP', 'NASDAQ', 480, 0.24, 272093],
  ['NVDA', 'NVIDIA CORP', 'NASDAQ', 180, 0.42, 4815747],
  ['TSLA', 'TESLA INC', 'NASDAQ', 400, 0.55, 76792991],
  ['META', 'META PLATFORMS INC', 'NASDAQ', 620, 0.33, 107113386],
  ['GOOGL', 'ALPHABET INC', 'NASDAQ', 290, 0.3, 208813719],
  ['AMD', 'ADVANCED MICRO DEVICES', 'NASDAQ', 210, 0.5, 4391],
  ['INTC', 'INTEL CORP', 'NASDAQ', 36, 0.48],
  ['NFLX', 'NETFLIX INC', 'NASDAQ', 110, 0.35],
  ['COST', 'COSTCO WHOLESALE CORP', 'NASDAQ', 900, 0.2],
  ['JPM', 'JPMORGAN CHASE & CO', 'NYSE', 300, 0.23],
  ['XOM', 'EXXON MOBIL CORP', 'NYSE', 116, 0.23],
  ['KO', 'COCA-COLA CO', 'NYSE', 71, 0.15],
  ['DIS', 'WALT DISNEY CO', 'NYSE', 105, 0.27],
  ['IBM', 'INTL BUSINESS MACHINES CORP', 'NYSE', 300, 0.28, 8314],
  ['BA', 'BOEING CO', 'NYSE', 190, 0.34],
  ['CAT', 'CATERPILLAR INC', 'NYSE', 560, 0.29],
  ['WMT', 'WALMART INC', 'NYSE', 105, 0.2],
  ['PFE', 'PFIZER INC', 'NYSE', 25, 0.25],
  ['F', 'FORD MOTOR CO', 'NYSE', 13, 0.33],
  ['GLD', 'SPDR GOLD SHARES', 'ARCA', 375, 0.19],
  ['TLT', 'ISHARES 20+ YEAR TREASURY BOND', 'NASDAQ', 90, 0.14],
];

/** Symbol, name, price, volatility, conId. */
export const INDICES: readonly (readonly [string, string, number, number, number])[] = [
  ['SPX', 'S&P 500 Stock Index', 6600, 0.16, 416904],
  ['VIX', 'CBOE Volatility Index', 17, 0.9, 13455763],
];

export interface FutureListing {
  readonly symbol: string;
  readonly name: string;
  readonly exchange: string;
  readonly multiplier: string;
  readonly minTick: number;
  readonly priceMagnifier: number;
  readonly price: number;
  readonly volatility: number;
  /** 1 to 12 */
  readonly months: readonly number[];
  readonly lastTradeDay: (year: number, month: number) => Day;
}

const SP500 = {
  exchange: 'CME',
  minTick: 0.25,
  priceMagnifier: 1,
  price: 6620,
  volatility: 0.16,
  months: [3, 6, 9, 12],
  lastTradeDay: thirdFriday,
} as const;

export const FUTURES: readonly FutureListing[] = [
  { ...SP500, symbol: 'ES', name: 'E-mini S&P 500', multiplier: '50' },
  { ...SP500, symbol: 'MES', name: 'Micro E-Mini S&P 500 Stock Price Index', multiplier: '5' },
  { ...SP500, symbol: 'NQ', name: 'E-mini NASDAQ 100', multiplier: '20', price: 24_500, volatility: 0.2 },
  {
    ...SP500,
    symbol: 'RTY',
    name: 'E-Mini Russell 2000 Index',
    multiplier: '50',
    minTick: 0.1,
    price: 2410,
    volatility: 0.22,
  },
  {
    symbol: 'CL',
    name: 'Light Sweet Crude Oil',
    exchange: 'NYMEX',
    multiplier: '1000',
    minTick: 0.01,
    priceMagnifier: 1,
    price: 60,
    volatility: 0.34,
    months: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    // About the 20th of the month before.
    lastTradeDay: (year, month) => weekdayBefore(year, month, -10),
  },
  {
    symbol: 'GC',
    name: 'Gold',
    exchange: 'COMEX',
    multiplier: '100',
    minTick: 0.1,
    priceMagnifier: 1,
    price: 4100,
    volatility: 0.19,
    months: [2, 4, 6, 8, 10, 12],
    lastTradeDay: (year, month) => weekdayBefore(year, month, 28),
  },
  {
    // Quoted in cents a bushel: averageCost is price / 100 x 5000.
    symbol: 'ZC',
    name: 'Corn Futures',
    exchange: 'CBOT',
    multiplier: '5000',
    minTick: 0.25,
    priceMagnifier: 100,
    price: 430,
    volatility: 0.24,
    months: [3, 5, 7, 9, 12],
    lastTradeDay: (year, month) => weekdayBefore(year, month, 15),
  },
];
