import { describe, expect, it } from 'vitest';
import { killByPlan } from '../../../local/kills/killer.ts';

describe('kills by plan', () => {
  it('wait for what was done, and try again where there was nobody', async () => {
    let done = 0;
    const killedAt: number[] = [];
    const answers = [false, false, true, true];
    await killByPlan({
      kills: [
        { after: 3, delayMs: 0 },
        { after: 5, delayMs: 1 },
      ],
      done: () => {
        done += 1;
        return done;
      },
      kill: () => {
        const isDone = answers.shift() ?? true;
        if (isDone) killedAt.push(done);
        return isDone;
      },
      signal: AbortSignal.timeout(10_000),
    });
    expect(killedAt).toEqual([3, 5]);
    expect(answers).toEqual([]);
  });

  it('end with the run', async () => {
    const over = new AbortController();
    const killing = killByPlan({
      kills: [{ after: Number.POSITIVE_INFINITY, delayMs: 0 }],
      done: () => {
        over.abort();
        return 0;
      },
      kill: () => {
        throw new Error('too early');
      },
      signal: over.signal,
    });
    await expect(killing).resolves.toBeUndefined();
  });
});
