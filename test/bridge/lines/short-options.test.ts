import { describe, expect, it } from 'vitest';
import type { ContractDetails } from '../../../bridge/gateway/events.ts';
import type { Quote } from '../../../bridge/lines/quote.ts';
import { type Knowledge, shortOptionsOf } from '../../../bridge/lines/short-options.ts';
import type { HeldPosition } from '../../../bridge/positions/differ.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { strategy } from './strategies.ts';

const ACCOUNT = 'DU1234567';
const SPY = 756_733;
/** Friday, 10:00 in New York. */
const NOW = Date.parse('2026-11-20T15:00:00Z');
const HOURS = ['20261120:0930-1600', '20261121:CLOSED', '20261122:CLOSED', '20261123:0930-1600'].join(';');

function option(conId: number, fields: Partial<ContractDetails['contract']> = {}): ContractDetails {
  return {
    contract: {
      conId,
      symbol: 'SPY',
      secType: 'OPT',
      lastTradeDate: '20261218',
      strike: '600',
      right: 'P',
      currency: 'USD',
      ...fields,
    },
    validExchanges: ['SMART'],
    minTick: 0.01,
    priceMagnifier: 1,
    underConId: SPY,
    timeZoneId: 'US/Eastern',
    tradingHours: HOURS,
  };
}

/** What a test does not name is not known. */
class Known implements Knowledge {
  readonly positions: HeldPosition[] = [];
  readonly details = new Map<number, ContractDetails>();
  readonly quotes = new Map<number, Quote>();

  hold(details: ContractDetails, quantity: string, account = ACCOUNT): this {
    const { contract } = details;
    this.details.set(contract.conId, details);
    this.positions.push({ account, contract, quantity, averageCost: '1' });
    return this;
  }

  /** @param agoMin of the receipt */
  quote(conId: number, mark: Quote['mark'], agoMin = 0): this {
    const at = new Date(NOW - 60_000 * agoMin).toISOString();
    this.quotes.set(conId, { quality: 'live', mark: { ...mark, at, greeksAt: at } });
    return this;
  }

  positionsOf = (conId: number) => this.positions.filter(({ contract }) => contract.conId === conId);
  heldConIds = () => this.positions.map(({ contract }) => contract.conId);
  detailsOf = (conId: number) => this.details.get(conId);
  quoteOf = (conId: number) => this.quotes.get(conId);
}

const held = strategy('held', { conIds: [1] });
const only = (known: Known, strategies: readonly Strategy[] = [held]) =>
  shortOptionsOf(strategies, known, NOW);

describe('short options', () => {
  it('are options that a strategy holds short and its account is short of', () => {
    const known = new Known().hold(option(1), '-3');
    expect(only(known)).toEqual([
      {
        conId: 1,
        strategyIds: ['held'],
        lastTradeDate: '20261218',
        tradingDaysLeft: 20,
        distance: undefined,
      },
    ]);
    expect(only(new Known().hold(option(1, { secType: 'FOP' }), '-1'))).toHaveLength(1);
  });

  it.each([
    ['a stock', new Known().hold(option(1, { secType: 'STK' }), '-100')],
    ['a contract whose details have not come', new Known()],
    ['a leg that the account is long of all the same', new Known().hold(option(1), '2')],
    ['a position of another account', new Known().hold(option(1), '-1', 'DU7654321')],
  ])('are not %s', (_, known) => {
    expect(only(known)).toEqual([]);
  });

  it('are not legs that are long or watched', () => {
    const known = new Known().hold(option(1), '-1').hold(option(2), '-1');
    const legs = [
      { conId: 1, quantity: '1' },
      { conId: 2, quantity: '0' },
    ];
    expect(only(known, [{ ...held, legs }])).toEqual([]);
  });

  it('count once with every strategy that holds them short', () => {
    const known = new Known().hold(option(1), '-2');
    const both = [strategy('z', { conIds: [1] }), strategy('a', { conIds: [1] })];
    expect(only(known, both)).toMatchObject([{ conId: 1, strategyIds: ['a', 'z'] }]);
  });

  it.each([
    ['20261120', 0],
    ['20261123', 1],
    ['20261124', 2],
  ])('that trade until %s have %i trading days after this Friday', (lastTradeDate, tradingDaysLeft) => {
    const known = new Known().hold(option(1, { lastTradeDate }), '-1');
    expect(only(known)).toMatchObject([{ tradingDaysLeft }]);
  });

  it('count the days on which their own exchange trades', () => {
    const usual = option(1, { lastTradeDate: '20261124' });
    const tradingHours =
      '20261120:0930-1600;20261121:CLOSED;20261122:CLOSED;20261123:CLOSED;20261124:0930-1600';
    const onHoliday = { ...option(2, { lastTradeDate: '20261124' }), tradingHours };
    const known = new Known().hold(usual, '-1').hold(onHoliday, '-1');
    expect(only(known, [strategy('held', { conIds: [1, 2] })])).toMatchObject([
      { conId: 1, tradingDaysLeft: 2 },
      { conId: 2, tradingDaysLeft: 1 },
    ]);
  });

  it('are as far from the strike as their own model ticks say', () => {
    const known = new Known().hold(option(1), '-1').quote(1, { underlying: 606 }).quote(SPY, { price: 700 });
    expect(only(known)).toMatchObject([{ distance: 0.01 }]);
  });

  it.each([
    ['the underlying itself, streamed or polled', SPY, { price: 594 }],
    ['another option on the same underlying', 2, { underlying: 606 }],
  ])('are as far from the strike as %s says', (_, conId, mark) => {
    const known = new Known().hold(option(1), '-1').hold(option(2), '5').quote(conId, mark);
    expect(only(known)).toMatchObject([{ distance: 0.01 }]);
  });

  it('go by the underlying before other options on it, and by the newest of those', () => {
    const known = new Known().hold(option(1), '-1').hold(option(2), '5').hold(option(3), '5');
    known.quote(SPY, { price: 594 }, 19).quote(2, { underlying: 603 }, 3).quote(3, { underlying: 609 }, 4);
    expect(only(known)).toMatchObject([{ distance: 0.01 }]);
    known.quotes.delete(SPY);
    expect(only(known)).toMatchObject([{ distance: 0.005 }]);
    known.quote(2, { underlying: 603 }, 5);
    expect(only(known)).toMatchObject([{ distance: 0.015 }]);
  });

  it('go by no price that is older than twenty minutes', () => {
    const known = new Known().hold(option(1), '-1').hold(option(2), '5');
    known.quote(1, { underlying: 603 }, 21).quote(SPY, { price: 603 }, 21).quote(2, { underlying: 594 }, 20);
    expect(only(known)).toMatchObject([{ distance: 0.01 }]);
    known.quote(2, { underlying: 594 }, 21);
    expect(only(known)).toMatchObject([{ distance: undefined }]);
  });

  it('do not go by options on another underlying, nor by their own price', () => {
    const other = { ...option(2), underConId: 320_227_571 };
    const known = new Known().hold(option(1), '-1').hold(other, '5');
    known.quote(2, { underlying: 600 }).quote(1, { price: 600 });
    expect(only(known)).toMatchObject([{ distance: undefined }]);
  });

  it('may name their strike in cents while marks are in dollars', () => {
    const corn = option(1, { secType: 'FOP', strike: '450' });
    const known = new Known().hold({ ...corn, priceMagnifier: 100 }, '-1').quote(1, { underlying: 4.545 });
    expect(only(known)[0]?.distance).toBeCloseTo(0.01);
  });
});
