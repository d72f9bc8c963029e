import { InvalidArgumentError } from 'commander';

/** A trading date: 17:00 in Chicago on the evening before, when CME opens it, to 17:00 on the day. */
export interface TradingDate {
  /** YYYY-MM-DD */
  readonly date: string;
  readonly startMs: number;
  /** Not part of it. */
  readonly endMs: number;
}

const DAY_MS = 86_400_000;
const CLOSE_HOUR = 17;
/** Hours that Chicago is behind UTC, in summer and in winter. */
const OFFSETS_H = [5, 6] as const;

const chicagoHour = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Chicago',
  hour: 'numeric',
  hourCycle: 'h23',
});

/** For an option: what it means is said where it is declared. @throws InvalidArgumentError */
export function parseTradingDate(text: string): TradingDate {
  const midnight = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== text) {
    throw new InvalidArgumentError('must be a date such as 2026-11-20.');
  }
  return { date: text, startMs: closeOf(midnight - DAY_MS), endMs: closeOf(midnight) };
}

/** @returns the UTC days that it touches, in order */
export function utcDaysOf({ startMs, endMs }: Pick<TradingDate, 'startMs' | 'endMs'>): string[] {
  const days: string[] = [];
  for (let at = startMs - (startMs % DAY_MS); at < endMs; at += DAY_MS) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

/** The clocks change at night: 17:00 is there once on every day. */
function closeOf(midnightMs: number): number {
  const candidates = OFFSETS_H.map((offset) => midnightMs + (CLOSE_HOUR + offset) * 3_600_000);
  const found = candidates.find((at) => Number(chicagoHour.format(at)) === CLOSE_HOUR);
  if (found === undefined) throw new RangeError(`no ${CLOSE_HOUR}:00 in Chicago on ${new Date(midnightMs)}`);
  return found;
}
