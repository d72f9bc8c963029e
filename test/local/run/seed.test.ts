import { describe, expect, it } from 'vitest';
import { strategiesOfCondors } from '../../../local/run/seed.ts';
import { strategyInputSchema } from '../../../shared/strategy.ts';

describe('strategiesOfCondors', () => {
  it('makes an active strategy of each, the first one served first', () => {
    const condors = ['spy-1', 'qqq-1'].map((name) => ({
      name,
      underlying: 'SPY',
      account: 'DU1234567',
      legs: [{ conId: 7, quantity: '-1', openPrice: '1.25' }],
    }));
    const strategies = strategiesOfCondors(condors);
    expect(strategies.map(({ id, priority, status }) => [id, priority, status])).toEqual([
      ['spy-1', 1, 'ACTIVE'],
      ['qqq-1', 2, 'ACTIVE'],
    ]);
    for (const each of strategies) expect(strategyInputSchema.parse(each)).toEqual(each);
  });
});
