/**
 * Time zones as TWS names them, resolved through Intl. Pure but for the cache of formatters.
 */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * Names that Intl does not know, or knows as something else: its EST and MST have no summer time, its BST is
 * Bangladesh. TWS sends the name of the zone database today (`US/Eastern`, `MET`, `GB-Eire`, `Japan`), and sent
 * `EST (Eastern Standard Time)` before. https://interactivebrokers.github.io/tws-api/contract_details.html
 */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['est', 'America/New_York'],
  ['edt', 'America/New_York'],
  ['eastern standard time', 'America/New_York'],
  ['cst', 'America/Chicago'],
  ['cdt', 'America/Chicago'],
  ['central standard time', 'America/Chicago'],
  ['mst', 'America/Denver'],
  ['mdt', 'America/Denver'],
  ['pst', 'America/Los_Angeles'],
  ['pdt', 'America/Los_Angeles'],
  ['bst', 'Europe/London'],
  ['british summer time', 'Europe/London'],
  ['greenwich mean time', 'Europe/London'],
  ['cest', 'Europe/Brussels'],
  ['central european time', 'Europe/Brussels'],
  ['central european standard time', 'Europe/Brussels'],
  ['china standard time', 'Asia/Shanghai'],
  ['hkt', 'Asia/Hong_Kong'],
  ['sgt', 'Asia/Singapore'],
  ['kst', 'Asia/Seoul'],
  ['aest', 'Australia/Sydney'],
  ['aedt', 'Australia/Sydney'],
]);

/** One per zone that exists and that a contract trades in: a formatter is dear to make and to keep. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/** @returns the zone's name in Intl; undefined for one that nobody knows */
export function zoneOf(timeZoneId: string): string | undefined {
  const { abbreviation = '', name = '' } =
    /^(?<abbreviation>[^(]*?)\s*(?:\((?<name>[^)]*)\))?$/.exec(timeZoneId.trim())?.groups ?? {};
  const zone = ALIASES.get(name.toLowerCase()) ?? ALIASES.get(abbreviation.toLowerCase()) ?? abbreviation;
  return zone !== '' && isKnown(zone) ? zone : undefined;
}

function isKnown(zone: string): boolean {
  try {
    formatterOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** @throws RangeError for a zone that Intl does not know */
function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  formatters.set(zone, made);
  return made;
}

/**
 * @param minuteOfDay 0 to 1440 by the clock on the wall; 1440 is the midnight that ends the day
 * @returns epoch milliseconds. A time that the clocks skip is taken as if they did not; of one that they show
 *   twice, the one in the offset that held just before.
 */
export function instantIn(zone: string, day: string, minuteOfDay: number): number {
  const wall = utcOf(day) + minuteOfDay * MINUTE_MS;
  const first = wall - offsetMs(zone, wall - DAY_MS / 2);
  return wall - offsetMs(zone, first);
}

/** @returns YYYYMMDD by the calendar of the zone */
export function dayIn(zone: string, instantMs: number): string {
  return dayOfUtc(wallClock(zone, instantMs));
}

/** @param day YYYYMMDD @returns its midnight as epoch milliseconds, as if it were a day in UTC: to count days with */
export function utcOf(day: string): number {
  return Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8)));
}

/** @returns YYYYMMDD */
export function dayOfUtc(utcMs: number): string {
  return new Date(utcMs).toISOString().slice(0, 10).replaceAll('-', '');
}

/** What the zone's clocks are ahead of UTC at an instant; instants within a minute have one offset. */
function offsetMs(zone: string, instantMs: number): number {
  return wallClock(zone, instantMs) - Math.floor(instantMs / MINUTE_MS) * MINUTE_MS;
}

/** What the zone's clocks show, in whole minutes, as if they showed UTC. */
function wallClock(zone: string, instantMs: number): number {
  const parts = new Map(
    formatterOf(zone)
      .formatToParts(instantMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'));
}
