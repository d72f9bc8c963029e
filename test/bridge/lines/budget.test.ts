import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BudgetInput, type BudgetPlan, planLines } from '../../../bridge/lines/budget.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { strategies, strategy } from './strategies.ts';

const none = { incumbents: new Set<string>(), refused: new Set<number>() };

describe('the line budget', () => {
  it('serves priority 1 before 2 and skips what does not fit for the next that does', () => {
    const plan = planLines({
      ...none,
      cap: 5,
      strategies: [
        strategy('small', { priority: 3, conIds: [20] }),
        strategy('second', { priority: 2, conIds: [10, 11] }),
        strategy('first', { priority: 1, conIds: [1, 2, 3, 4] }),
      ],
    });
    expect(granted(plan)).toEqual(['first', 'small']);
    expect([...plan.conIds]).toEqual([1, 2, 3, 4, 20]);
    expect(plan.grants.get('second')?.reason).toBe(
      'needs 2 lines more, and 1 of 5 is left after the strategies served before it (priority 2): its legs are polled',
    );
  });

  it('counts a leg that two strategies share once', () => {
    const plan = planLines({
      ...none,
      cap: 3,
      strategies: [strategy('a', { conIds: [1, 2] }), strategy('b', { conIds: [2, 3] })],
    });
    expect(granted(plan)).toEqual(['a', 'b']);
    expect(plan.grants.get('b')?.reason).toBe('has 2 lines by priority 10, 1 of them shared');
  });

  it('lets an incumbent keep its lines against an equal priority, but not against a higher one', () => {
    const incumbent = strategy('z', { conIds: [1, 2] });
    const input = { cap: 2, refused: new Set<number>(), incumbents: new Set(['z']) };
    const equal = strategy('a', { conIds: [3] });
    const higher = strategy('a', { conIds: [3], priority: 9 });
    expect(granted(planLines({ ...input, strategies: [equal, incumbent] }))).toEqual(['z']);
    expect(granted(planLines({ ...input, strategies: [higher, incumbent] }))).toEqual(['a']);
  });

  it('needs no line for a leg that the gateway refused', () => {
    const plan = planLines({
      cap: 2,
      incumbents: new Set(),
      refused: new Set([3]),
      strategies: [strategy('a', { conIds: [1, 2, 3] })],
    });
    expect([...plan.conIds]).toEqual([1, 2]);
    expect(plan.grants.get('a')).toMatchObject({
      granted: true,
      linesNeeded: 2,
      reason: 'has 2 lines by priority 10, 1 of its legs was refused by the gateway',
    });
  });

  it('never exceeds the cap and never grants half a strategy', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const plan = planLines(input);
        expect(plan.conIds.size).toBeLessThanOrEqual(Math.max(0, input.cap));
        for (const each of input.strategies) {
          const needed = needs(each, input);
          if (plan.grants.get(each.id)?.granted)
            expect(needed.filter((conId) => !plan.conIds.has(conId))).toEqual([]);
        }
        const owned = new Set(
          input.strategies
            .filter((each) => plan.grants.get(each.id)?.granted)
            .flatMap((each) => needs(each, input)),
        );
        expect(plan.conIds).toEqual(owned);
      }),
    );
  });

  it('leaves nobody without lines who would fit in what is left', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const plan = planLines(input);
        for (const each of input.strategies) {
          if (plan.grants.get(each.id)?.granted) continue;
          const missing = needs(each, input).filter((conId) => !plan.conIds.has(conId));
          expect(plan.conIds.size + missing.length).toBeGreaterThan(input.cap);
        }
      }),
    );
  });

  it('takes nothing from a higher priority, nor from an equal incumbent, when a strategy is added', () => {
    fc.assert(
      fc.property(inputs, fc.nat(), (input, pick) => {
        const added = input.strategies[pick % Math.max(1, input.strategies.length)];
        if (!added) return;
        const others = input.strategies.filter((each) => each !== added);
        const incumbents = new Set([...input.incumbents].filter((id) => id !== added.id));
        const before = planLines({ ...input, strategies: others, incumbents });
        const after = planLines({ ...input, incumbents });
        for (const each of others) {
          const isAhead =
            each.priority < added.priority || (each.priority === added.priority && incumbents.has(each.id));
          if (isAhead) expect(after.grants.get(each.id)?.granted).toBe(before.grants.get(each.id)?.granted);
        }
      }),
    );
  });

  it('keeps what it granted when it is asked again with its own grants as incumbents', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const first = planLines(input);
        const second = planLines({ ...input, incumbents: new Set(granted(first)) });
        expect(new Set(granted(second))).toEqual(new Set(granted(first)));
      }),
    );
  });

  it('gives the same answer whatever the order of its input', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const plan = planLines(input);
        const reversed = planLines({ ...input, strategies: input.strategies.toReversed() });
        expect([...reversed.conIds]).toEqual([...plan.conIds]);
        expect([...reversed.grants]).toEqual([...plan.grants]);
      }),
    );
  });
});

const inputs = fc
  .record({
    strategies,
    cap: fc.integer({ min: 0, max: 20 }),
    incumbent: fc.func(fc.boolean()),
    refused: fc.uniqueArray(fc.integer({ min: 1, max: 25 }), { maxLength: 4 }),
  })
  .map(
    ({ strategies, cap, incumbent, refused }): BudgetInput => ({
      strategies,
      cap,
      incumbents: new Set(strategies.map((each) => each.id).filter((id) => incumbent(id))),
      refused: new Set(refused),
    }),
  );

function granted(plan: BudgetPlan): string[] {
  return [...plan.grants.values()].filter((grant) => grant.granted).map((grant) => grant.strategyId);
}

function needs(of: Strategy, { refused }: BudgetInput): number[] {
  return of.legs.map((leg) => leg.conId).filter((conId) => !refused.has(conId));
}
