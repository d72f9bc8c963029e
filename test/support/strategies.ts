import type { Strategy } from '../../shared/strategy.ts';

/** A valid ACTIVE strategy of one leg; override what a test is about. */
export function strategy(overrides: Partial<Strategy> = {}): Strategy {
  return {
    schema: 1,
    id: 'condor',
    account: 'DU9000001',
    status: 'ACTIVE',
    priority: 5,
    legs: [{ conId: 728937835, quantity: '-3' }],
    tags: [],
    rolledFrom: [],
    version: 1,
    registryVersion: 1,
    createdAt: '2026-11-20T15:00:00.000Z',
    updatedAt: '2026-11-20T15:00:00.000Z',
    ...overrides,
  };
}
