import { describe, expect, it } from 'vitest';
import { parseTradingDate, utcDaysOf } from '../../cli/trading-date.ts';

const span = (text: string) => {
  const { startMs, endMs } = parseTradingDate(text);
  return [new Date(startMs).toISOString(), new Date(endMs).toISOString()];
};

describe('a trading date', () => {
  it.each([
    ['in winter', '2026-11-20', '2026-11-19T23:00:00.000Z', '2026-11-20T23:00:00.000Z'],
    ['in summer', '2026-07-01', '2026-06-30T22:00:00.000Z', '2026-07-01T22:00:00.000Z'],
    ['of 25 hours when summer ends', '2026-11-01', '2026-10-31T22:00:00.000Z', '2026-11-01T23:00:00.000Z'],
    ['of 23 hours when it begins', '2026-03-08', '2026-03-07T23:00:00.000Z', '2026-03-08T22:00:00.000Z'],
  ])('%s begins at 17:00 in Chicago on the evening before', (_, date, start, end) => {
    expect(span(date)).toEqual([start, end]);
  });

  it('touches two UTC days', () => {
    expect(utcDaysOf(parseTradingDate('2026-11-20'))).toEqual(['2026-11-19', '2026-11-20']);
  });

  it.each(['2026-02-30', '20261120', 'today', '2026-11-20T00:00'])('refuses %s', (text) => {
    expect(() => parseTradingDate(text)).toThrow('must be a date such as');
  });
});
