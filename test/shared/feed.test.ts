import { describe, expect, it } from 'vitest';
import { decodeFeedMessage } from '../../shared/feed.ts';
import { strategyInputSchema } from '../../shared/strategy.ts';
import { strategy } from '../support/strategies.ts';

describe('a feed message', () => {
  it('carries the full image of one strategy', () => {
    const message = { schema: 1, kind: 'registry', strategy: strategy() };
    expect(decodeFeedMessage(JSON.stringify(message))).toEqual({ ok: true, message });
  });

  it('says what is wrong with it', () => {
    expect(decodeFeedMessage('{')).toMatchObject({ ok: false, fault: expect.stringMatching(/not JSON/) });
    const noLegs = { schema: 1, kind: 'registry', strategy: { ...strategy(), legs: [] } };
    expect(decodeFeedMessage(JSON.stringify(noLegs))).toMatchObject({
      ok: false,
      fault: expect.stringMatching(/strategy\.legs/),
    });
  });
});

describe('a strategy as a person writes it', () => {
  const input = {
    id: 'spy-1',
    account: 'DU1',
    status: 'ACTIVE',
    priority: 1,
    legs: [{ conId: 1, quantity: '1' }],
  };

  it('needs neither tags nor ancestors', () => {
    expect(strategyInputSchema.parse(input)).toMatchObject({ tags: [], rolledFrom: [] });
  });

  it('names a contract once', () => {
    const twice = { ...input, legs: [...input.legs, { conId: 1, quantity: '2' }] };
    expect(strategyInputSchema.safeParse(twice).error?.message).toMatch(/each conId once/);
  });
});
