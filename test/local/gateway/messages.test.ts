import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader } from '../../../local/gateway/frames.ts';
import { Line } from '../../../local/gateway/line.ts';
import * as messages from '../../../local/gateway/messages.ts';
import { type Instrument, instrumentSchema } from '../../../local/gateway/portfolio.ts';

/** Frames of a paper IB Gateway at server version 200, April 2026 (ThomasMarcelis/ibkr-go, MIT), accounts anonymised. */
const REAL = {
  managedAccounts: ['15', '1', 'DU9000001'],
  nextValidId: ['9', '1', '1'],
  notice: ['4', '-1', '2104', 'Market data farm connection is OK:usfarm', '', '1775425766350'],
  stock: '61,3,DU9000001,3691937,AMZN,STK,,0.0,,,NASDAQ,USD,AMZN,NMS,15,200.25'.split(','),
  option:
    '61,3,DU9000001,728937835,QQQ,OPT,20270115,500.0,P,100,,USD,QQQ   270115P00500000,QQQ,-3,2100.6321'.split(
      ',',
    ),
  future: '61,3,DU9000001,715358256,YW,FUT,20261214,0.0,,1000,,USD,XWZ6,XW,1,6384.43'.split(','),
  positionEnd: ['62', '1'],
  delayedLast: ['1', '6', '1001', '68', '255.45', '200', '0'],
  delayedVolume: ['2', '6', '1001', '74', '312894'],
  marketDataType: ['58', '1', '1001', '3'],
  snapshotEnd: ['57', '1', '1001'],
  contractDetailsEnd: ['52', '1', '1001'],
  contractDetails: [
    ...'10,1001,AAPL,STK,,,0,,SMART,USD,AAPL,NMS,NMS,265598,0.01,'.split(','),
    'ACTIVETIM,AD,ADJUST,ALERT,WHATIF',
    'SMART,AMEX,NYSE',
    ...'1,0,APPLE INC,NASDAQ,,Technology,Computers,Computers,US/Eastern'.split(','),
    '20260405:CLOSED;20260406:0400-20260406:2000',
    '20260405:CLOSED;20260406:0930-20260406:1600',
    ...',,1,ISIN,US0378331005,1,,'.split(','),
    '26,26,26',
    ...',COMMON,0.0001,0.0001,100,0'.split(','),
  ],
};

/** As a client would read it off the wire. */
function onTheWire(fields: Parameters<typeof encodeFrame>[0]): string[] {
  const [frame] = new FrameReader().push(encodeFrame(fields));
  return frame ?? [];
}

const AMZN = instrument({
  conId: 3691937,
  symbol: 'AMZN',
  secType: 'STK',
  tradingClass: 'NMS',
  localSymbol: 'AMZN',
});
const AAPL = instrument({
  conId: 265598,
  symbol: 'AAPL',
  secType: 'STK',
  tradingClass: 'NMS',
  localSymbol: 'AAPL',
});
const QQQ_PUT = instrument({
  conId: 728937835,
  symbol: 'QQQ',
  secType: 'OPT',
  lastTradeDate: '20270115',
  strike: '500',
  right: 'P',
  multiplier: '100',
  localSymbol: 'QQQ   270115P00500000',
  tradingClass: 'QQQ',
});
const WHEAT = instrument({
  conId: 715358256,
  symbol: 'YW',
  secType: 'FUT',
  lastTradeDate: '20261214',
  multiplier: '1000',
  exchange: 'CBOT',
  localSymbol: 'XWZ6',
  tradingClass: 'XW',
});

function instrument(contract: Record<string, unknown>): Instrument {
  return instrumentSchema.parse({
    contract: { exchange: 'SMART', currency: 'USD', ...contract },
    validExchanges: ['SMART', 'AMEX', 'NYSE'],
    primaryExchange: 'NASDAQ',
    longName: 'APPLE INC',
    price: 255.45,
  });
}

function row(quantity: string, averageCost: string) {
  return { account: 'DU9000001', conId: 1, quantity, averageCost };
}

describe('messages, against frames of a real gateway', () => {
  it('begins a session with the same words', () => {
    expect(onTheWire(messages.managedAccounts(['DU9000001']))).toEqual(REAL.managedAccounts);
    expect(onTheWire(messages.nextValidId(1))).toEqual(REAL.nextValidId);
  });

  it('writes a stock position with its primary exchange', () => {
    expect(onTheWire(messages.position(AMZN, row('15', '200.25')))).toEqual(REAL.stock);
  });

  it('writes option and future positions without an exchange', () => {
    expect(onTheWire(messages.position(QQQ_PUT, row('-3', '2100.6321')))).toEqual(REAL.option);
    expect(onTheWire(messages.position(WHEAT, row('1', '6384.43')))).toEqual(REAL.future);
    expect(onTheWire(messages.positionEnd())).toEqual(REAL.positionEnd);
  });

  it('writes ticks, types and the end of a snapshot as captured', () => {
    const line = new Line({ reqId: 1001, instrument: AAPL, snapshot: true, type: 3 });
    expect(line.opening().map(onTheWire)).toContainEqual(REAL.marketDataType);
    const quote = { bidSize: 0, askSize: 0, last: 255.45, lastSize: 200, volume: 312894, close: 250 };
    const ticks = line.ticks(quote, 0).map(onTheWire);
    expect(ticks).toContainEqual(REAL.delayedLast);
    expect(ticks).toContainEqual(REAL.delayedVolume);
    expect(onTheWire(line.end())).toEqual(REAL.snapshotEnd);
  });

  it('writes contract details field by field; only what it does not simulate differs', () => {
    const written = onTheWire(
      messages.contractDetails(200, 1001, {
        instrument: AAPL,
        underlying: undefined,
        exchange: 'SMART',
        hours: { trading: REAL.contractDetails[27] ?? '', liquid: REAL.contractDetails[28] ?? '' },
      }),
    );
    const expected = [...REAL.contractDetails];
    expected[16] = written[16] ?? 'order types';
    // No industry, category and subcategory.
    expected.splice(23, 3, '', '', '');
    // No ISIN: the list of security ids is empty.
    expected.splice(31, 3, '0');
    expect(written).toEqual(expected);
    expect(onTheWire(messages.contractDetailsEnd(1001))).toEqual(REAL.contractDetailsEnd);
  });
});

describe('messages by version', () => {
  const notice = { code: 2104, text: 'Market data farm connection is OK:usfarm' };

  it('end an error with a time and drop its version from 194 on', () => {
    expect(onTheWire(messages.notice(200, -1, notice, 1775425766350))).toEqual(REAL.notice);
    expect(onTheWire(messages.notice(194, -1, notice, 1775425766350))).toEqual(REAL.notice);
    const before = ['4', '2', '-1', '2104', 'Market data farm connection is OK:usfarm', ''];
    expect(onTheWire(messages.notice(193, -1, notice, 1775425766350))).toEqual(before);
    expect(onTheWire(messages.notice(165, -1, notice, 1775425766350))).toEqual(before.slice(0, -1));
  });

  it('have lastTradeDate2 from 182 on, reasons of ineligibility from 186 on', () => {
    const described = {
      instrument: QQQ_PUT,
      underlying: AAPL,
      exchange: 'SMART',
      hours: { trading: '', liquid: '' },
    };
    const at = (version: number) => onTheWire(messages.contractDetails(version, 1, described));
    expect(at(186).slice(4, 7)).toEqual(['20270115 16:00:00 US/Eastern', '20270115', '500']);
    expect(at(181).slice(4, 6)).toEqual(['20270115 16:00:00 US/Eastern', '500']);
    expect(at(186).length - at(185).length).toBe(1);
    expect(at(182).length - at(181).length).toBe(1);
    expect(at(185)).toEqual(at(186).slice(0, -1));
  });

  it('keep the older shape of contract details below 164', () => {
    const described = {
      instrument: AAPL,
      underlying: undefined,
      exchange: 'SMART',
      hours: { trading: '', liquid: '' },
    };
    const old = onTheWire(messages.contractDetails(157, 1, described));
    expect(old.slice(0, 4)).toEqual(['10', '8', '1', 'AAPL']);
    expect(old.at(-1)).toBe('COMMON');
  });

  it('settle AM options on the day after they last trade', () => {
    const monthly = { ...QQQ_PUT, settlement: 'AM' as const };
    const described = {
      instrument: monthly,
      underlying: AAPL,
      exchange: 'SMART',
      hours: { trading: '', liquid: '' },
    };
    expect(onTheWire(messages.contractDetails(193, 1, described))).toContain('20270116');
  });

  it('are ASCII: other characters are escaped', () => {
    const wire = onTheWire(messages.notice(193, 1, { code: 200, text: 'Köln' }, 0));
    expect(wire[4]).toBe('K\\u00f6ln');
  });
});
