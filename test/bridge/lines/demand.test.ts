import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContractDetails } from '../../../bridge/gateway/events.ts';
import { Demand } from '../../../bridge/lines/demand.ts';
import { Line } from '../../../bridge/lines/line.ts';
import type { Quote } from '../../../bridge/lines/quote.ts';
import type { Knowledge } from '../../../bridge/lines/short-options.ts';
import { WATCH } from '../../../shared/limits.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { strategies, strategy } from './strategies.ts';

const T0 = Date.parse('2026-11-20T15:00:00Z');
const OURS = { ours: new Set(['DU1234567']), elsewhere: new Map<string, string>() };
const NONE: ReadonlySet<number> = new Set();

/** Every contract is a put that its account is short of; the even ones trade for the last time on the day of T0. */
function details(conId: number): ContractDetails {
  return {
    contract: {
      conId,
      symbol: 'SPY',
      secType: 'OPT',
      lastTradeDate: conId % 2 === 0 ? '20261120' : '20270115',
      strike: '100',
      right: 'P',
      currency: 'USD',
    },
    validExchanges: ['SMART'],
    minTick: 0.01,
    priceMagnifier: 1,
    underConId: 1_000 + conId,
  };
}

class Market implements Knowledge {
  readonly underlying = new Map<number, number>();
  at = T0;

  positionsOf = (conId: number) =>
    ['DU1234567', 'DU7654321'].map((account) => ({
      account,
      contract: details(conId).contract,
      quantity: '-1',
      averageCost: '1',
    }));
  heldConIds = () => [];
  detailsOf = details;
  quoteOf = (conId: number): Quote | undefined => {
    const underlying = this.underlying.get(conId);
    const greeksAt = new Date(this.at).toISOString();
    return underlying === undefined ? undefined : { quality: 'live', mark: { underlying, greeksAt } };
  };
}

function replicaOf(all: readonly Strategy[]) {
  return all
    .map((each, index) => ({ ...each, registryVersion: index + 1 }))
    .reduce(applyImage, EMPTY_REPLICA);
}

function update(demand: Demand, all: readonly Strategy[], now = T0): void {
  demand.update(replicaOf(all), OURS, now);
}

const granted = (demand: Demand) =>
  demand
    .describe(() => undefined)
    .filter(({ state }) => state === 'pending')
    .map(({ id }) => id);

const inactive = (id: string, conIds: readonly number[]) => strategy(id, { conIds, status: 'INACTIVE' });

describe('the demand for lines', () => {
  it('adds the watch class after the strategies, for legs of inactive and of degraded ones', () => {
    const demand = new Demand(new Market());
    const all = [
      strategy('first', { priority: 1, conIds: [1, 6] }),
      strategy('too-big', { priority: 2, conIds: [2, 5, 7, 9] }),
      inactive('off', [4, 11]),
    ];
    update(demand, all);
    const owners = demand.plan({ cap: 5, refused: NONE, now: T0 });
    expect([...demand.conIds]).toEqual([1, 6, 2, 4]);
    expect(owners.get(4)).toEqual(['off']);
    expect(owners.get(2)).toEqual(['too-big']);
    expect(demand.whyWatched(4)).toBe(
      'in the watch class: its last trading day has come, no price of its underlying is known; short leg of off',
    );
    expect(demand.whyWatched(6)).toBeUndefined();
    const [, degraded, off] = demand.describe(() => undefined);
    expect(degraded).toMatchObject({ id: 'too-big', state: 'degraded' });
    expect(off?.legs).toMatchObject([
      { conId: 4, quantity: '-1', held: '-1', watch: expect.stringMatching(/^in the watch class: /) },
      {
        conId: 11,
        watch: 'not in the watch class: it trades until 2027-01-15, no price of its underlying is known',
      },
    ]);
  });

  it('asks for a new plan only when the watch class wants other lines', () => {
    const market = new Market();
    const demand = new Demand(market);
    update(demand, [inactive('off', [1])]);
    demand.plan({ cap: 5, refused: NONE, now: T0 });
    expect(demand.refresh(T0 + 1)).toBe(false);
    market.underlying.set(1, 100.9);
    expect(demand.refresh(T0 + 2)).toBe(true);
    demand.plan({ cap: 5, refused: NONE, now: T0 + 2 });
    expect([...demand.conIds]).toEqual([1]);
    market.underlying.set(1, 101.4);
    expect(demand.refresh(T0 + 3)).toBe(false);
    expect(demand.whyWatched(1)).toContain('1.4 % from the strike');
    market.underlying.set(1, 102);
    market.at = T0 + WATCH.holdMs;
    expect(demand.refresh(market.at + 2)).toBe(true);
    demand.plan({ cap: 5, refused: NONE, now: market.at + 2 });
    expect(demand.conIds.size).toBe(0);
  });

  it('asks no more for a watched contract that the gateway refused, and keeps its line to say so', () => {
    const demand = new Demand(new Market());
    update(demand, [inactive('off', [2])]);
    const owners = demand.plan({ cap: 5, refused: new Set([2]), now: T0 });
    expect(demand.conIds.size).toBe(0);
    expect(owners.get(2)).toEqual(['off']);
  });

  it('says since when a strategy is what it is', () => {
    const demand = new Demand(undefined);
    const sinceOf = () =>
      demand.describe(() => undefined).map(({ id, since }) => [id, Date.parse(since) - T0]);
    const a = strategy('a', { conIds: [1, 2] });
    const b = strategy('b', { conIds: [3] });
    update(demand, [a, b]);
    demand.plan({ cap: 2, refused: NONE, now: T0 });
    demand.plan({ cap: 2, refused: NONE, now: T0 + 5 });
    expect(sinceOf()).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
    demand.plan({ cap: 3, refused: NONE, now: T0 + 10 });
    expect(sinceOf()).toEqual([
      ['a', 0],
      ['b', 10],
    ]);
    update(demand, [{ ...a, status: 'INACTIVE' }, b]);
    demand.plan({ cap: 3, refused: NONE, now: T0 + 20 });
    expect(sinceOf()).toEqual([
      ['a', 20],
      ['b', 10],
    ]);
  });

  it('says that a strategy streams since the last of its lines does', () => {
    const demand = new Demand(undefined);
    update(demand, [strategy('a', { conIds: [1, 2] })]);
    demand.plan({ cap: 2, refused: NONE, now: T0 });
    const lineOf = (conId: number) => {
      const line = new Line(conId, T0);
      line.enter('confirmed', T0 + 10 * conId, 'streams for a');
      return line;
    };
    expect(demand.describe(lineOf)).toMatchObject([
      { state: 'streaming', since: new Date(T0 + 20).toISOString() },
    ]);
  });

  it('never costs a strategy a line for the watch class, and never exceeds the cap', () => {
    fc.assert(
      fc.property(registries, fc.integer({ min: 0, max: 20 }), (rounds, cap) => {
        const [watching, without] = [new Demand(new Market()), new Demand(undefined)];
        rounds.forEach((all, index) => {
          const now = T0 + index * 60_000;
          for (const demand of [watching, without]) {
            update(demand, all, now);
            demand.plan({ cap, refused: NONE, now });
          }
          expect(granted(watching)).toEqual(granted(without));
          expect([...watching.conIds].slice(0, without.conIds.size)).toEqual([...without.conIds]);
          expect(watching.conIds.size).toBeLessThanOrEqual(cap);
          expect(watching.conIds.size - without.conIds.size).toBeLessThanOrEqual(WATCH.linesMax);
        });
      }),
    );
  });

  it('comes to rest when nothing changes any more, whatever went before, and stays there', () => {
    fc.assert(
      fc.property(registries, fc.array(event, { minLength: 1, maxLength: 20 }), (rounds, events) => {
        const demand = new Demand(new Market());
        let cap = 12;
        let now = T0;
        for (const each of events) {
          now += 1_000;
          if (each.type === 'cap') cap = each.cap;
          if (each.type === 'displace') demand.displace([each.id]);
          if (each.type === 'registry') {
            const all = rounds[each.round % Math.max(1, rounds.length)];
            if (all) update(demand, all, now);
          }
          demand.plan({ cap, refused: NONE, now });
        }
        const settled = new Set(demand.conIds);
        for (let minute = 1; minute <= 40; minute += 1) {
          now += 60_000;
          expect(demand.refresh(now)).toBe(false);
          demand.plan({ cap, refused: NONE, now });
          expect(new Set(demand.conIds)).toEqual(settled);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('takes no line from a higher priority, nor from an equal one that streams, whatever is added', () => {
    fc.assert(
      fc.property(registries, strategies, fc.integer({ min: 0, max: 20 }), (rounds, more, cap) => {
        const all = rounds.at(-1) ?? [];
        const [added] = more;
        if (!added) return;
        const demand = new Demand(new Market());
        update(demand, all);
        demand.plan({ cap, refused: NONE, now: T0 });
        const before = granted(demand);
        const others = all.filter(({ id }) => id !== added.id);
        // Where it replaces one of the same name that streamed, what that one had is free for others first.
        if (others.length < all.length) return;
        update(demand, [...others, added], T0 + 1);
        demand.plan({ cap, refused: NONE, now: T0 + 1 });
        const after = new Set(granted(demand));
        const lost = before.filter((id) => !after.has(id));
        for (const id of lost) {
          expect(others.find((each) => each.id === id)?.priority).toBeGreaterThan(added.priority);
        }
      }),
    );
  });
});

const event = fc.oneof(
  fc.record({ type: fc.constant('cap' as const), cap: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ type: fc.constant('displace' as const), id: fc.stringMatching(/^[a-e][0-9]$/) }),
  fc.record({ type: fc.constant('registry' as const), round: fc.nat() }),
);

/** The same strategies over and over, some of them switched off. */
const registries = fc.array(
  fc
    .tuple(strategies, fc.func(fc.boolean()))
    .map(([all, isOff]) =>
      all.map((each) => ({ ...each, status: isOff(each.id) ? ('INACTIVE' as const) : ('ACTIVE' as const) })),
    ),
  { maxLength: 5 },
);
