import { describe, expect, it } from 'vitest';
import type { LineEvent } from '../../../bridge/gateway/events.ts';
import { applyTick, NO_QUOTE, quoteOf, silenced } from '../../../bridge/lines/quote.ts';

const AT = Date.parse('2026-11-20T14:30:00.000Z');

type Tick = LineEvent extends infer E ? (E extends LineEvent ? Omit<E, 'at' | 'reqId'> : never) : never;

function heard(...ticks: readonly Tick[]) {
  return ticks.reduce(
    (state, tick, index) => applyTick(state, { ...tick, reqId: 1, at: AT + index } as LineEvent),
    NO_QUOTE,
  );
}

const bid = (price?: number): Tick => ({ type: 'price', field: 'bid', price });
const ask = (price?: number): Tick => ({ type: 'price', field: 'ask', price });
const last = (price?: number): Tick => ({ type: 'price', field: 'last', price });
const type = (marketDataType: 1 | 2 | 3 | 4): Tick => ({ type: 'marketDataType', marketDataType });
const model = { iv: 0.25, price: 2.4, delta: -0.3, gamma: 0.02, vega: 0.1, theta: -0.05, underlying: 500 };

describe('a quote', () => {
  it('is priced in the middle of a two-sided market, with the time of its newest price', () => {
    expect(quoteOf(heard(bid(2), ask(3), last(1)))).toEqual({
      quality: 'live',
      mark: { bid: 2, ask: 3, last: 1, price: 2.5, at: '2026-11-20T14:30:00.002Z' },
    });
  });

  it('has a middle without the noise of binary fractions', () => {
    expect(quoteOf(heard(bid(240.06), ask(240.1))).mark?.price).toBe(240.08);
    expect(quoteOf(heard(bid(600.17), ask(600.19))).mark?.price).toBe(600.18);
  });

  it('falls back to the model price, then to the last trade', () => {
    const greeks: Tick = { type: 'greeks', source: 'model', greeks: model };
    expect(quoteOf(heard(ask(3), last(1), greeks)).mark?.price).toBe(2.4);
    expect(quoteOf(heard(ask(3), last(1))).mark?.price).toBe(1);
    expect(quoteOf(heard(ask(3))).mark?.price).toBeUndefined();
  });

  it('prefers the model greeks and takes the trade’s, the bid’s, the ask’s where they were not computed', () => {
    const of = (source: 'model' | 'bid' | 'ask' | 'last', delta?: number): Tick => ({
      type: 'greeks',
      source,
      greeks: delta === undefined ? { underlying: 500 } : { delta },
    });
    expect(quoteOf(heard(of('ask', 0.1), of('model', 0.2), of('last', 0.3))).mark?.delta).toBe(0.2);
    expect(quoteOf(heard(of('ask', 0.1), of('model'), of('bid', 0.3))).mark?.delta).toBe(0.3);
    expect(quoteOf(heard(of('model'))).mark).toEqual({
      underlying: 500,
      greeksAt: '2026-11-20T14:30:00.000Z',
    });
  });

  it('is a wing that nobody bids for when the ask lives and the bid was reported gone', () => {
    for (const gone of [undefined, 0]) {
      expect(quoteOf(heard(bid(gone), ask(0.05), last(0.02)))).toMatchObject({
        quality: 'no-bid',
        mark: { bid: 0, ask: 0.05, price: 0.02 },
      });
    }
  });

  it('does not take a bid that was never heard for a bid that is gone', () => {
    const { quality, mark } = quoteOf(heard(ask(0.05)));
    expect(quality).toBe('live');
    expect(mark).not.toHaveProperty('bid');
  });

  it('leaves a side without data absent, never 0', () => {
    expect(quoteOf(heard(bid(2), ask(3), last(1), bid(), ask()))).toMatchObject({
      mark: { last: 1, price: 1 },
    });
    expect(quoteOf(heard(bid(2), ask(3), bid(), ask()))).toEqual({ quality: 'none' });
    expect(quoteOf(heard(ask(0), bid(2))).mark).not.toHaveProperty('ask');
  });

  it('comes back from no bid with the next bid', () => {
    expect(quoteOf(heard(bid(), ask(0.1), bid(0.05)))).toMatchObject({
      quality: 'live',
      mark: { bid: 0.05 },
    });
  });

  it('keeps a negative price, which futures have had', () => {
    expect(quoteOf(heard(bid(-38), ask(-37))).mark?.price).toBe(-37.5);
  });

  it.each([
    [1, 'live'],
    [2, 'frozen'],
    [3, 'delayed'],
    [4, 'delayed'],
  ] as const)('says by the callback of type %i that it is %s', (marketDataType, quality) => {
    expect(quoteOf(heard(type(marketDataType), bid(2), ask(3))).quality).toBe(quality);
  });

  it('has no quality before anything came', () => {
    expect(quoteOf(NO_QUOTE)).toEqual({ quality: 'none' });
    expect(quoteOf(heard(type(3)))).toEqual({ quality: 'none' });
  });

  it('is stale once silenced, keeps its values, and lives again with the next tick', () => {
    const stale = silenced(heard(bid(2), ask(3)), 'stale');
    expect(quoteOf(stale)).toMatchObject({ quality: 'stale', mark: { price: 2.5 } });
    const alive = applyTick(stale, { type: 'price', field: 'ask', price: 4, reqId: 1, at: AT + 9 });
    expect(quoteOf(alive)).toMatchObject({
      quality: 'live',
      mark: { price: 3, at: '2026-11-20T14:30:00.009Z' },
    });
  });

  it('lives again with the size of a side too, whose price is what it was, but not with the volume of the day', () => {
    const stale = silenced(heard(bid(2), ask(3)), 'stale');
    const sized = (field: 'bid' | 'volume') =>
      quoteOf(applyTick(stale, { type: 'size', field, size: 7, reqId: 1, at: AT + 9 }));
    expect(sized('bid')).toMatchObject({ quality: 'live', mark: { bid: 2, ask: 3 } });
    expect(sized('volume').quality).toBe('stale');
  });

  it('shows that another session has the data, and that a partial subscription is none of its business', () => {
    const notice = (meaning: 'competing-session' | 'harmless'): Tick => ({
      type: 'requestNotice',
      code: 10197,
      message: '',
      meaning,
    });
    expect(quoteOf(heard(bid(2), ask(3), notice('competing-session'))).quality).toBe('competing-session');
    expect(quoteOf(heard(bid(2), ask(3), notice('harmless'))).quality).toBe('live');
  });
});
