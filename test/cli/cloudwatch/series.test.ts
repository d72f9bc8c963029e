import { describe, expect, it } from 'vitest';
import { MetricStore } from '../../../cli/cloudwatch/series.ts';

const MINUTE_MS = 60_000;
const START = Date.parse('2026-11-20T12:00:00Z');
const METRIC = {
  namespace: 'AWS/Lambda',
  name: 'Duration',
  dimensions: { FunctionName: 'drain', Alias: 'live' },
};

describe('the values of a run', () => {
  const store = new MetricStore([
    {
      ...METRIC,
      at: START,
      values: [
        [10, 2],
        [40, 1],
      ],
    },
    { ...METRIC, at: START, values: [[20, 1]] },
    { ...METRIC, at: START + 2 * MINUTE_MS, values: [[5, 1]] },
  ]);
  const span = { from: START, to: START + 3 * MINUTE_MS, periodMs: MINUTE_MS };
  const of = (statistic: string, dimensions: Record<string, string> = METRIC.dimensions) => [
    ...store.series({ ...METRIC, dimensions, statistic }, span).values(),
  ];

  it.each([
    ['SampleCount', [4, 1]],
    ['Sum', [80, 5]],
    ['Average', [20, 5]],
    ['Minimum', [10, 5]],
    ['Maximum', [40, 5]],
    ['p50', [10, 5]],
    ['p75', [20, 5]],
    ['p95', [40, 5]],
  ])('add up to the %s of each minute that has any', (statistic, expected) => {
    expect(of(statistic)).toEqual(expected);
  });

  it('make one period of several minutes', () => {
    const minutes = { ...span, periodMs: 3 * MINUTE_MS };
    expect([...store.series({ ...METRIC, statistic: 'Sum' }, minutes)]).toEqual([[START, 85]]);
  });

  it('belong to periods that begin at whole multiples of their length', () => {
    const late = { from: START + 30_000, to: START + 61_000, periodMs: MINUTE_MS };
    expect([...store.series({ ...METRIC, statistic: 'Sum' }, late)]).toEqual([[START, 80]]);
  });

  it('belong to a metric with exactly their dimensions, in whatever order', () => {
    expect(of('Sum', { Alias: 'live', FunctionName: 'drain' })).toEqual([80, 5]);
    expect(of('Sum', { FunctionName: 'drain' })).toEqual([]);
  });

  it('are not seen before they have come', () => {
    const metric = { ...METRIC, statistic: 'Sum' };
    expect([...store.series(metric, span, START + 2 * MINUTE_MS).values()]).toEqual([80]);
  });

  it('are of no use to a statistic that nobody knows', () => {
    expect(() => of('tm90')).toThrow(/tm90/);
  });
});
