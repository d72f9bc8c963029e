import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Witness } from '../../../bridge/positions/witness.ts';
import { ACCOUNT, OTHER, row } from './rows.ts';

type Answer = PromiseWithResolvers<ReturnType<typeof row>[]>;

describe('the witness', () => {
  let asked: { account: string; answer: Answer; signal: AbortSignal }[];
  let witness: Witness;

  beforeEach(() => {
    vi.useFakeTimers();
    asked = [];
    witness = new Witness({
      readPortfolio: (account, signal) => {
        const answer: Answer = Promise.withResolvers();
        asked.push({ account, answer, signal });
        return answer.promise;
      },
      restMs: 60_000,
    });
  });

  afterEach(() => {
    witness.stop();
    vi.useRealTimers();
  });

  const accountsAsked = () => asked.map(({ account }) => account);

  it('asks each account in doubt, and keeps what it shows with the time of the question', async () => {
    witness.ask(new Set([ACCOUNT, OTHER]));
    expect(accountsAsked()).toEqual([ACCOUNT, OTHER]);
    const askedTick = performance.now();
    vi.advanceTimersByTime(5_000);
    asked[0]?.answer.resolve([row(1), row(2, '0')]);
    await vi.advanceTimersByTimeAsync(0);
    expect(witness.testimonies).toEqual(
      new Map([[ACCOUNT, { askedTick, quantities: new Map([[1, '-3']]) }]]),
    );
  });

  it('asks an account once at a time and not on every sweep', async () => {
    witness.ask(new Set([ACCOUNT]));
    vi.advanceTimersByTime(70_000);
    witness.ask(new Set([ACCOUNT]));
    expect(asked).toHaveLength(1);
    asked[0]?.answer.resolve([]);
    await vi.advanceTimersByTimeAsync(0);
    witness.ask(new Set([ACCOUNT]));
    expect(asked).toHaveLength(2);
    asked[1]?.answer.resolve([]);
    await vi.advanceTimersByTimeAsync(59_999);
    witness.ask(new Set([ACCOUNT]));
    expect(asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    witness.ask(new Set([ACCOUNT]));
    expect(asked).toHaveLength(3);
  });

  it('says nothing when it has no answer, and asks again after its rest', async () => {
    witness.ask(new Set([ACCOUNT]));
    asked[0]?.answer.reject(new Error('no end of the list'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(witness.testimonies.size).toBe(0);
    witness.ask(new Set([ACCOUNT]));
    expect(asked).toHaveLength(2);
  });

  it('forgets what it knows of an account that is in doubt no more', async () => {
    witness.ask(new Set([ACCOUNT]));
    asked[0]?.answer.resolve([]);
    await vi.advanceTimersByTimeAsync(0);
    expect(witness.testimonies.has(ACCOUNT)).toBe(true);
    witness.ask(new Set());
    expect(witness.testimonies.size).toBe(0);
  });

  it('gives up what is under way when it stops', () => {
    witness.ask(new Set([ACCOUNT]));
    witness.stop();
    expect(asked[0]?.signal.aborted).toBe(true);
  });
});
