import type { Contract as IbContract, ContractDetails as IbContractDetails } from '@stoqey/ib';
import { maskAccount } from '../../shared/account.ts';
import { type Contract, contractSchema } from '../../shared/contract.ts';
import { type Decimal, decimal } from '../../shared/decimal.ts';
import { describeFaults } from '../../shared/message.ts';
import type {
  ContractDetails,
  Greeks,
  GreeksSource,
  MarketDataType,
  PortfolioRow,
  PriceField,
  SizeField,
} from './events.ts';

/**
 * From the client library's rows to ours, once and for all: behind this, missing is `undefined`. Pure.
 * Tick types: https://interactivebrokers.github.io/tws-api/tick_types.html
 */

export interface DecodedPosition {
  readonly account: string;
  readonly contract: Contract;
  readonly quantity: Decimal;
  readonly averageCost: Decimal;
}

export type Decoding<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: string };

/** The library hands over what it parsed: NaN where the text was no number, undefined where IB sent its "unset". */
export interface PositionRow {
  readonly account: string;
  readonly contract: IbContract;
  readonly quantity: number | undefined;
  readonly averageCost: number | undefined;
}

export function decodePosition(row: PositionRow): Decoding<DecodedPosition> {
  const where = `position of conId ${row.contract.conId} in account ${maskAccount(String(row.account))}`;
  const fault = (text: string): Decoding<DecodedPosition> => ({ ok: false, fault: `${where}: ${text}` });
  if (row.account === '') return fault('no account');
  const contract = decodeContract(row.contract);
  if (!contract.ok) return fault(contract.fault);
  const { quantity } = row;
  if (!isNumber(quantity)) return fault(`quantity ${quantity} is no number`);
  // A closed position has no cost: there IB may well send none.
  const averageCost = quantity === 0 ? (row.averageCost ?? 0) : row.averageCost;
  if (!isNumber(averageCost)) return fault(`average cost ${averageCost} is no number`);
  return {
    ok: true,
    value: {
      account: row.account,
      contract: contract.value,
      quantity: decimal(quantity),
      averageCost: decimal(averageCost),
    },
  };
}

export interface RawPortfolioRow extends PositionRow {
  readonly marketPrice: number | undefined;
  readonly marketValue: number | undefined;
}

/** The row of a position with what it is worth. */
export function decodePortfolioRow(row: RawPortfolioRow): Decoding<PortfolioRow> {
  const position = decodePosition(row);
  if (!position.ok) return position;
  return {
    ok: true,
    value: {
      ...position.value,
      ...present('marketPrice', isNumber(row.marketPrice) ? row.marketPrice : undefined),
      ...present('marketValue', isNumber(row.marketValue) ? row.marketValue : undefined),
    },
  };
}

/**
 * Account values with the key accountReady: "false" while IB's server resets, when what it sends may be out of date
 * (https://interactivebrokers.github.io/tws-api/account_updates.html).
 */
export function isAccountNotReady(key: string, value: string): boolean {
  return key.toLowerCase() === 'accountready' && value.toLowerCase() === 'false';
}

function decodeContract(row: IbContract): Decoding<Contract> {
  const parsed = contractSchema.safeParse({
    conId: row.conId,
    symbol: row.symbol,
    secType: row.secType,
    // A 0 is how the wire says that there is none.
    ...present('strike', decimalOrAbsent(row.strike)),
    ...present('multiplier', decimalOrAbsent(row.multiplier)),
    ...present('lastTradeDate', lastTradeDate(row)),
    ...present('right', row.right),
    ...present('exchange', textOrAbsent(row.exchange)),
    currency: row.currency,
    ...present('localSymbol', textOrAbsent(row.localSymbol)),
    ...present('tradingClass', textOrAbsent(row.tradingClass)),
  });
  if (!parsed.success) return { ok: false, fault: describeFaults(parsed.error) };
  return { ok: true, value: parsed.data };
}

/**
 * From 182 on contract details have the date in a field of its own; otherwise it is the head of
 * "20261218 08:30 US/Central". A bare month is no day.
 */
function lastTradeDate(row: IbContract): string | undefined {
  const text = row.lastTradeDate || row.lastTradeDateOrContractMonth || '';
  return /^(\d{8})(?!\d)/.exec(text)?.[1];
}

/** Rows of contractDetails and of bondContractDetails: the library builds both alike. */
export function decodeContractDetails(row: IbContractDetails): Decoding<ContractDetails> {
  const contract = decodeContract(row.contract);
  if (!contract.ok) {
    return { ok: false, fault: `contract details of conId ${row.contract.conId}: ${contract.fault}` };
  }
  const minTick = row.minTick ?? 0;
  if (!isNumber(minTick) || minTick < 0) {
    return { ok: false, fault: `contract details of conId ${row.contract.conId}: minTick ${minTick}` };
  }
  return {
    ok: true,
    value: {
      contract: contract.value,
      validExchanges: (row.validExchanges ?? '').split(',').filter((exchange) => exchange !== ''),
      minTick,
      priceMagnifier: isNumber(row.priceMagnifier) && row.priceMagnifier > 0 ? row.priceMagnifier : 1,
      ...present('underConId', positiveOrAbsent(row.underConId)),
      ...present('timeZoneId', textOrAbsent(row.timeZoneId)),
      ...present('tradingHours', textOrAbsent(row.tradingHours)),
      ...present('liquidHours', textOrAbsent(row.liquidHours)),
    },
  };
}

/** Live types and, in the same place, the delayed ones. */
const PRICES: ReadonlyMap<number, PriceField> = new Map([
  [1, 'bid'],
  [2, 'ask'],
  [4, 'last'],
  [6, 'high'],
  [7, 'low'],
  [9, 'close'],
  [14, 'open'],
  [37, 'mark'],
  [66, 'bid'],
  [67, 'ask'],
  [68, 'last'],
  [72, 'high'],
  [73, 'low'],
  [75, 'close'],
  [76, 'open'],
]);

const SIZES: ReadonlyMap<number, SizeField> = new Map([
  [0, 'bid'],
  [3, 'ask'],
  [5, 'last'],
  [8, 'volume'],
  [69, 'bid'],
  [70, 'ask'],
  [71, 'last'],
  [74, 'volume'],
]);

const GREEKS: ReadonlyMap<number, GreeksSource> = new Map([
  [10, 'bid'],
  [11, 'ask'],
  [12, 'last'],
  [13, 'model'],
  [80, 'bid'],
  [81, 'ask'],
  [82, 'last'],
  [83, 'model'],
]);

/** @returns undefined for a tick type that nobody keeps */
export function decodePrice(
  tickType: number,
  price: number | undefined,
): { readonly field: PriceField; readonly price: number | undefined } | undefined {
  const field = PRICES.get(tickType);
  if (field === undefined) return undefined;
  // -1 is "no data". Other negative prices exist: futures of April 2020, spreads.
  return { field, price: isNumber(price) && price !== -1 ? price : undefined };
}

/** @returns undefined for a tick type that nobody keeps, or without a size */
export function decodeSize(
  tickType: number | undefined,
  size: number | undefined,
): { readonly field: SizeField; readonly size: number } | undefined {
  const field = tickType === undefined ? undefined : SIZES.get(tickType);
  return field === undefined || !isNumber(size) || size < 0 ? undefined : { field, size };
}

export interface ComputationRow {
  readonly iv: number | undefined;
  readonly price: number | undefined;
  readonly delta: number | undefined;
  readonly gamma: number | undefined;
  readonly vega: number | undefined;
  readonly theta: number | undefined;
  readonly underlying: number | undefined;
}

/** "Not computed" is -1 for iv, price and underlying, -2 for the greeks, or the largest double for any of them. */
export function decodeGreeks(
  tickType: number,
  row: ComputationRow,
): { readonly source: GreeksSource; readonly greeks: Greeks } | undefined {
  const source = GREEKS.get(tickType);
  if (source === undefined) return undefined;
  const greeks: { -readonly [Key in keyof Greeks]: Greeks[Key] } = {};
  // Most of what comes is this: fields are set one by one, because spreading them takes several times as long.
  if (isComputed(row.iv, -1)) greeks.iv = row.iv;
  if (isComputed(row.price, -1)) greeks.price = row.price;
  if (isComputed(row.delta, -2)) greeks.delta = row.delta;
  if (isComputed(row.gamma, -2)) greeks.gamma = row.gamma;
  if (isComputed(row.vega, -2)) greeks.vega = row.vega;
  if (isComputed(row.theta, -2)) greeks.theta = row.theta;
  if (isComputed(row.underlying, -1)) greeks.underlying = row.underlying;
  return { source, greeks };
}

export function decodeMarketDataType(value: number): MarketDataType | undefined {
  return value === 1 || value === 2 || value === 3 || value === 4 ? value : undefined;
}

/** "DU1234567,DU7654321," */
export function decodeAccounts(list: string): readonly string[] {
  return list
    .split(',')
    .map((account) => account.trim())
    .filter((account) => account !== '');
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && Math.abs(value) !== Number.MAX_VALUE;
}

function isComputed(value: number | undefined, unset: number): value is number {
  return isNumber(value) && value !== unset;
}

function positiveOrAbsent(value: number | undefined): number | undefined {
  return isNumber(value) && value > 0 ? value : undefined;
}

function decimalOrAbsent(value: number | undefined): Decimal | undefined {
  return isNumber(value) && value !== 0 ? decimal(value) : undefined;
}

function textOrAbsent(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

/** A property that is there or is not: `exactOptionalPropertyTypes` tells absent from undefined. */
function present<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}
