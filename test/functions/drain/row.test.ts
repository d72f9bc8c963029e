import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toRow } from '../../../functions/drain/parquet.ts';
import { calendarDay, float, RowFault, scaled } from '../../../functions/drain/row.ts';
import { decimalOf } from '../../support/arbitrary-snapshots.ts';
import { snapshot } from '../../support/snapshots.ts';

describe('a decimal of the lake', () => {
  it('is exact for every value of 18 digits', () => {
    const limit = 10n ** 18n - 1n;
    fc.assert(
      fc.property(fc.bigInt({ min: -limit, max: limit }), (unscaled) => {
        expect(scaled('quantity', decimalOf(unscaled))).toBe(unscaled);
      }),
    );
  });

  it('is refused with its column and value where 18 digits do not hold it', () => {
    expect(() => scaled('averageCost', '10000000000')).toThrow(
      new RowFault('averageCost: 10000000000 does not fit DECIMAL(18,8)'),
    );
    expect(() => scaled('averageCost', '-10000000000')).toThrow(RowFault);
    expect(scaled('averageCost', '9999999999.99999999')).toBe(10n ** 18n - 1n);
  });
});

describe('a number of the lake', () => {
  it('is null where it is no number, and 0 has no sign', () => {
    expect([float(Number.NaN), float(Infinity), float(-Infinity), float(undefined)]).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect(Object.is(float(-0), 0)).toBe(true);
  });
});

describe('a date of the lake', () => {
  it('is a day of the calendar, leap days included', () => {
    expect(calendarDay('lastTradeDate', '19700102')).toBe(1);
    expect(calendarDay('lastTradeDate', '20280229')).toBe(21_243);
  });

  it.each(['20270229', '20271301', '20270100', '00000000'])('refuses %s', (text) => {
    expect(() => calendarDay('lastTradeDate', text)).toThrow(RowFault);
  });
});

describe('toRow', () => {
  it('does not depend on anything but the message and when SQS took it', () => {
    const source = { snapshot: snapshot(), receivedAt: '2026-11-20T15:00:01.000Z', digest: 'd' };
    expect(toRow(source)).toEqual(toRow(structuredClone(source)));
  });
});
