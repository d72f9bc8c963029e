import { describe, expect, it } from 'vitest';
import { Catalogue } from '../../../local/gateway/catalogue.ts';
import { Market } from '../../../local/gateway/market.ts';
import { legOf, positionIn, smallPortfolio, TODAY } from './support/small-portfolio.ts';

const portfolio = smallPortfolio();
const { instruments } = new Catalogue(portfolio.instruments);
const CONIDS = portfolio.instruments.map(({ contract }) => contract.conId);

function marketOf(seed: number, steps: number): Market {
  const market = new Market({ instruments, seed, today: TODAY, stepMs: 250 });
  for (let step = 0; step < steps; step += 1) market.advance();
  return market;
}

describe('the market', () => {
  it('is the same for the same seed, whoever asks for what and when', () => {
    const asked = marketOf(5, 50);
    for (const conId of CONIDS) asked.quote(conId);
    for (let step = 0; step < 50; step += 1) asked.advance();
    const fresh = marketOf(5, 100);
    expect(CONIDS.map((conId) => asked.quote(conId))).toEqual(CONIDS.map((conId) => fresh.quote(conId)));
  });

  it('moves otherwise for another seed', () => {
    const spy = (seed: number) => marketOf(seed, 500).quote(756733)?.last;
    expect(spy(1)).not.toBe(spy(2));
  });

  it('quotes every instrument on its ticks, with the bid below the ask', () => {
    const market = marketOf(5, 100);
    for (const instrument of portfolio.instruments) {
      const quote = market.quote(instrument.contract.conId);
      expect(quote, instrument.contract.localSymbol).toBeDefined();
      for (const price of [quote?.bid, quote?.ask, quote?.last]) {
        if (price === undefined) continue;
        expect(price).toBeGreaterThan(0);
        const ticks = price / instrument.minTick;
        expect(Math.abs(ticks - Math.round(ticks))).toBeLessThan(1e-6);
      }
      if (quote?.bid !== undefined) expect(quote.bid).toBeLessThan(quote.ask ?? 0);
    }
  });

  it('prices both kinds of options on what they are options on', () => {
    const market = marketOf(5, 0);
    const future = positionIn(portfolio, 'FOP').conId;
    const underlying = instruments.get(future)?.underConId ?? 0;
    expect(market.quote(future)?.computations?.model.underlying).toBe(instruments.get(underlying)?.price);
    expect(market.quote(legOf(portfolio, 0, 1))?.computations?.model.underlying).toBe(660);
  });

  it('prices a future option without carry: put and call at the price of the future cost the same', () => {
    const call = instruments.get(positionIn(portfolio, 'FOP').conId);
    const future = instruments.get(call?.underConId ?? 0);
    if (call === undefined || future === undefined) throw new Error('no future option');
    const pair = (['C', 'P'] as const).map((right, index) => ({
      ...call,
      contract: { ...call.contract, conId: 1 + index, right, strike: String(future.price) },
    }));
    const market = new Market({
      instruments: new Map([future, ...pair].map((entry) => [entry.contract.conId, entry])),
      seed: 1,
      today: TODAY,
      stepMs: 250,
    });
    const [one, two] = [1, 2].map((conId) => market.quote(conId)?.computations?.model.price ?? Number.NaN);
    expect(one).toBeGreaterThan(1);
    expect(one).toBeCloseTo(two ?? 0, 2);
  });

  it('does not know what the portfolio does not list', () => {
    expect(marketOf(5, 0).quote(42)).toBeUndefined();
  });

  it('keeps an option that has expired without dividing by its time', () => {
    const late = new Market({ instruments, seed: 1, today: '2030-01-01', stepMs: 250 });
    const quote = late.quote(legOf(portfolio, 0, 1));
    expect(quote?.computations?.model.delta).toBeCloseTo(0, 5);
    expect(Object.values(quote?.computations?.model ?? {}).every(Number.isFinite)).toBe(true);
  });
});
