import { DECIMAL_SCALE, type Decimal, decimal } from '../../shared/decimal.ts';
import type { Snapshot } from '../../shared/snapshot.ts';

/** A snapshot that cannot become a row: the fault of this record alone. */
export class RowFault extends Error {
  override readonly name = 'RowFault';
}

/** What becomes a row: all of it is the same on every delivery. */
export interface RowSource {
  readonly snapshot: Snapshot;
  /** When SQS took the message, ISO 8601. */
  readonly receivedAt: string;
  /** SHA-256 of the body. */
  readonly digest: string;
}

/** DECIMAL(18,8) holds 18 digits: what is larger would be written wrong without a word. */
const UNSCALED_LIMIT = 10n ** 18n;
const DAY_MS = 86_400_000;

/**
 * @returns the decimal as an integer of 10^-8
 * @throws RowFault when it needs more than 18 digits
 */
export function scaled(column: string, text: Decimal): bigint {
  const [whole = '0', fraction = ''] = decimal(text).split('.');
  const digits = `${whole}${fraction.padEnd(DECIMAL_SCALE, '0')}`;
  const unscaled = BigInt(digits);
  if (unscaled >= UNSCALED_LIMIT || unscaled <= -UNSCALED_LIMIT) {
    throw new RowFault(`${column}: ${text} does not fit DECIMAL(18,${DECIMAL_SCALE})`);
  }
  return unscaled;
}

/**
 * The writer leaves NaN out of the statistics, by which readers then skip the row; -0 and 0 would be two values.
 * @returns null for what is no number
 */
export function float(value: number | undefined): number | null {
  if (value === undefined || !Number.isFinite(value)) return null;
  return value === 0 ? 0 : value;
}

/** @returns microseconds since 1970 in UTC */
export function instant(text: string): bigint {
  return BigInt(Date.parse(text)) * 1000n;
}

/**
 * @param text YYYYMMDD
 * @returns days since 1970
 * @throws RowFault when the calendar has no such day
 */
export function calendarDay(column: string, text: string): number {
  const iso = `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}`;
  const time = Date.parse(`${iso}T00:00:00Z`);
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== iso) {
    throw new RowFault(`${column}: ${text} is no day of the calendar`);
  }
  return time / DAY_MS;
}
