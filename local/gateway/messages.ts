import { addDays, compactDay, expandDay } from './calendar.ts';
import type { Field } from './frames.ts';
import type { Hours } from './hours.ts';
import type { Notice } from './notices.ts';
import type { Instrument, Position } from './portfolio.ts';
import { round } from './rounding.ts';
import { VERSION } from './version.ts';

/** What the gateway says, as field lists; the version is the one agreed with this client. */

export const managedAccounts = (accounts: readonly string[]): Field[] => [15, 1, accounts.join(',')];
export const nextValidId = (id: number): Field[] => [9, 1, id];
export const currentTime = (epochS: number): Field[] => [49, 1, epochS];
export const positionEnd = (): Field[] => [62, 1];
export const contractDetailsEnd = (reqId: number): Field[] => [52, 1, reqId];
export const accountValue = (key: string, value: string, currency: string, account: string): Field[] => [
  6,
  2,
  key,
  value,
  currency,
  account,
];
export const accountTime = (clock: string): Field[] => [8, 1, clock];
export const accountDownloadEnd = (account: string): Field[] => [54, 1, account];

/** @param id of the request that it answers, -1 for what concerns the session @param nowMs epoch milliseconds */
export function notice(version: number, id: number, { code, text }: Notice, nowMs: number): Field[] {
  const body = [id, code, ascii(text)];
  if (version >= VERSION.errorTime) return [4, ...body, '', nowMs];
  return [4, 2, ...body, ...(version >= VERSION.advancedOrderReject ? [''] : [])];
}

export const positionMultiEnd = (reqId: number): Field[] => [72, 1, reqId];

export function position(instrument: Instrument, row: Position): Field[] {
  return [61, 3, row.account, ...positionFields(instrument, row)];
}

/** One of an account's own list: https://github.com/InteractiveBrokers/tws-api (decoder.py, POSITION_MULTI). */
export function positionMulti(reqId: number, instrument: Instrument, row: Position): Field[] {
  return [71, 1, reqId, row.account, ...positionFields(instrument, row), row.modelCode];
}

/** Options and futures come without an exchange, stocks with their primary one (captured at 200, April 2026). */
function positionFields({ contract, primaryExchange }: Instrument, row: Position): Field[] {
  return [
    contract.conId,
    contract.symbol,
    contract.secType,
    contract.lastTradeDate,
    javaDouble(contract.strike),
    contract.right,
    contract.multiplier,
    contract.secType === 'STK' ? primaryExchange : '',
    contract.currency,
    contract.localSymbol,
    contract.tradingClass,
    row.quantity,
    row.averageCost,
  ];
}

export interface Valuation {
  readonly marketPrice: number;
  readonly marketValue: number;
  readonly unrealisedPnl: number;
}

export function updatePortfolio(instrument: Instrument, row: Position, value: Valuation): Field[] {
  const { contract } = instrument;
  return [
    7,
    8,
    contract.conId,
    contract.symbol,
    contract.secType,
    contract.lastTradeDate,
    javaDouble(contract.strike),
    contract.right,
    contract.multiplier,
    instrument.primaryExchange ?? contract.exchange,
    contract.currency,
    contract.localSymbol,
    contract.tradingClass,
    row.quantity,
    round(value.marketPrice),
    round(value.marketValue),
    row.averageCost,
    round(value.unrealisedPnl),
    '0.0',
    row.account,
  ];
}

export interface DescribedInstrument {
  readonly instrument: Instrument;
  readonly underlying: Instrument | undefined;
  /** The one that was asked for, else the instrument's own. */
  readonly exchange: string;
  readonly hours: Hours;
}

export function contractDetails(version: number, reqId: number, described: DescribedInstrument): Field[] {
  const { instrument, underlying, exchange, hours } = described;
  const { contract } = instrument;
  const { lastTradeDate } = contract;
  const sizes = instrument.contract.secType === 'STK' ? ['0.0001', '0.0001', '100'] : ['1', '1', '1'];
  return [
    10,
    ...(version < VERSION.sizeRules ? [8] : []),
    reqId,
    contract.symbol,
    contract.secType,
    lastTradeDate === undefined ? '' : `${lastTradeDate} ${closeOf(instrument)} ${instrument.timeZoneId}`,
    ...(version >= VERSION.lastTradeDate ? [lastTradeDate] : []),
    contract.strike ?? 0,
    contract.right,
    exchange,
    contract.currency,
    contract.localSymbol,
    contract.tradingClass,
    contract.tradingClass,
    contract.conId,
    // In the currency, also where quotes are not: corn, which moves by 0.25 cents, has 0.0025.
    // https://github.com/ib-api-reloaded/ib_async/issues/55
    round(instrument.minTick / instrument.priceMagnifier, 10),
    ...(version < VERSION.sizeRules ? [100] : []),
    contract.multiplier,
    'ACTIVETIM,ADJUST,ALERT,ALGO,AVGCOST,BASKET,COND,DAY,GTC,LMT,MKT,STP,WHATIF',
    instrument.validExchanges.join(','),
    instrument.priceMagnifier,
    instrument.underConId ?? 0,
    ascii(instrument.longName),
    instrument.primaryExchange,
    instrument.contractMonth,
    '',
    '',
    '',
    instrument.timeZoneId,
    hours.trading,
    hours.liquid,
    '',
    '',
    0,
    contract.secType === 'STK' ? 1 : 2,
    underlying?.contract.symbol,
    underlying?.contract.secType,
    instrument.validExchanges.map(() => 26).join(','),
    realExpiration(instrument),
    contract.secType === 'STK' ? 'COMMON' : '',
    ...(version >= VERSION.sizeRules ? sizes : version === VERSION.sizeRules - 1 ? ['1'] : []),
    ...(version >= VERSION.ineligibilityReasons ? [0] : []),
  ];
}

/** When the last trading day ends, in the instrument's own time zone. */
function closeOf({ contract }: Instrument): string {
  return contract.secType === 'OPT' ? '16:00:00' : '15:00:00';
}

/** The day on which it settles: one later than the last trade where that is on the open. */
function realExpiration({ settlement, contract }: Instrument): string {
  const { lastTradeDate } = contract;
  if (lastTradeDate === undefined) return '';
  if (settlement !== 'AM') return lastTradeDate;
  return compactDay(addDays(expandDay(lastTradeDate), 1));
}

/** `500` is `500.0` in these rows, nothing is `0.0`. */
function javaDouble(value: string | undefined): string {
  if (value === undefined) return '0.0';
  return value.includes('.') ? value : `${value}.0`;
}

/** Since version 153 text is ASCII: everything else as \uXXXX. */
function ascii(text: string): string {
  return text.replace(/[^\0-\x7f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
