/** Days as YYYY-MM-DD outside and YYYYMMDD on the wire, always UTC: a day has no time zone. Holidays are not known. */
export type Day = string;

const DAY_MS = 86_400_000;

export function utcToday(): Day {
  return new Date().toISOString().slice(0, 10);
}

export function compactDay(day: Day): string {
  return day.replaceAll('-', '');
}

export function expandDay(compact: string): Day {
  return `${compact.slice(0, 4)}-${compact.slice(4, 6)}-${compact.slice(6)}`;
}

export function addDays(day: Day, days: number): Day {
  return toDay(Date.parse(day) + days * DAY_MS);
}

export function daysBetween(from: Day, to: Day): number {
  return (Date.parse(to) - Date.parse(from)) / DAY_MS;
}

/** 0 Sunday to 6 Saturday */
export function weekday(day: Day): number {
  return new Date(day).getUTCDay();
}

/** @param offset months after the one of the day @returns [year, month 1 to 12] */
export function monthAfter(day: Day, offset: number): readonly [number, number] {
  const months = Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 + offset;
  return [Math.floor(months / 12), (months % 12) + 1];
}

/** The monthly options of US equities and the quarterly index futures end here. */
export function thirdFriday(year: number, month: number): Day {
  const first = toDay(Date.UTC(year, month - 1, 1));
  return addDays(first, ((5 - weekday(first) + 7) % 7) + 14);
}

/** The last weekday before the given day of a month, as commodity futures count. */
export function weekdayBefore(year: number, month: number, dayOfMonth: number): Day {
  let day = toDay(Date.UTC(year, month - 1, dayOfMonth - 1));
  while (weekday(day) === 0 || weekday(day) === 6) day = addDays(day, -1);
  return day;
}

function toDay(epochMs: number): Day {
  return new Date(epochMs).toISOString().slice(0, 10);
}
