/**
 * @param at ISO 8601 UTC
 * @param now what it is read at: of the same day the time is enough
 * @returns `14:59:00`, or `2026-11-19 14:59:00` of another day, both in UTC
 */
export function shownInstant(at: string, now: string): string {
  const [day = '', time = ''] = at.slice(0, 19).split('T');
  return now.startsWith(day) ? time : `${day} ${time}`;
}
