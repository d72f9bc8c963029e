import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { POLL_CLASSES, type PollClass, Schedule } from '../../../../bridge/lines/lane/schedule.ts';

interface Load {
  readonly contracts: Readonly<Record<PollClass, number>>;
  readonly periodsMs: Readonly<Record<PollClass, number>>;
  /** How long one poll takes its line. */
  readonly holdMs: Readonly<Record<PollClass, number>>;
}

const CLASS_OF = (key: string) => key.split(' ')[0] as PollClass;

/** Lines that the load takes on average. */
function demandOf({ contracts, periodsMs, holdMs }: Load): number {
  return POLL_CLASSES.reduce((sum, each) => sum + (contracts[each] * holdMs[each]) / periodsMs[each], 0);
}

/** Polls for so long on so many lines, on a clock of its own. @returns when each contract was asked */
function poll(load: Load, { lines, forMs }: { readonly lines: number; readonly forMs: number }) {
  const schedule = new Schedule<string>(load.periodsMs);
  const asked = new Map<string, number[]>();
  for (const each of POLL_CLASSES) {
    for (let index = 0; index < load.contracts[each]; index += 1) {
      schedule.add(each, `${each} ${index}`, 0);
      asked.set(`${each} ${index}`, []);
    }
  }
  const inFlight = new Map<string, number>();
  const isBusy = (key: string) => inFlight.has(key);
  let peak = 0;
  for (let now = 0; now < forMs; ) {
    for (const [key, endsAt] of inFlight) if (endsAt <= now) inFlight.delete(key);
    let next = schedule.next(now, isBusy);
    while (next && inFlight.size < Math.min(lines, schedule.linesFor(next.pollClass, load.holdMs))) {
      asked.get(next.key)?.push(now);
      inFlight.set(next.key, now + load.holdMs[next.pollClass]);
      schedule.asked(next.pollClass, next.key, now);
      next = schedule.next(now, isBusy);
    }
    peak = Math.max(peak, inFlight.size);
    const due = next ? Number.POSITIVE_INFINITY : now + (schedule.waitMs(now, isBusy) ?? forMs);
    now = Math.max(now + 1, Math.min(due, ...inFlight.values()));
  }
  return { asked, peak, schedule };
}

/** Times between two polls of one contract that began after the warm-up, in periods of its class. */
function gapsOf(load: Load, key: string, times: readonly number[], warmUpMs: number): number[] {
  const late = times.filter((at) => at >= warmUpMs);
  return late.slice(1).map((at, index) => (at - (late[index] ?? 0)) / load.periodsMs[CLASS_OF(key)]);
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

const load: fc.Arbitrary<Load> = fc
  .record({
    contracts: fc.record({
      index: fc.integer({ min: 1, max: 12 }),
      degraded: fc.integer({ min: 1, max: 20 }),
      mark: fc.integer({ min: 1, max: 60 }),
    }),
    periodsMs: fc.record({
      index: fc.integer({ min: 2_000, max: 6_000 }),
      degraded: fc.integer({ min: 1_000, max: 3_000 }),
      mark: fc.integer({ min: 4_000, max: 20_000 }),
    }),
    seconds: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ contracts, periodsMs, seconds }) => ({
    contracts,
    periodsMs,
    holdMs: { index: seconds * 100, degraded: seconds * 30, mark: seconds * 100 },
  }));

/** The same load, each poll taking its line for so long that the lines can serve a tenth of it. */
function tenfold(of: Load, lines: number): Load {
  const factor = (10 * lines) / demandOf(of);
  const scale = (ms: number) => Math.max(1, Math.round(ms * factor));
  const { index, degraded, mark } = of.holdMs;
  return { ...of, holdMs: { index: scale(index), degraded: scale(degraded), mark: scale(mark) } };
}

describe('the schedule of the lane', () => {
  it('asks everything once per period while there are lines enough, and nothing early', () => {
    fc.assert(
      fc.property(load, (given) => {
        const longest = Math.max(...Object.values(given.periodsMs));
        const { asked } = poll(given, { lines: 1_000, forMs: 6 * longest });
        for (const [key, times] of asked) {
          const gaps = gapsOf(given, key, times, 2 * longest);
          for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(1);
          // Lines are as few as the demand allows, so a poll waits for some that were due before it.
          const slack = Math.max(...Object.values(given.holdMs)) / given.periodsMs[CLASS_OF(key)];
          expect(mean(gaps)).toBeLessThanOrEqual(1.1 + 3 * slack);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('starves nobody at ten times the capacity: everyone is asked within its stretched period', () => {
    fc.assert(
      fc.property(load, fc.integer({ min: 1, max: 6 }), (given, lines) => {
        const heavy = tenfold(given, lines);
        const stretch = demandOf(heavy) / lines;
        const longest = stretch * Math.max(...Object.values(heavy.periodsMs));
        const hold = Math.max(...Object.values(heavy.holdMs));
        const { asked, peak } = poll(heavy, { lines, forMs: 3 * longest });
        expect(peak).toBeLessThanOrEqual(lines);
        for (const [key, times] of asked) {
          const periodMs = heavy.periodsMs[CLASS_OF(key)];
          const waits = [0, ...times, 3 * longest].map((at, index, all) => at - (all[index - 1] ?? 0));
          expect(Math.max(...waits)).toBeLessThanOrEqual(1.6 * stretch * periodMs + 2 * hold);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('stretches all periods in proportion when lines are few', () => {
    fc.assert(
      fc.property(load, fc.integer({ min: 1, max: 3 }), (given, lines) => {
        // Turns are taken among many: a class of one contract waits for whole polls of the others.
        fc.pre(Object.values(given.contracts).every((count) => count > 3 * lines));
        const heavy = tenfold(given, lines);
        const stretch = demandOf(heavy) / lines;
        const longest = stretch * Math.max(...Object.values(heavy.periodsMs));
        const hold = Math.max(...Object.values(heavy.holdMs));
        const { asked } = poll(heavy, { lines, forMs: 8 * longest });
        for (const each of POLL_CLASSES) {
          const gaps = [...asked]
            .filter(([key]) => CLASS_OF(key) === each)
            .flatMap(([key, times]) => gapsOf(heavy, key, times, 2 * longest));
          const slack = (2 * hold) / heavy.periodsMs[each];
          expect(Math.abs(mean(gaps) - stretch)).toBeLessThanOrEqual(0.3 * stretch + slack);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('takes no more lines than the demand needs: 200 positions over 15 minutes at 11 s each take 3', () => {
    const marks: Load = {
      contracts: { index: 0, degraded: 0, mark: 200 },
      periodsMs: { index: 60_000, degraded: 15_000, mark: 900_000 },
      holdMs: { index: 11_000, degraded: 2_000, mark: 11_000 },
    };
    const { peak, asked, schedule } = poll(marks, { lines: 85, forMs: 3_600_000 });
    expect(peak).toBe(3);
    // The first polls are spread, too.
    const first = [...asked.values()].map(([at]) => at ?? 0);
    expect(first.filter((at) => at === 0).length).toBe(3);
    for (const times of asked.values()) expect(times.length).toBe(4);
    expect(schedule.status('mark', 3_600_000).reachedPeriodMs).toBe(900_000);
  });

  it('serves indices and degraded legs at once on a few lines, however small their demand', () => {
    const few: Load = {
      contracts: { index: 4, degraded: 8, mark: 50 },
      periodsMs: { index: 60_000, degraded: 15_000, mark: 900_000 },
      holdMs: { index: 11_000, degraded: 1_000, mark: 11_000 },
    };
    const { asked, peak } = poll(few, { lines: 85, forMs: 20_000 });
    expect(peak).toBe(5);
    const first = (pollClass: PollClass) =>
      [...asked].filter(([key]) => CLASS_OF(key) === pollClass).map(([, [at]]) => at);
    expect(first('index')).toEqual([0, 0, 0, 0]);
    expect(Math.max(...first('degraded').map((at = Number.NaN) => at))).toBeLessThan(15_000);
  });

  it('says which period is reached, and that of a class that nobody serves grows', () => {
    const schedule = new Schedule<string>({ index: 100, degraded: 100, mark: 100 });
    for (const key of ['a', 'b']) schedule.add('mark', key, 0);
    expect(schedule.status('mark', 0)).toEqual({ contracts: 2, reachedPeriodMs: 100 });
    schedule.asked('mark', 'a', 0);
    schedule.asked('mark', 'b', 50);
    schedule.asked('mark', 'a', 300);
    expect(schedule.status('mark', 300).reachedPeriodMs).toBe((300 + 250) / 2);
    expect(schedule.status('mark', 1_050).reachedPeriodMs).toBe((750 + 1_000) / 2);
    expect(schedule.status('index', 1_050)).toEqual({ contracts: 0, reachedPeriodMs: 100 });
  });

  it('counts no turn that was given back', () => {
    const schedule = new Schedule<string>({ index: 100, degraded: 100, mark: 100 });
    schedule.add('mark', 'a', 0);
    schedule.asked('mark', 'a', 10);
    schedule.returned('mark', 'a');
    expect(schedule.status('mark', 10).reachedPeriodMs).toBe(100);
    schedule.asked('mark', 'a', 20);
    expect(schedule.status('mark', 20).reachedPeriodMs).toBe(100);
    schedule.asked('mark', 'a', 150);
    schedule.returned('mark', 'a');
    schedule.asked('mark', 'a', 220);
    expect(schedule.status('mark', 220).reachedPeriodMs).toBe(200);
  });

  it('gives back a turn as it was, and puts what is new behind what is overdue', () => {
    const schedule = new Schedule<string>({ index: 100, degraded: 100, mark: 100 });
    schedule.add('mark', 'old', 0);
    schedule.add('mark', 'next', 10);
    const free = () => false;
    schedule.asked('mark', 'old', 20);
    expect(schedule.next(20, free)?.key).toBe('next');
    schedule.returned('mark', 'old');
    expect(schedule.next(20, free)?.key).toBe('old');
    schedule.asked('mark', 'old', 20);
    schedule.asked('mark', 'next', 30);
    schedule.add('mark', 'new', 100);
    expect(schedule.next(125, free)?.key).toBe('new');
    expect(schedule.next(125, (key) => key === 'new')?.key).toBe('old');
    expect(schedule.waitMs(110, (key) => key === 'new')).toBe(10);
    schedule.restart(40);
    expect(schedule.next(40, (key) => key === 'new')?.key).toBe('old');
  });

  it('forgets what was taken off, keeps the turn of what is added twice, and always answers alike', () => {
    const operation = fc.record({
      type: fc.constantFrom('add', 'delete', 'asked', 'returned', 'restart'),
      pollClass: fc.constantFrom(...POLL_CLASSES),
      key: fc.integer({ min: 0, max: 6 }),
      afterMs: fc.integer({ min: 0, max: 80 }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const wanted = new Map(POLL_CLASSES.map((each) => [each, new Set<string>()]));
        const twins = [0, 1].map(() => new Schedule<string>({ index: 100, degraded: 50, mark: 300 }));
        let now = 0;
        for (const { type, pollClass, key, afterMs } of operations) {
          now += afterMs;
          const name = `${pollClass} ${key}`;
          if (type === 'add') wanted.get(pollClass)?.add(name);
          if (type === 'delete') wanted.get(pollClass)?.delete(name);
          const [next, same] = twins.map((schedule) => {
            if (type === 'restart') schedule.restart(now);
            else if (type === 'delete' || type === 'returned') schedule[type](pollClass, name);
            else schedule[type](pollClass, name, now);
            return schedule.next(now, () => false);
          });
          expect(same).toEqual(next);
          if (next) expect(wanted.get(next.pollClass)?.has(next.key)).toBe(true);
          for (const each of POLL_CLASSES) {
            expect(twins[0]?.status(each, now).contracts).toBe(wanted.get(each)?.size);
          }
        }
      }),
    );
  });

  it('wants a period above 0', () => {
    expect(() => new Schedule({ index: 0, degraded: 1, mark: 1 })).toThrow(RangeError);
  });
});
