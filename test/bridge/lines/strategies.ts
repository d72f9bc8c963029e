import fc from 'fast-check';
import type { Strategy } from '../../../shared/strategy.ts';

const AT = '2026-11-20T14:30:00.000Z';

/** A strategy with one short contract per conId. */
export function strategy(
  id: string,
  fields: Partial<Strategy> & { readonly conIds?: readonly number[] } = {},
): Strategy {
  const { conIds = [1], ...rest } = fields;
  return {
    schema: 1,
    id,
    account: 'DU1234567',
    status: 'ACTIVE',
    priority: 10,
    legs: conIds.map((conId) => ({ conId, quantity: '-1' })),
    tags: [],
    rolledFrom: [],
    version: 1,
    registryVersion: 1,
    createdAt: AT,
    updatedAt: AT,
    ...rest,
  };
}

/** Few contracts and few priorities, so that strategies share legs and compete. */
export const strategies = fc
  .uniqueArray(
    fc.record({
      id: fc.stringMatching(/^[a-e][0-9]$/),
      priority: fc.integer({ min: 1, max: 3 }),
      conIds: fc.uniqueArray(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 6 }),
    }),
    { selector: (row) => row.id, maxLength: 10 },
  )
  .map((rows) => rows.map(({ id, ...fields }) => strategy(id, fields)));
