import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attempt, afterFailure } from '../../../local/aws/stream-retry.ts';

/** Runs a batch to its end against a function that fails at the first poisoned record, or as a whole. */
function run(options: { count: number; poison: ReadonlySet<number>; bisects: boolean; reports: boolean }) {
  const rules = { bisects: options.bisects, retriesMax: 2 };
  const waiting: Attempt<number>[] = [
    { records: Array.from({ length: options.count }, (_, index) => index), retries: 0 },
  ];
  const done: number[] = [];
  const givenUp: number[] = [];
  let invocations = 0;
  for (let attempt = waiting.shift(); attempt; attempt = waiting.shift()) {
    invocations += 1;
    const first = attempt.records.findIndex((record) => options.poison.has(record));
    if (first < 0) {
      done.push(...attempt.records);
      continue;
    }
    const failedFrom = options.reports ? first : 0;
    done.push(...attempt.records.slice(0, failedFrom));
    const next = afterFailure(attempt, failedFrom, rules);
    if (next.kind === 'give-up') givenUp.push(...next.records);
    else waiting.unshift(...next.attempts);
  }
  return { done, givenUp, invocations };
}

describe('a stream batch that fails', () => {
  const scenario = fc.record({
    count: fc.integer({ min: 1, max: 100 }),
    poison: fc.uniqueArray(fc.nat(99), { maxLength: 5 }).map((items) => new Set(items)),
    reports: fc.boolean(),
  });

  it('with bisecting gives up the poisoned records alone, and the others are done in order', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { done, givenUp } = run({ ...given, bisects: true });
        const all = Array.from({ length: given.count }, (_, index) => index);
        expect(givenUp).toEqual(all.filter((record) => given.poison.has(record)));
        expect(done).toEqual(all.filter((record) => !given.poison.has(record)));
      }),
    );
  });

  it('without bisecting loses no record either, but gives up what stands behind the poisoned one', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { done, givenUp } = run({ ...given, bisects: false });
        expect([...done, ...givenUp]).toEqual(Array.from({ length: given.count }, (_, index) => index));
      }),
    );
  });

  it('does not count a cut as a retry: one poisoned record of one hundred costs few invocations', () => {
    const { invocations } = run({ count: 100, poison: new Set([37]), bisects: true, reports: false });
    expect(invocations).toBeLessThan(25);
  });

  it('retries for as long as the stream keeps the record when no bound is set', () => {
    const rules = { bisects: true, retriesMax: Number.POSITIVE_INFINITY };
    expect(afterFailure({ records: [1], retries: 1000 }, 0, rules)).toEqual({
      kind: 'again',
      attempts: [{ records: [1], retries: 1001 }],
      pauses: true,
    });
  });
});
