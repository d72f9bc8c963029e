import { describe, expect, it } from 'vitest';
import { parseExpression } from '../../../cli/cloudwatch/expression.ts';
import { evaluateExpression } from '../../../cli/cloudwatch/metric-math.ts';
import type { Series } from '../../../cli/cloudwatch/series.ts';

const MINUTE_MS = 60_000;
/** The last minute of a Friday. */
const START = Date.parse('2026-11-20T23:59:00Z');

const DAY_MS = 1440 * MINUTE_MS;
const WEEK = { from: START, to: START + 7 * DAY_MS, periodMs: DAY_MS };

/** One value a minute; undefined is missing. */
type Values = readonly (number | undefined)[];

function series(values: Values): Series {
  return new Map(
    values.flatMap((value, minute) => (value === undefined ? [] : [[START + minute * MINUTE_MS, value]])),
  );
}

function evaluate(text: string, metrics: Readonly<Record<string, Values>>, minutes = 4): Values {
  const byId = new Map(Object.entries(metrics).map(([id, values]) => [id, series(values)]));
  const span = { from: START, to: START + minutes * MINUTE_MS, periodMs: MINUTE_MS };
  const result = evaluateExpression(parseExpression(text), byId, span);
  return Array.from({ length: minutes }, (_, minute) => result.get(START + minute * MINUTE_MS));
}

const _ = undefined;

/** Examples of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html */
describe('metric math', () => {
  const compared = { metric1: [30, 20, 0, 0], metric2: [20, _, 20, _] };

  it.each([
    ['(metric1 < metric2)', [0, 0, 1, 0]],
    ['(metric1 >= 30)', [1, 0, 0, 0]],
    ['(metric1 > 15 AND metric2 > 15)', [1, 0, 0, 0]],
  ])('%s compares as documented', (text, expected) => {
    expect(evaluate(text, compared)).toEqual(expected);
  });

  it.each([
    ['IF(metric1, metric2, metric3)', [30, 0, 20, _, _]],
    ['IF(metric1, 5, metric3)', [5, 5, 20, _, _]],
    ['IF(metric1, metric2, 5)', [30, 0, 5, 5, _]],
  ])('%s chooses as documented', (text, expected) => {
    const metrics = { metric1: [1, 1, 0, 0, _], metric2: [30, _, 0, 0, 30], metric3: [0, 0, 20, _, 20] };
    expect(evaluate(text, metrics, 5)).toEqual(expected);
  });

  it('takes a missing value for 0 between two series, and drops what would be divided by 0', () => {
    expect(evaluate('a + b', { a: [1, _, _], b: [2, 3, _] })).toEqual([3, 3, _, _]);
    expect(evaluate('a / b', { a: [6, 6, _], b: [2, 0, 3] })).toEqual([3, _, 0, _]);
  });

  it('knows precedence, brackets and signs', () => {
    expect(evaluate('-a + 2 * (a - 1) ^ 2', { a: [3] })).toEqual([5, _, _, _]);
    expect(evaluate('a - 1 - 1', { a: [3] })).toEqual([1, _, _, _]);
  });

  it('fills gaps, but not a metric that has no value at all', () => {
    expect(evaluate('FILL(a, 7)', { a: [_, 1, _, _] })).toEqual([7, 1, 7, 7]);
    expect(evaluate('FILL(a, 7)', { a: [] })).toEqual([_, _, _, _]);
    expect(evaluate('FILL(a, 0) + FILL(b, 0)', { a: [_, 1, _, _], b: [] })).toEqual([0, 1, 0, 0]);
  });

  it('knows the weekday of every minute, with or without a value: Monday is 1', () => {
    expect(evaluate('DAY(a)', { a: [] })).toEqual([5, 6, 6, 6]);
    const days = [
      ...evaluateExpression(parseExpression('DAY(a)'), new Map([['a', new Map()]]), WEEK).values(),
    ];
    expect(days).toEqual([5, 6, 7, 1, 2, 3, 4]);
    expect(evaluate('IF(DAY(a) < 6, a)', { a: [9, 9, _, 9] })).toEqual([9, _, _, _]);
  });

  it.each(['a +', 'a b', 'FILL(a, 0', '1 $ 2', ')', 'fill(a, 0)'])('refuses %s', (text) => {
    expect(() => parseExpression(text)).toThrow(SyntaxError);
  });

  it.each(['ANOMALY_DETECTION_BAND(a)', 'b + 1', '1 + 1', 'FILL(a, b)'])(
    'says what it does not know in %s instead of guessing',
    (text) => {
      expect(() => evaluate(text, { a: [1] })).toThrow(RangeError);
    },
  );
});
