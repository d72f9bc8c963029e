import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRequest, UnreadableRequest } from '../../../local/gateway/requests.ts';

const frame = (text: string) => text.split(',');

describe('requests', () => {
  it('begin with startApi, as captured', () => {
    expect(decodeRequest(['71', '2', '1', ''])).toEqual({ name: 'startApi', clientId: 1 });
  });

  it('ask for positions, as captured', () => {
    expect(decodeRequest(['61', '1'])).toEqual({ name: 'reqPositions' });
  });

  it('ask for market data by conId or by symbol', () => {
    expect(decodeRequest(frame('1,11,7,728937835,,,,,,,SMART,,,,,0,,1,0,'))).toEqual({
      name: 'reqMktData',
      reqId: 7,
      contract: { conId: 728937835, exchange: 'SMART' },
      genericTicks: '',
      snapshot: true,
    });
    expect(
      decodeRequest(frame('1,11,8,0,QQQ,OPT,20270115,500.0,PUT,100,SMART,,USD,,QQQ,0,106,0,0,')),
    ).toEqual({
      name: 'reqMktData',
      reqId: 8,
      contract: {
        conId: 0,
        symbol: 'QQQ',
        secType: 'OPT',
        lastTradeDate: '20270115',
        strike: 500,
        right: 'P',
        multiplier: 100,
        exchange: 'SMART',
        currency: 'USD',
        tradingClass: 'QQQ',
      },
      genericTicks: '106',
      snapshot: false,
    });
  });

  it('step over the legs of a combination and a delta-neutral contract', () => {
    const legs = '2,11,1,BUY,SMART,12,1,SELL,SMART';
    const request = decodeRequest(frame(`1,11,9,0,SPY,BAG,,0.0,,,SMART,,USD,,,${legs},1,5,0.5,1.5,233,1,0,`));
    expect(request).toMatchObject({ genericTicks: '233', snapshot: true });
  });

  it('take 0, "?" and the largest double for nothing', () => {
    const request = decodeRequest(frame('9,8,1,0,AAPL,STK,,1.7976931348623157E308,?,,,,USD,,,0,,,'));
    expect(request).toEqual({
      name: 'reqContractDetails',
      reqId: 1,
      contract: { conId: 0, symbol: 'AAPL', secType: 'STK', currency: 'USD' },
    });
  });

  it.each([
    { what: 'placeOrder', fields: '3,501,0,SPY', orderId: 501 },
    { what: 'cancelOrder before 192', fields: '4,1,502,', orderId: 502 },
    { what: 'cancelOrder from 192 on', fields: '4,1,,,2147483647', orderId: 1 },
    { what: 'exerciseOptions', fields: '21,2,503', orderId: 503 },
    { what: 'reqGlobalCancel', fields: '58,1', orderId: -1 },
  ])('recognise $what as an order', ({ fields, orderId }) => {
    expect(decodeRequest(frame(fields))).toEqual({ name: 'order', orderId });
  });

  it.each(['1,11', '2,1,x', '9,8,1.5', '71,2', '59,1,', '1,11,1,0,SPY,OPT,,abc'])(
    'are unreadable as %s',
    (fields) => {
      expect(() => decodeRequest(frame(fields))).toThrow(UnreadableRequest);
    },
  );

  it('are decoded or refused, whatever the fields', () => {
    const field = fc.oneof(fc.string(), fc.integer({ min: -5, max: 200 }).map(String));
    fc.assert(
      fc.property(fc.array(field, { maxLength: 25 }), (fields) => {
        try {
          expect(decodeRequest(fields).name).toBeTypeOf('string');
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableRequest);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
