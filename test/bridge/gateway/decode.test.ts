import type { Contract as IbContract } from '@stoqey/ib';
import { describe, expect, it } from 'vitest';
import {
  decodeAccounts,
  decodeContractDetails,
  decodeGreeks,
  decodeMarketDataType,
  decodePosition,
  decodePrice,
  decodeSize,
} from '../../../bridge/gateway/decode.ts';

/** QQQ put as the library hands it over: no exchange, numbers as floats. */
const QQQ_PUT = {
  conId: 728937835,
  symbol: 'QQQ',
  secType: 'OPT',
  lastTradeDateOrContractMonth: '20270115',
  strike: 500,
  right: 'P',
  multiplier: 100,
  exchange: '',
  currency: 'USD',
  localSymbol: 'QQQ   270115P00500000',
  tradingClass: 'QQQ',
} as IbContract;

const row = (changes: Partial<Parameters<typeof decodePosition>[0]> = {}) =>
  decodePosition({
    account: 'DU9000001',
    contract: QQQ_PUT,
    quantity: -3,
    averageCost: 2100.6321,
    ...changes,
  });

const contract = (changes: object) => row({ contract: { ...QQQ_PUT, ...changes } as IbContract });

describe('a position row', () => {
  it('of an option keeps its terms and has no exchange', () => {
    expect(row()).toEqual({
      ok: true,
      value: {
        account: 'DU9000001',
        contract: {
          conId: 728937835,
          symbol: 'QQQ',
          secType: 'OPT',
          lastTradeDate: '20270115',
          strike: '500',
          right: 'P',
          multiplier: '100',
          currency: 'USD',
          localSymbol: 'QQQ   270115P00500000',
          tradingClass: 'QQQ',
        },
        quantity: '-3',
        averageCost: '2100.6321',
      },
    });
  });

  it('of a stock has neither strike nor multiplier nor date, which come as 0 and empty', () => {
    const decoded = contract({
      secType: 'STK',
      lastTradeDateOrContractMonth: '',
      strike: 0,
      right: undefined,
      multiplier: 0,
      exchange: 'NASDAQ',
    });
    expect(decoded.ok && Object.keys(decoded.value.contract).toSorted()).toEqual(
      ['conId', 'currency', 'exchange', 'localSymbol', 'secType', 'symbol', 'tradingClass'].toSorted(),
    );
  });

  it('keeps a fraction of a share exact', () => {
    expect(row({ quantity: 0.1 + 0.2, averageCost: 1e-7 })).toMatchObject({
      value: { quantity: '0.3', averageCost: '0.0000001' },
    });
  });

  it('of quantity 0 is a row like any other, with or without a cost', () => {
    expect(row({ quantity: 0, averageCost: undefined })).toMatchObject({
      value: { quantity: '0', averageCost: '0' },
    });
  });

  it.each([
    ['20261214', '20261214'],
    ['20261218 08:30:00 US/Central', '20261218'],
    ['20261218-08:30', '20261218'],
    ['202612', undefined],
    ['', undefined],
  ])('with the date %j has lastTradeDate %j', (text, expected) => {
    const decoded = contract({ lastTradeDateOrContractMonth: text });
    expect(decoded.ok && decoded.value.contract.lastTradeDate).toBe(expected);
  });

  it.each([
    ['no conId', () => contract({ conId: 0 }), /conId/],
    ['a conId that is no number', () => contract({ conId: Number.NaN }), /conId/],
    ['no symbol', () => contract({ symbol: '' }), /symbol/],
    ['no type', () => contract({ secType: '' }), /secType/],
    ['a currency that is none', () => contract({ currency: 'dollars' }), /currency/],
    ['no quantity', () => row({ quantity: undefined }), /quantity/],
    ['a quantity that is no number', () => row({ quantity: Number.NaN }), /quantity/],
    ['a cost that is unset', () => row({ averageCost: Number.MAX_VALUE }), /average cost/],
    ['no account', () => row({ account: '' }), /account/],
  ])('with %s is a fault that says where, the account masked', (_, decode, text) => {
    const decoded = decode();
    expect(decoded.ok).toBe(false);
    expect(decoded.ok ? '' : decoded.fault).toMatch(text);
    expect(JSON.stringify(decoded)).not.toContain('DU9000001');
  });
});

describe('contract details', () => {
  const details = (changes: object = {}) =>
    decodeContractDetails({
      contract: { ...QQQ_PUT, exchange: 'SMART', lastTradeDate: '20270115' } as IbContract,
      validExchanges: 'SMART,AMEX,CBOE',
      minTick: 0.01,
      priceMagnifier: 1,
      underConId: 320227571,
      timeZoneId: 'US/Eastern',
      tradingHours: '20260729:0930-20260729:1615',
      liquidHours: '',
      ...changes,
    });

  it('name exchanges, step, hours and underlying, and leave out what is empty', () => {
    const decoded = details();
    expect(decoded).toMatchObject({
      ok: true,
      value: {
        contract: { conId: 728937835, exchange: 'SMART', strike: '500' },
        validExchanges: ['SMART', 'AMEX', 'CBOE'],
        minTick: 0.01,
        priceMagnifier: 1,
        underConId: 320227571,
        timeZoneId: 'US/Eastern',
      },
    });
    expect(decoded.ok && 'liquidHours' in decoded.value).toBe(false);
  });

  it('keep the magnifier of futures that quote in cents, and take 1 where none is sent', () => {
    expect(details({ priceMagnifier: 100 })).toMatchObject({ value: { priceMagnifier: 100 } });
    expect(details({ priceMagnifier: 0 })).toMatchObject({ value: { priceMagnifier: 1 } });
  });

  it('of a row that cannot be read are a fault', () => {
    expect(details({ contract: { ...QQQ_PUT, conId: -5 } })).toMatchObject({ ok: false });
    expect(details({ minTick: Number.NaN })).toMatchObject({ ok: false });
  });
});

describe('a tick', () => {
  it.each([
    [1, 66, 'bid'],
    [2, 67, 'ask'],
    [4, 68, 'last'],
    [6, 72, 'high'],
    [7, 73, 'low'],
    [9, 75, 'close'],
    [14, 76, 'open'],
  ])('%i and its delayed twin %i are the %s price', (live, delayed, field) => {
    expect(decodePrice(live, 1.25)).toEqual({ field, price: 1.25 });
    expect(decodePrice(delayed, 1.25)).toEqual({ field, price: 1.25 });
  });

  it.each([
    [0, 69, 'bid'],
    [3, 70, 'ask'],
    [5, 71, 'last'],
    [8, 74, 'volume'],
  ])('%i and its delayed twin %i are the %s size, 0 included', (live, delayed, field) => {
    expect(decodeSize(live, 0)).toEqual({ field, size: 0 });
    expect(decodeSize(delayed, 12)).toEqual({ field, size: 12 });
  });

  it.each([-1, Number.NaN, Number.MAX_VALUE, Number.POSITIVE_INFINITY, undefined])(
    'with the price %d has none',
    (price) => {
      expect(decodePrice(1, price)).toEqual({ field: 'bid', price: undefined });
    },
  );

  it('with another negative price keeps it', () => {
    expect(decodePrice(4, -37.63)).toEqual({ field: 'last', price: -37.63 });
  });

  it('of a type that nobody keeps, or without a size, is nothing', () => {
    expect(decodePrice(35, 1)).toBeUndefined();
    expect(decodeSize(21, 1)).toBeUndefined();
    expect(decodeSize(0, undefined)).toBeUndefined();
    expect(decodeSize(undefined, 1)).toBeUndefined();
    expect(decodeSize(0, -1)).toBeUndefined();
  });

  it('of the market data type is 1 to 4', () => {
    expect([0, 1, 2, 3, 4, 5].map(decodeMarketDataType)).toEqual([undefined, 1, 2, 3, 4, undefined]);
  });
});

describe('greeks', () => {
  const full = { iv: 0.2, price: 1.5, delta: -0.1, gamma: 0.01, vega: 0.3, theta: -0.05, underlying: 500 };

  it.each([
    [10, 80, 'bid'],
    [11, 81, 'ask'],
    [12, 82, 'last'],
    [13, 83, 'model'],
  ])('%i and its delayed twin %i come from %s', (live, delayed, source) => {
    expect(decodeGreeks(live, full)).toEqual({ source, greeks: full });
    expect(decodeGreeks(delayed, full)).toEqual({ source, greeks: full });
  });

  it('that are not computed are absent, each with its own sentinel', () => {
    const unset = { iv: -1, price: -1, delta: -2, gamma: -2, vega: -2, theta: -2, underlying: -1 };
    expect(decodeGreeks(13, unset)).toEqual({ source: 'model', greeks: {} });
    const largest = Object.fromEntries(Object.keys(full).map((key) => [key, Number.MAX_VALUE]));
    expect(decodeGreeks(13, largest as typeof full)).toEqual({ source: 'model', greeks: {} });
    const absent = Object.fromEntries(Object.keys(full).map((key) => [key, undefined]));
    expect(decodeGreeks(13, absent as unknown as typeof full)).toEqual({ source: 'model', greeks: {} });
  });

  it('of -1 are a true delta: the sentinel of the greeks is -2', () => {
    expect(decodeGreeks(13, { ...full, delta: -1 })?.greeks.delta).toBe(-1);
  });

  it('of a custom computation are nothing', () => {
    expect(decodeGreeks(53, full)).toBeUndefined();
  });
});

it('the list of accounts may end in a comma', () => {
  expect(decodeAccounts('DU9000001,DU9000002,')).toEqual(['DU9000001', 'DU9000002']);
  expect(decodeAccounts('')).toEqual([]);
});
