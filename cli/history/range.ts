import { InvalidArgumentError } from 'commander';
import { parseTradingDate } from '../trading-date.ts';

/** 2026-11-20T14:30Z, seconds and fractions of them as one likes: always UTC, said so. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z$/;

/** For `--from`: a trading date begins at 17:00 Chicago on the evening before. @throws InvalidArgumentError */
export function parseFrom(text: string): number {
  return parseInstant(text) ?? parseTradingDate(text).startMs;
}

/** For `--to`: a trading date is part of the range as a whole. @throws InvalidArgumentError */
export function parseTo(text: string): number {
  return parseInstant(text) ?? parseTradingDate(text).endMs;
}

function parseInstant(text: string): number | undefined {
  if (!text.includes('T')) return undefined;
  const at = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  // What JavaScript carries over into the next month is no date that anybody meant.
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text.slice(0, 10)) {
    throw new InvalidArgumentError('must be a trading date (2026-11-20) or an instant (2026-11-20T14:30Z).');
  }
  return at;
}
