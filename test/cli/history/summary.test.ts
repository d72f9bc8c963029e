import { InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFrom, parseTo } from '../../../cli/history/range.ts';
import type { HistoryRow } from '../../../cli/history/rows.ts';
import { pointsOf, summarize } from '../../../cli/history/summary.ts';
import { type Quality, qualitySchema } from '../../../shared/snapshot.ts';

const GOOD: readonly Quality[] = ['live', 'delayed', 'no-bid'];

function row(overrides: Partial<HistoryRow>): HistoryRow {
  return {
    observedAt: '2026-11-20T15:00:00.000Z',
    account: 'DU9000001',
    reason: 'keyframe',
    quality: 'live',
    quantity: '-3',
    averageCost: '2100.6321',
    ...overrides,
  };
}

const rows = fc.array(
  fc
    .record({
      quality: fc.constantFrom(...qualitySchema.options),
      price: fc.option(fc.double({ min: 0, max: 1000, noNaN: true }), { nil: undefined }),
    })
    .map(({ quality, price }) => row({ quality, ...(price === undefined ? {} : { price }) })),
  { maxLength: 40 },
);

describe('the summary of a history', () => {
  it('is over the rows that can be trusted and says how many of which quality it left out', () => {
    const summary = summarize([
      row({ price: 4 }),
      row({ price: 900, quality: 'stale' }),
      row({ price: 900, quality: 'frozen' }),
      row({ quality: 'live' }),
      row({ price: 2, quality: 'delayed' }),
      row({ price: 3, quality: 'no-bid' }),
      row({ price: 900, quality: 'stale' }),
    ]);
    expect(summary).toEqual({
      rows: 7,
      priced: 3,
      unpriced: 1,
      leftOut: { stale: 2, frozen: 1 },
      price: { first: 4, last: 3, low: 2, high: 4, mean: 3 },
    });
  });

  it('has no price where no row can be trusted', () => {
    expect(summarize([row({ price: 1, quality: 'none' })])).toEqual({
      rows: 1,
      priced: 0,
      unpriced: 0,
      leftOut: { none: 1 },
    });
  });

  it('counts every row exactly once, and no dead price moves an aggregate', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const summary = summarize(given);
        const leftOut = Object.values(summary.leftOut).reduce((sum, count) => sum + count, 0);
        expect(summary.priced + summary.unpriced + leftOut).toBe(given.length);
        const alive = given.filter(({ quality }) => GOOD.includes(quality as Quality));
        expect(summarize(alive).price).toEqual(summary.price);
      }),
    );
  });
});

describe('the points of a plot', () => {
  it('leave out what is dead, except where the quantity is drawn', () => {
    const given = [row({ delta: -0.2 }), row({ delta: -0.9, quality: 'stale', quantity: '-2' })];
    expect(pointsOf(given, 'delta').map(([, value]) => value)).toEqual([-0.2]);
    expect(pointsOf(given, 'quantity').map(([, value]) => value)).toEqual([-3, -2]);
  });
});

describe('--from and --to', () => {
  it('take a trading date as a whole', () => {
    expect(new Date(parseFrom('2026-11-20')).toISOString()).toBe('2026-11-19T23:00:00.000Z');
    expect(new Date(parseTo('2026-11-20')).toISOString()).toBe('2026-11-20T23:00:00.000Z');
  });

  it('take an instant in UTC as it is', () => {
    expect(new Date(parseFrom('2026-11-20T14:30Z')).toISOString()).toBe('2026-11-20T14:30:00.000Z');
    expect(parseTo('2026-11-20T14:30:00.250Z')).toBe(Date.UTC(2026, 10, 20, 14, 30, 0, 250));
  });

  it.each(['2026-11-20T14:30', '2026-02-30T00:00Z', '2026-11-20T14:30+01:00', 'yesterday', '2026-02-30'])(
    'refuse %s and say what they take',
    (text) => {
      expect(() => parseFrom(text)).toThrow(InvalidArgumentError);
      expect(() => parseTo(text)).toThrow(/2026-11-20/);
    },
  );
});
