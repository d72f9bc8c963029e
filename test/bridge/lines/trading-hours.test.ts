import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instantIn, zoneOf } from '../../../bridge/lines/time-zone.ts';
import {
  isOpenAt,
  nextChange,
  parseTradingHours,
  type TradingHours,
  tradingDaysLeft,
} from '../../../bridge/lines/trading-hours.ts';
import { hoursOf } from '../../../local/gateway/hours.ts';

function parsed(text: string, timeZoneId = 'US/Eastern'): TradingHours {
  const hours = parseTradingHours(text, timeZoneId);
  if (!hours.ok) throw new Error(hours.fault);
  return hours.value;
}

const at = (text: string): number => Date.parse(text);
const iso = (ms?: number): string => (ms === undefined ? 'never' : new Date(ms).toISOString());
const spans = (hours: TradingHours) =>
  hours.sessions.map(({ opensAt, closesAt }) => `${iso(opensAt)} ${iso(closesAt)}`);

const THANKSGIVING =
  '20261123:0930-20261123:1600;20261124:0930-20261124:1600;20261125:0930-20261125:1600;' +
  '20261126:CLOSED;20261127:0930-20261127:1300;20261128:CLOSED;20261129:CLOSED;20261130:0930-20261130:1600';

/** As CME futures have them, the break at 15:15 in Chicago included. */
const OVERNIGHT =
  '20261122:1700-20261123:1515;20261123:1530-20261123:1600;20261123:1700-20261124:1515;' +
  '20261124:1530-20261124:1600;20261124:1700-20261125:1600;20261125:1700-20261126:1200;' +
  '20261126:1700-20261127:1215;20261128:CLOSED';

/** What TWS sent for a Hong Kong future: the night session of Friday comes after the weekend. */
const HONG_KONG =
  '20181214:0915-20181214:1200;20181214:1300-20181214:1630;20181215:CLOSED;20181216:CLOSED;' +
  '20181214:1715-20181215:0100;20181217:0915-20181217:1200;20181217:1300-20181217:1630';

describe('trading hours', () => {
  it('know an early close, a holiday and the weekend', () => {
    const hours = parsed(THANKSGIVING);
    expect(isOpenAt(hours, at('2026-11-25T20:59:59Z'))).toBe(true);
    expect(isOpenAt(hours, at('2026-11-25T21:00:00Z'))).toBe(false);
    expect(isOpenAt(hours, at('2026-11-26T16:00:00Z'))).toBe(false);
    expect(isOpenAt(hours, at('2026-11-27T14:30:00Z'))).toBe(true);
    expect(isOpenAt(hours, at('2026-11-27T18:00:00Z'))).toBe(false);
    expect(isOpenAt(hours, at('2026-11-28T16:00:00Z'))).toBe(false);
  });

  it('say nothing of a time that the text does not reach', () => {
    const hours = parsed(THANKSGIVING);
    expect(isOpenAt(hours, at('2026-11-23T05:00:00Z'))).toBe(false);
    expect(isOpenAt(hours, at('2026-11-23T04:59:00Z'))).toBeUndefined();
    expect(isOpenAt(hours, at('2026-11-30T20:59:00Z'))).toBe(true);
    expect(isOpenAt(hours, at('2026-11-30T21:00:00Z'))).toBeUndefined();
  });

  it('name the next opening or close', () => {
    const hours = parsed(THANKSGIVING);
    expect(iso(nextChange(hours, at('2026-11-25T15:00:00Z')))).toBe('2026-11-25T21:00:00.000Z');
    expect(iso(nextChange(hours, at('2026-11-25T21:00:00Z')))).toBe('2026-11-27T14:30:00.000Z');
    expect(nextChange(hours, at('2026-11-30T21:00:00Z'))).toBeUndefined();
  });

  it('open the evening before where the text says so', () => {
    const hours = parsed(OVERNIGHT, 'US/Central');
    expect(isOpenAt(hours, at('2026-11-22T22:59:00Z'))).toBe(false);
    expect(isOpenAt(hours, at('2026-11-22T23:00:00Z'))).toBe(true);
    expect(isOpenAt(hours, at('2026-11-23T07:00:00Z'))).toBe(true);
    expect(isOpenAt(hours, at('2026-11-23T21:20:00Z'))).toBe(false);
    expect(isOpenAt(hours, at('2026-11-23T21:45:00Z'))).toBe(true);
  });

  it('read the older form, in which a session that ends before it starts began the evening before', () => {
    expect(spans(parsed('20261123:0930-1600,1700-2359'))).toEqual([
      '2026-11-23T14:30:00.000Z 2026-11-23T21:00:00.000Z',
      '2026-11-23T22:00:00.000Z 2026-11-24T04:59:00.000Z',
    ]);
    expect(
      spans(parsed('20130114:1700-1515,1530-1615;20130119:CLOSED', 'CST (Central Standard Time)')),
    ).toEqual([
      '2013-01-13T23:00:00.000Z 2013-01-14T21:15:00.000Z',
      '2013-01-14T21:30:00.000Z 2013-01-14T22:15:00.000Z',
    ]);
  });

  it('take entries in any order, twice and overlapping', () => {
    const hours = parsed(HONG_KONG, 'Hongkong');
    expect(spans(hours)[2]).toBe('2018-12-14T09:15:00.000Z 2018-12-14T17:00:00.000Z');
    expect(hours.tradingDays).toEqual(['20181214', '20181217']);
    expect(spans(parsed('20111120:0015-2355,0015-2355'))).toHaveLength(1);
    expect(spans(parsed('20261123:0000-2400;20261124:0000-2400'))).toHaveLength(1);
  });

  it('follow the clocks when they change', () => {
    const march = parsed('20260306:0930-20260306:1600;20260309:0930-20260309:1600');
    expect(spans(march).map((span) => span.slice(11, 16))).toEqual(['14:30', '13:30']);
    const october = parsed('20261023:0900-20261023:1730;20261026:0900-20261026:1730', 'MET');
    expect(spans(october).map((span) => span.slice(11, 16))).toEqual(['07:00', '08:00']);
    // The night in which Chicago sets its clocks back, an hour longer than the one in which it sets them forward.
    const hoursOfNight = (text: string) => {
      const [night] = parsed(text, 'US/Central').sessions;
      return night && (night.closesAt - night.opensAt) / 3_600_000;
    };
    expect(hoursOfNight('20261031:1700-20261101:1600')).toBe(24);
    expect(hoursOfNight('20260307:1700-20260308:1600')).toBe(22);
  });

  it('tell what they cannot read, and never guess', () => {
    expect(parseTradingHours(THANKSGIVING, 'Mars/Olympus')).toEqual({
      ok: false,
      fault: 'time zone "Mars/Olympus" is not known',
    });
    for (const text of [
      '',
      ';',
      'CLOSED',
      '20261123',
      '20261123:',
      '20261123:0930',
      '20261123:0930-',
      '20261123:0960-1600',
      '20261123:0930-2500',
      '20261123:OPEN',
      '20261123:1600-20261123:0930',
      '20261123:0930-1600;garbage',
    ]) {
      expect(parseTradingHours(text, 'US/Eastern'), text).toMatchObject({ ok: false });
    }
  });

  it('are what the simulated gateway sends', () => {
    const listed = (secType: string) => {
      const { trading, liquid } = hoursOf(secType, '2026-11-20');
      return [parsed(trading, 'US/Central'), parsed(liquid, 'US/Central')].map((hours) => hours.tradingDays);
    };
    for (const secType of ['STK', 'OPT', 'FUT', 'FOP', 'IND']) {
      expect(listed(secType), secType).toEqual(
        Array(2).fill(['20261120', '20261123', '20261124', '20261125']),
      );
    }
  });

  it('are open when one of their entries is, and change only where they say', () => {
    const twoDigits = (n: number) => String(n).padStart(2, '0');
    const clock = (minute: number) => `${twoDigits(Math.floor(minute / 60))}${twoDigits(minute % 60)}`;
    const entry = fc
      .record({
        day: fc.integer({ min: 1, max: 28 }),
        open: fc.nat(1439),
        length: fc.integer({ min: 1, max: 900 }),
      })
      .map(
        ({ day, open, length }) =>
          `202603${twoDigits(day)}:${clock(open)}-${clock(Math.min(1440, open + length))}`,
      );
    const zones = ['US/Eastern', 'US/Central', 'MET', 'Japan', 'Asia/Calcutta'];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.array(entry, { minLength: 1, maxLength: 6 }),
        (zone, entries) => {
          const result = parseTradingHours(entries.join(';'), zone);
          // A session within the hour that the clocks skip is none.
          if (!result.ok) return;
          const hours = result.value;
          const single = entries.map((text) => parsed(text, zone));
          const edges = single.flatMap(({ sessions }) => sessions.flatMap((s) => [s.opensAt, s.closesAt]));
          for (const edge of edges.flatMap((ms) => [ms - 1, ms])) {
            if (edge < hours.knownFrom || edge >= hours.knownUntil) continue;
            const isOpen = single.some((one) => isOpenAt(one, edge));
            expect(isOpenAt(hours, edge)).toBe(isOpen);
            const change = nextChange(hours, edge) ?? Number.NaN;
            expect(isOpenAt(hours, change - 1)).toBe(isOpen);
            expect(isOpenAt(hours, change) ?? false).toBe(!isOpen);
          }
        },
      ),
    );
  });
});

describe('trading days left', () => {
  const hours = parsed(THANKSGIVING);

  it('are 0 on the last trading day and 1 on the trading day before, holidays not counted', () => {
    expect(tradingDaysLeft(hours, at('2026-11-27T15:00:00Z'), '20261127')).toBe(0);
    expect(tradingDaysLeft(hours, at('2026-11-25T15:00:00Z'), '20261127')).toBe(1);
    expect(tradingDaysLeft(hours, at('2026-11-26T15:00:00Z'), '20261127')).toBe(1);
    expect(tradingDaysLeft(hours, at('2026-11-24T15:00:00Z'), '20261127')).toBe(2);
    expect(tradingDaysLeft(hours, at('2026-11-28T15:00:00Z'), '20261130')).toBe(1);
    expect(tradingDaysLeft(hours, at('2026-11-28T15:00:00Z'), '20261127')).toBe(0);
  });

  it('change at midnight in the time zone of the contract', () => {
    expect(tradingDaysLeft(hours, at('2026-11-25T04:59:00Z'), '20261125')).toBe(1);
    expect(tradingDaysLeft(hours, at('2026-11-25T05:00:00Z'), '20261125')).toBe(0);
  });

  it('count an evening session as the day that it belongs to', () => {
    const overnight = parsed(OVERNIGHT, 'US/Central');
    expect(tradingDaysLeft(overnight, at('2026-11-23T22:30:00Z'), '20261124')).toBe(1);
    expect(tradingDaysLeft(overnight, at('2026-11-23T23:30:00Z'), '20261124')).toBe(0);
    // Friday's night session in Hong Kong is Monday's business.
    const hongKong = parsed(HONG_KONG, 'Hongkong');
    expect(tradingDaysLeft(hongKong, at('2018-12-14T08:00:00Z'), '20181217')).toBe(1);
    expect(tradingDaysLeft(hongKong, at('2018-12-14T10:00:00Z'), '20181217')).toBe(0);
  });

  it('know no day that only a night session of the day before closes on, and a close at midnight', () => {
    expect(parsed('20261127:1630-20261128:0600;20261130:0845-20261130:1545', 'Japan').tradingDays).toEqual([
      '20261130',
    ]);
    expect(parsed('20261125:1700-20261126:0100;20261126:CLOSED').tradingDays).toEqual([]);
    expect(parsed('20261123:0000-2400').tradingDays).toEqual(['20261123']);
  });

  it('count weekdays beyond what the text tells', () => {
    expect(tradingDaysLeft(hours, at('2026-11-27T15:00:00Z'), '20261204')).toBe(5);
    expect(tradingDaysLeft(hours, at('2026-12-03T15:00:00Z'), '20261207')).toBe(2);
    expect(tradingDaysLeft(undefined, at('2026-11-26T15:00:00Z'), '20261130')).toBe(2);
    expect(tradingDaysLeft(undefined, at('2026-11-30T15:00:00Z'), '20261130')).toBe(0);
  });

  it('never grow as time goes on', () => {
    const expiry = fc
      .integer({ min: 0, max: 40 })
      .map((days) => at('2026-11-20T12:00:00Z') + days * 86_400_000);
    fc.assert(
      fc.property(
        fc.constantFrom(hours, parsed(OVERNIGHT, 'US/Central')),
        expiry,
        fc.nat(7 * 86_400_000),
        fc.nat(86_400_000),
        (known, expiresMs, afterMs, laterMs) => {
          const last = new Date(expiresMs).toISOString().slice(0, 10).replaceAll('-', '');
          const from = Math.min(known.knownFrom + afterMs, known.knownUntil - 1);
          const later = Math.min(from + laterMs, known.knownUntil - 1);
          expect(tradingDaysLeft(known, later, last)).toBeLessThanOrEqual(tradingDaysLeft(known, from, last));
        },
      ),
    );
  });
});

describe('a time zone', () => {
  it('is known by every name that IBKR lists, and by the abbreviations of older releases', () => {
    const names = [
      ...['Europe/Riga', 'Australia/NSW', 'Europe/Warsaw', 'US/Pacific', 'Europe/Tallinn', 'Japan'],
      ...['US/Eastern', 'GB-Eire', 'Africa/Johannesburg', 'Israel', 'Europe/Vilnius', 'MET', 'US/Central'],
      ...['Europe/Helsinki', 'Europe/Budapest', 'Asia/Calcutta', 'Hongkong', 'Europe/Moscow', 'GMT'],
      ...['America/New_York', 'America/Chicago', 'EST5EDT', 'CST6CDT', 'JST', 'JST (Japan Standard Time)'],
    ];
    expect(names.filter((name) => zoneOf(name) === undefined)).toEqual([]);
  });

  it.each([
    ['EST (Eastern Standard Time)', '2026-07-01T13:30:00.000Z'],
    ['EST', '2026-07-01T13:30:00.000Z'],
    ['EDT', '2026-07-01T13:30:00.000Z'],
    ['Eastern Standard Time', '2026-07-01T13:30:00.000Z'],
    ['CST (Central Standard Time)', '2026-07-01T14:30:00.000Z'],
    ['CST (China Standard Time)', '2026-07-01T01:30:00.000Z'],
    ['MST', '2026-07-01T15:30:00.000Z'],
    ['BST (British Summer Time)', '2026-07-01T08:30:00.000Z'],
    ['GMT (Greenwich Mean Time)', '2026-07-01T08:30:00.000Z'],
    ['IST (India Standard Time)', '2026-07-01T04:00:00.000Z'],
  ])('%s has the summer time of its exchanges', (name, opening) => {
    expect(iso(instantIn(zoneOf(name) ?? '', '20260701', 570))).toBe(opening);
  });

  it.each(['', ' ', '()', 'XYZ (Nowhere Time)'])('%j is none', (name) => {
    expect(zoneOf(name)).toBeUndefined();
  });
});
