import { Big } from 'big.js';
import * as z from 'zod';

/**
 * Quantities and money that must be exact travel as plain decimal strings: no exponent, no sign on zero,
 * no padding. IB sends them as text, @stoqey/ib turns them into floats; `decimal` is the way back.
 */
export type Decimal = string;

/** Digits after the point that the lake keeps (DECIMAL(18,8) in Parquet); more are rounded half to even. */
export const DECIMAL_SCALE = 8;

const PLAIN = /^-?(0|[1-9]\d*)(\.\d*[1-9])?$/;

export const decimalSchema = z
  .string()
  .regex(PLAIN, 'must be a plain decimal such as "-1.5": no exponent, no padding')
  .refine((text) => text !== '-0', 'must not be "-0"');

/**
 * @param value a finite number or a numeric text in any notation
 * @returns the canonical decimal string, rounded to DECIMAL_SCALE digits
 * @throws RangeError when the value is not finite or not a number: callers check what they read at the edge
 */
export function decimal(value: number | string): Decimal {
  let big: Big;
  try {
    big = new Big(value);
  } catch (cause) {
    throw new RangeError(`not a decimal: ${JSON.stringify(value)}`, { cause });
  }
  const text = big.round(DECIMAL_SCALE, Big.roundHalfEven).toFixed();
  return text === '-0' ? '0' : text;
}

export function addDecimals(...values: readonly Decimal[]): Decimal {
  return decimal(values.reduce((sum, value) => sum.plus(value), new Big(0)).toFixed());
}

export function negateDecimal(value: Decimal): Decimal {
  return decimal(new Big(value).neg().toFixed());
}

/** -1, 0 or 1, as a sort comparator does. */
export function compareDecimals(left: Decimal, right: Decimal): -1 | 0 | 1 {
  return new Big(left).cmp(right);
}

export function isZero(value: Decimal): boolean {
  return new Big(value).eq(0);
}
