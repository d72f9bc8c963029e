import { describe, expect, it } from 'vitest';
import { answered, bestOf } from '../../../../bridge/lines/lane/poll.ts';
import { applyTick, NO_QUOTE } from '../../../../bridge/lines/quote.ts';

const live = { quality: 'live' as const, mark: { price: 1 } };
const old = { quality: 'stale' as const, mark: { price: 2 } };
const none = { quality: 'no-line' as const };

describe('quotes of one contract', () => {
  it('count in their order: what is worth something, what has any value, what there is', () => {
    expect(bestOf([none, old, live])).toBe(live);
    expect(bestOf([none, old])).toBe(old);
    expect(bestOf([none])).toBe(none);
    expect(bestOf([])).toBeUndefined();
  });
});

describe('an answer', () => {
  const last = { type: 'price' as const, at: 0, reqId: 1, field: 'last' as const, price: 3 };
  const competing = {
    type: 'requestNotice' as const,
    at: 0,
    reqId: 1,
    code: 10197,
    message: 'no market data during competing live session',
    meaning: 'competing-session' as const,
  };

  it('replaces what was known, fields that it lacks included', () => {
    expect(answered({ quality: 'live', mark: { bid: 1, ask: 2 } }, applyTick(NO_QUOTE, last))).toMatchObject({
      quality: 'live',
      mark: { last: 3, price: 3 },
    });
    expect(
      answered({ quality: 'live', mark: { bid: 1 } }, applyTick(NO_QUOTE, last)).mark,
    ).not.toHaveProperty('bid');
  });

  it('without any value leaves what was known, and says why it is old', () => {
    expect(answered(live, NO_QUOTE)).toEqual({ ...live, quality: 'stale' });
    expect(answered(live, applyTick(NO_QUOTE, competing))).toEqual({ ...live, quality: 'competing-session' });
    expect(answered({ quality: 'no-line' }, NO_QUOTE)).toEqual({ quality: 'none' });
  });
});
