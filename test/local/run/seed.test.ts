import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStrategies, strategiesOfCondors } from '../../../local/run/seed.ts';
import { strategyInputSchema } from '../../../shared/strategy.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'slotwise-seed-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const strategy = {
  id: 'spy-condor',
  account: 'DU1234567',
  status: 'ACTIVE',
  priority: 1,
  legs: [{ conId: 1, quantity: '-1', openPrice: '2.5' }],
};

function file(content: unknown): string {
  const path = join(root, 'strategies.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

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

describe('readStrategies', () => {
  it('reads a list, bare or under "strategies"', async () => {
    expect(await readStrategies(file([strategy]))).toMatchObject([{ id: 'spy-condor', tags: [] }]);
    expect(await readStrategies(file({ strategies: [strategy] }))).toMatchObject([{ id: 'spy-condor' }]);
  });

  it.each<[string, unknown, RegExp]>([
    ['what is no JSON', '{', /cannot be read/],
    ['another shape', { spy: strategy }, /must be a JSON array of strategies: .*strategies/],
    ['a strategy at fault', [{ ...strategy, priority: 0 }], /0\.priority: /],
    ['one id twice', [strategy, strategy], /names spy-condor more than once/],
  ])('refuses %s and says where', async (_, content, fault) => {
    await expect(readStrategies(file(content))).rejects.toThrow(fault);
  });

  it('refuses a file that is not there', async () => {
    await expect(readStrategies(join(root, 'none.json'))).rejects.toThrow(
      /--registry .* cannot be read: ENOENT/,
    );
  });
});
