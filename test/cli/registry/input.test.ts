import { describe, expect, it } from 'vitest';
import { CommandFailure } from '../../../cli/failure.ts';
import { parseInputs } from '../../../cli/registry/input.ts';
import { strategy } from '../../support/strategies.ts';

function fault(source: unknown): string {
  try {
    parseInputs(typeof source === 'string' ? source : JSON.stringify(source), 'condors.json');
  } catch (error) {
    if (error instanceof CommandFailure) return error.message;
    throw error;
  }
  throw new Error('no fault');
}

const condor = {
  id: 'condor',
  account: 'DU9000001',
  status: 'ACTIVE',
  priority: 5,
  legs: [{ conId: 1, quantity: '-1' }],
};

describe('a file of strategies', () => {
  it('holds one strategy or an array of them', () => {
    expect(parseInputs(JSON.stringify(condor), 'f')).toEqual([
      { input: { ...condor, tags: [], rolledFrom: [] } },
    ]);
    const two = [condor, { ...condor, id: 'other' }];
    expect(parseInputs(JSON.stringify(two), 'f').map(({ input }) => input.id)).toEqual(['condor', 'other']);
  });

  it('may be what the registry printed: its version is then the one expected', () => {
    const [read] = parseInputs(JSON.stringify(strategy({ version: 7 })), 'f');
    expect(read?.version).toBe(7);
    expect(read?.input).not.toHaveProperty('registryVersion');
  });

  it('is refused with every fault of every strategy at once', () => {
    const text = fault([{ ...condor, priority: 0, status: 'ON' }, condor, condor, 7, { id: 'x' }]);
    for (const part of [
      'condors.json',
      'strategy 1 (condor): status',
      'priority',
      'strategy 3 (condor): id: is there twice',
      'strategy 4:',
      'strategy 5 (x): account',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('is refused when it is no JSON or holds nothing', () => {
    expect(fault('{')).toMatch(/^condors.json is not JSON/);
    expect(fault([])).toMatch(/holds no strategy/);
  });
});
