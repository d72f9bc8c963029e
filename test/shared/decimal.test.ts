import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDecimals, decimal, decimalSchema, negateDecimal } from '../../shared/decimal.ts';

const exact = fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }).map((units) => {
  const digits = units.toString().replace('-', '').padStart(9, '0');
  return decimal(`${units < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`);
});

describe('decimals', () => {
  it('are plain: no exponent, no padding, no minus before zero', () => {
    expect(decimal(1e-7)).toBe('0.0000001');
    expect(decimal(1e21)).toBe('1000000000000000000000');
    expect(decimal('1.500')).toBe('1.5');
    expect(decimal(-0)).toBe('0');
    expect(decimal(-0.000000001)).toBe('0');
    expect(decimal(2100.6321)).toBe('2100.6321');
  });

  it('refuse what is no number', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '', 'abc', '0x10']) {
      expect(() => decimal(value)).toThrow(RangeError);
    }
  });

  it('round trip through their schema', () => {
    fc.assert(
      fc.property(exact, (value) => {
        expect(decimalSchema.parse(value)).toBe(value);
        expect(decimal(value)).toBe(value);
      }),
    );
  });

  it('add exactly where floats do not', () => {
    expect(addDecimals('0.1', '0.2')).toBe('0.3');
    fc.assert(
      fc.property(exact, (value) => {
        expect(addDecimals(value, negateDecimal(value))).toBe('0');
      }),
    );
  });

  it('refuse texts that could mean two things', () => {
    for (const text of ['+1', '1.', '.5', '01', '1e3', '-0', '1.50', ' 1', '']) {
      expect(decimalSchema.safeParse(text).success, text).toBe(false);
    }
  });
});
