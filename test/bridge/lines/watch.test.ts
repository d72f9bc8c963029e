import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeWatch,
  NOTHING_WATCHED,
  nextWatch,
  type ShortOption,
  type WatchState,
} from '../../../bridge/lines/watch.ts';
import { WATCH } from '../../../shared/limits.ts';

const MINUTE_MS = 60_000;
const T0 = Date.parse('2026-11-20T15:00:00Z');

/** Far from the strike and from its end, unless a test says otherwise. */
function short(conId: number, fields: Partial<ShortOption> = {}): ShortOption {
  return {
    conId,
    strategyIds: ['held'],
    lastTradeDate: '20261218',
    tradingDaysLeft: 19,
    distance: 0.05,
    ...fields,
  };
}

function watch(
  state: WatchState,
  shorts: readonly ShortOption[],
  options: { readonly afterMin?: number; readonly capacity?: number } = {},
): WatchState {
  const { afterMin = 0, capacity = 100 } = options;
  return nextWatch(state, { shorts, capacity, now: T0 + afterMin * MINUTE_MS });
}

const ids = (state: WatchState) => [...state.keys()];

describe('the watch class', () => {
  it('takes an option on its last trading day and on the one before it', () => {
    const shorts = [0, 1, 2].map((tradingDaysLeft) => short(tradingDaysLeft + 1, { tradingDaysLeft }));
    expect(ids(watch(NOTHING_WATCHED, shorts))).toEqual([1, 2]);
  });

  it('takes one within 1 % of the strike and releases it beyond 1.5 %', () => {
    let state = watch(NOTHING_WATCHED, [short(1, { distance: 0.0101 })]);
    expect(ids(state)).toEqual([]);
    state = watch(state, [short(1, { distance: 0.01 })]);
    expect(ids(state)).toEqual([1]);
    state = watch(state, [short(1, { distance: 0.0149 })], { afterMin: 60 });
    expect(ids(state)).toEqual([1]);
    state = watch(state, [short(1, { distance: 0.0151 })], { afterMin: 61 });
    expect(ids(state)).toEqual([]);
  });

  it('holds one for a quarter of an hour at least', () => {
    let state = watch(NOTHING_WATCHED, [short(1, { distance: 0.005 })]);
    state = watch(state, [short(1)], { afterMin: 14.9 });
    expect(ids(state)).toEqual([1]);
    expect(describeWatch(state, short(1))).toBe(
      'a while longer in the watch class: it trades until 2026-12-18, its underlying is 5.0 % from the strike',
    );
    expect(ids(watch(state, [short(1)], { afterMin: 15 }))).toEqual([]);
  });

  it('takes nothing for near where no price is known, and does not let go of what was near', () => {
    const unknown = short(1, { distance: undefined });
    expect(ids(watch(NOTHING_WATCHED, [unknown]))).toEqual([]);
    expect(describeWatch(NOTHING_WATCHED, unknown)).toBe(
      'not in the watch class: it trades until 2026-12-18, no price of its underlying is known',
    );
    const near = watch(NOTHING_WATCHED, [short(1, { distance: 0.005 })]);
    expect(ids(watch(near, [unknown], { afterMin: 120 }))).toEqual([1]);
    expect(ids(watch(NOTHING_WATCHED, [short(1, { distance: undefined, tradingDaysLeft: 1 })]))).toEqual([1]);
  });

  it('lets go at once of a position that has closed, or that a strategy streams', () => {
    const state = watch(NOTHING_WATCHED, [short(1, { distance: 0.005 })]);
    expect(ids(watch(state, [], { afterMin: 1 }))).toEqual([]);
  });

  it('serves those that are near on their last days first, then the last days, then the near ones', () => {
    const near = short(1, { distance: 0.001 });
    const expiring = short(2, { tradingDaysLeft: 0 });
    const both = short(3, { tradingDaysLeft: 1, distance: 0.009 });
    const state = watch(NOTHING_WATCHED, [near, expiring, both]);
    expect(ids(state)).toEqual([3, 2, 1]);
    expect([near, expiring, both].map((each) => describeWatch(state, each))).toEqual([
      'in the watch class: it trades until 2026-12-18, its underlying is 0.1 % from the strike',
      'in the watch class: its last trading day has come, its underlying is 5.0 % from the strike',
      'in the watch class: its last trading day is the next one, its underlying is 0.9 % from the strike',
    ]);
    expect(ids(watch(state, [near, expiring, both], { capacity: 1 }))).toEqual([3]);
  });

  it('gives a more urgent option the line of a less urgent one once that has had it for a quarter of an hour', () => {
    const near = Array.from({ length: 10 }, (_, index) => short(index + 1, { distance: 0.005 }));
    const urgent = short(99, { distance: 0.005, tradingDaysLeft: 0 });
    const full = watch(NOTHING_WATCHED, near);
    const early = watch(full, [...near, urgent], { afterMin: 10 });
    expect(ids(early)).not.toContain(99);
    expect(describeWatch(early, urgent)).toBe(
      'due for the watch class, but no line is left for it: its last trading day has come, its underlying is 0.5 % from the strike',
    );
    const later = watch(full, [...near, urgent], { afterMin: 15 });
    expect(ids(later)).toEqual([99, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const equal = short(98, { distance: 0.001 });
    expect(ids(watch(full, [...near, equal], { afterMin: 15 }))).toEqual(ids(full));
  });

  it('lets the one that has been watched for longer keep its line when there are fewer', () => {
    const [early, late] = [short(2, { distance: 0.005 }), short(1, { distance: 0.005 })];
    const state = watch(watch(NOTHING_WATCHED, [early]), [early, late], { afterMin: 1 });
    expect(ids(state)).toEqual([2, 1]);
    expect(ids(watch(state, [late, early], { afterMin: 60, capacity: 1 }))).toEqual([2]);
  });

  it('never takes more than ten lines, nor more than are left, nor one without a reason', () => {
    fc.assert(
      fc.property(days, (rounds) => {
        let state = NOTHING_WATCHED;
        for (const { shorts, capacity, now } of rounds) {
          const before = state;
          state = nextWatch(state, { shorts, capacity, now });
          expect(state.size).toBeLessThanOrEqual(Math.min(WATCH.linesMax, Math.max(0, capacity)));
          for (const [conId, { sinceMs }] of state) {
            const of = shorts.find((each) => each.conId === conId);
            const { distance, tradingDaysLeft = 99 } = of ?? {};
            const isHeld = before.has(conId) && now - sinceMs < WATCH.holdMs;
            const isNear =
              distance === undefined
                ? before.get(conId)?.isNear
                : distance <= (before.get(conId)?.isNear ? WATCH.releaseRatio : WATCH.nearRatio);
            expect({ conId, isWorth: of && (tradingDaysLeft <= 1 || isNear || isHeld) }).toEqual({
              conId,
              isWorth: true,
            });
          }
        }
      }),
    );
  });

  it('keeps what it has for a quarter of an hour while there is room for it', () => {
    fc.assert(
      fc.property(days, (rounds) => {
        let state = NOTHING_WATCHED;
        for (const { shorts, now } of rounds) {
          const before = state;
          state = nextWatch(state, { shorts, capacity: 100, now });
          for (const [conId, { sinceMs }] of before) {
            const isThere = shorts.some((each) => each.conId === conId);
            if (isThere && now - sinceMs < WATCH.holdMs) expect(state.get(conId)?.sinceMs).toBe(sinceMs);
          }
        }
      }),
    );
  });

  it('leaves no line unused that an option is worth, and none to a less urgent one for good', () => {
    fc.assert(
      fc.property(days, (rounds) => {
        let state = NOTHING_WATCHED;
        for (const { shorts, capacity, now } of rounds) {
          state = nextWatch(state, { shorts, capacity, now });
        }
        const last = rounds.at(-1);
        if (!last) return;
        const { shorts, capacity, now } = last;
        state = nextWatch(state, { shorts, capacity, now: now + WATCH.holdMs });
        const room = Math.min(WATCH.linesMax, Math.max(0, capacity));
        const urgency = ({ tradingDaysLeft, distance = 1 }: ShortOption) =>
          (tradingDaysLeft <= 1 ? 2 : 0) + (distance <= WATCH.nearRatio ? 1 : 0);
        const waiting = shorts.filter((each) => urgency(each) > 0 && !state.has(each.conId));
        if (waiting.length > 0) expect(state.size).toBe(room);
        const expiring = shorts.filter((each) => state.has(each.conId) && each.tradingDaysLeft <= 1);
        if (waiting.some((each) => urgency(each) >= 2)) expect(expiring.length).toBe(state.size);
      }),
    );
  });

  it('comes to rest: the same facts again change nothing, whatever their order', () => {
    fc.assert(
      fc.property(days, (rounds) => {
        let state = NOTHING_WATCHED;
        for (const round of rounds) state = nextWatch(state, round);
        const last = rounds.at(-1);
        if (!last) return;
        const now = last.now + WATCH.holdMs;
        const settled = nextWatch(state, { ...last, now });
        const again = nextWatch(settled, { ...last, shorts: last.shorts.toReversed(), now: now + MINUTE_MS });
        expect([...again]).toEqual([...settled]);
        const reversed = nextWatch(state, { ...last, shorts: last.shorts.toReversed(), now });
        expect([...reversed]).toEqual([...settled]);
      }),
    );
  });
});

/** Some hours of a market: the same few options, moving. */
const days = fc
  .array(
    fc.record({
      shorts: fc.uniqueArray(
        fc
          .record({
            conId: fc.integer({ min: 1, max: 16 }),
            tradingDaysLeft: fc.integer({ min: 0, max: 3 }),
            distance: fc.option(fc.constantFrom(0, 0.009, 0.01, 0.012, 0.015, 0.016, 0.05), {
              nil: undefined,
            }),
          })
          .map(({ conId, ...fields }) => short(conId, fields)),
        { selector: ({ conId }) => conId, maxLength: 16 },
      ),
      capacity: fc.integer({ min: -2, max: 14 }),
      waitMin: fc.integer({ min: 0, max: 12 }),
    }),
    { maxLength: 12 },
  )
  .map((rounds) => {
    let now = T0;
    return rounds.map(({ waitMin, ...round }) => {
      now += waitMin * MINUTE_MS;
      return { ...round, now };
    });
  });
