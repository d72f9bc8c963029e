import type { Decoding } from '../gateway/decode.ts';
import { dayIn, dayOfUtc, instantIn, utcOf, zoneOf } from './time-zone.ts';

/**
 * When a contract trades: the `tradingHours` and `liquidHours` of its details, in its own time zone. Pure.
 * https://interactivebrokers.github.io/tws-api/contract_details.html
 */

/** Epoch milliseconds; open at `opensAt`, closed at `closesAt`. */
export interface TradingSession {
  readonly opensAt: number;
  readonly closesAt: number;
}

export interface TradingHours {
  /** As Intl names it. */
  readonly timeZone: string;
  /** In order; none touches another. */
  readonly sessions: readonly TradingSession[];
  /** YYYYMMDD in order. A session belongs to the day that it closes on, or to the next that trades. */
  readonly tradingDays: readonly string[];
  /** Epoch milliseconds: before and from `knownUntil` on the text says nothing. */
  readonly knownFrom: number;
  readonly knownUntil: number;
}

const DAY_MS = 86_400_000;
const MINUTES_PER_DAY = 1440;
/** `20261123:1700-20261124:1600`, `20261123:0930-1600,1700-2359`, `20261126:CLOSED` */
const ENTRY = /^(\d{8}):(CLOSED|\d{4}-.+)$/;
const RANGE = /^(?:(\d{8}):)?(\d{4})-(?:(\d{8}):)?(\d{4})$/;

/**
 * @param text entries apart by `;`, each a day in the contract's time zone. Entries may come in any order, twice, or
 *   overlap (Hong Kong's night session comes after the weekend that it precedes).
 * @param timeZoneId as TWS names it
 */
export function parseTradingHours(text: string, timeZoneId: string): Decoding<TradingHours> {
  const timeZone = zoneOf(timeZoneId);
  if (timeZone === undefined) return { ok: false, fault: `time zone "${timeZoneId}" is not known` };
  const sessions: TradingSession[] = [];
  const closedDays = new Set<string>();
  for (const entry of text.split(';').filter((part) => part.trim() !== '')) {
    const [, day, hours] = ENTRY.exec(entry.trim()) ?? [];
    const ranges = day && hours ? (hours === 'CLOSED' ? [] : rangesOf(day, hours, timeZone)) : undefined;
    if (day === undefined || ranges === undefined) {
      return { ok: false, fault: `trading hours "${entry}" are in no known form` };
    }
    if (ranges.length === 0) closedDays.add(day);
    sessions.push(...ranges);
  }
  if (sessions.length === 0 && closedDays.size === 0) return { ok: false, fault: 'no trading hours given' };
  return { ok: true, value: toHours(timeZone, sessions, closedDays) };
}

/** @returns undefined where one of them is none */
function rangesOf(day: string, text: string, timeZone: string): TradingSession[] | undefined {
  const sessions: TradingSession[] = [];
  for (const range of text.split(',')) {
    const [, openDay, openTime = '', closeDay, closeTime = ''] = RANGE.exec(range.trim()) ?? [];
    const [open, close] = [minuteOf(openTime), minuteOf(closeTime)];
    if (open === undefined || close === undefined) return undefined;
    // Without a day of its own an opening that is not before the close was the evening before: CME, currencies.
    const opensOn = openDay ?? (closeDay !== undefined || open < close ? day : dayBefore(day));
    const opensAt = instantIn(timeZone, opensOn, open);
    const closesAt = instantIn(timeZone, closeDay ?? day, close);
    if (!(opensAt < closesAt)) return undefined;
    sessions.push({ opensAt, closesAt });
  }
  return sessions;
}

function minuteOf(time: string): number | undefined {
  const [hours, minutes] = [Number(time.slice(0, 2)), Number(time.slice(2))];
  const minute = 60 * hours + minutes;
  return time.length === 4 && minutes < 60 && minute <= MINUTES_PER_DAY ? minute : undefined;
}

function dayBefore(day: string): string {
  return dayOfUtc(utcOf(day) - DAY_MS);
}

function toHours(
  timeZone: string,
  sessions: readonly TradingSession[],
  closedDays: ReadonlySet<string>,
): TradingHours {
  const spans = [
    ...sessions,
    ...[...closedDays].map((day) => ({
      opensAt: instantIn(timeZone, day, 0),
      closesAt: instantIn(timeZone, day, MINUTES_PER_DAY),
    })),
  ];
  const first = Math.min(...spans.map((span) => span.opensAt));
  return {
    timeZone,
    sessions: merged(sessions),
    tradingDays: tradingDaysOf(timeZone, sessions, closedDays),
    knownFrom: instantIn(timeZone, dayIn(timeZone, first), 0),
    knownUntil: Math.max(...spans.map((span) => span.closesAt)),
  };
}

function merged(sessions: readonly TradingSession[]): TradingSession[] {
  const result: TradingSession[] = [];
  for (const session of sessions.toSorted((a, b) => a.opensAt - b.opensAt)) {
    const previous = result.at(-1);
    if (previous && session.opensAt <= previous.closesAt) {
      const closesAt = Math.max(previous.closesAt, session.closesAt);
      result[result.length - 1] = { opensAt: previous.opensAt, closesAt };
    } else {
      result.push(session);
    }
  }
  return result;
}

/** Osaka's night session of Friday closes on Saturday: that makes no trading day of it. */
function tradingDaysOf(
  timeZone: string,
  sessions: readonly TradingSession[],
  closedDays: ReadonlySet<string>,
): string[] {
  const days = new Set<string>();
  for (const { opensAt, closesAt } of sessions) {
    const day = closingDay(timeZone, closesAt);
    if (closedDays.has(day)) continue;
    if (isWeekday(utcOf(day)) || dayIn(timeZone, opensAt) === day) days.add(day);
  }
  return [...days].sort();
}

/** A close at midnight belongs to the day that it ends. */
function closingDay(timeZone: string, closesAt: number): string {
  return dayIn(timeZone, closesAt - 1);
}

/** @returns undefined where the text says nothing of the instant: too old, most likely */
export function isOpenAt(hours: TradingHours, instantMs: number): boolean | undefined {
  if (instantMs < hours.knownFrom || instantMs >= hours.knownUntil) return undefined;
  return openSession(hours, instantMs) !== undefined;
}

/** @returns epoch milliseconds: the next opening or close after the instant; undefined where the text names none */
export function nextChange(hours: TradingHours, afterMs: number): number | undefined {
  for (const { opensAt, closesAt } of hours.sessions) {
    if (opensAt > afterMs) return opensAt;
    if (closesAt > afterMs) return closesAt;
  }
  return undefined;
}

/**
 * Trading days after the present one up to the last: 0 on the last trading day and after it, 1 on the trading day
 * before and on the weekend between. An evening session counts as the day that it belongs to. Days that the text does
 * not speak of count as traded from Monday to Friday: holidays further off are not known.
 * @param hours undefined where they are not known: weekdays in UTC count
 * @param lastTradeDate YYYYMMDD
 */
export function tradingDaysLeft(
  hours: TradingHours | undefined,
  fromMs: number,
  lastTradeDate: string,
): number {
  const today = hours === undefined ? dayOfUtc(fromMs) : tradingDayAt(hours, fromMs);
  if (lastTradeDate <= today) return 0;
  if (hours === undefined) return weekdaysBetween(utcOf(today), utcOf(lastTradeDate));
  const isListed = (day: string): boolean => day > today && day <= lastTradeDate;
  const horizon = utcOf(closingDay(hours.timeZone, hours.knownUntil));
  const beyond = weekdaysBetween(Math.max(horizon, utcOf(today)), utcOf(lastTradeDate));
  return hours.tradingDays.filter(isListed).length + beyond;
}

function tradingDayAt(hours: TradingHours, instantMs: number): string {
  const session = openSession(hours, instantMs);
  if (session === undefined) return dayIn(hours.timeZone, instantMs);
  const closing = closingDay(hours.timeZone, session.closesAt);
  return hours.tradingDays.find((day) => day >= closing) ?? closing;
}

/** @returns the session that the instant is part of; undefined while it is closed, and where nothing is known */
export function openSession(hours: TradingHours, instantMs: number): TradingSession | undefined {
  return hours.sessions.find(({ opensAt, closesAt }) => opensAt <= instantMs && instantMs < closesAt);
}

/** Mondays to Fridays after the first and up to the second, both midnights in UTC; 0 where that is the earlier one. */
function weekdaysBetween(afterMs: number, upToMs: number): number {
  const days = Math.max(0, Math.round((upToMs - afterMs) / DAY_MS));
  let count = 5 * Math.floor(days / 7);
  for (let rest = 1; rest <= days % 7; rest += 1) {
    if (isWeekday(afterMs + rest * DAY_MS)) count += 1;
  }
  return count;
}

function isWeekday(utcMs: number): boolean {
  const day = new Date(utcMs).getUTCDay();
  return day !== 0 && day !== 6;
}
