import { PutCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ClosedStrategy,
  InvalidStrategy,
  MalformedItem,
  StaleVersion,
  UnknownStrategy,
} from '../../../cli/registry/errors.ts';
import { RegistryStore } from '../../../cli/registry/store.ts';
import { REGISTRY } from '../../../shared/names.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import type { StrategyInput } from '../../../shared/strategy.ts';
import { createTable, startDynamoDb, type TestDynamoDb } from '../../support/dynamodb.ts';

let aws: TestDynamoDb;
let tables = 0;
let store: RegistryStore;
let table: string;

beforeAll(async () => {
  aws = await startDynamoDb();
});

beforeEach(async () => {
  ({ store, table } = await newRegistry());
});

afterAll(async () => {
  await aws[Symbol.asyncDispose]();
});

async function newRegistry(): Promise<{ store: RegistryStore; table: string }> {
  tables += 1;
  const name = `registry-${tables}`;
  await createTable(aws.client, name, [REGISTRY.partitionKey, 'S'], [REGISTRY.sortKey, 'S']);
  return { store: new RegistryStore({ client: aws.documents, table: name }), table: name };
}

function input(overrides: Partial<StrategyInput> = {}): StrategyInput {
  return {
    id: 'spy-condor',
    account: 'DU9000001',
    status: 'ACTIVE',
    priority: 5,
    legs: [{ conId: 1, quantity: '-1' }],
    tags: [],
    rolledFrom: [],
    ...overrides,
  };
}

describe('the registry store', () => {
  it('gives a new strategy version 1 and the first number of the registry', async () => {
    const written = await store.put(input());
    expect(written).toMatchObject({ schema: 1, version: 1, registryVersion: 1, status: 'ACTIVE' });
    expect(await store.get('spy-condor')).toEqual(written);
    expect(await store.head()).toBe(1);
  });

  it('counts strategies each on their own and the registry through all of them', async () => {
    await store.put(input({ id: 'a' }));
    await store.put(input({ id: 'b' }));
    const third = await store.put(input({ id: 'a', priority: 9 }));
    expect(third).toMatchObject({ version: 2, registryVersion: 3, priority: 9 });
    expect((await store.list()).map(({ id, version }) => [id, version])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('keeps every version in the history, unchanged, with when it was first made', async () => {
    const first = await store.put(input());
    const second = await store.setStatus('spy-condor', 'INACTIVE');
    const third = await store.close('spy-condor');
    expect(await store.history('spy-condor')).toEqual([first, second, third]);
    expect(third.createdAt).toBe(first.createdAt);
    expect(third.closedAt).toBe(third.updatedAt);
  });

  it('writes nothing when the status or the close is there already', async () => {
    const put = await store.put(input());
    expect(await store.setStatus('spy-condor', 'ACTIVE')).toEqual(put);
    const closed = await store.close('spy-condor');
    expect(await store.close('spy-condor')).toEqual(closed);
    expect(await store.head()).toBe(2);
  });

  it('refuses a stale version with the current strategy, and writes nothing', async () => {
    await store.put(input());
    const current = await store.put(input({ priority: 2 }), { expectedVersion: 1 });
    const attempts = [
      () => store.put(input({ priority: 3 }), { expectedVersion: 1 }),
      () => store.put(input(), { expectedVersion: 0 }),
      () => store.setStatus('spy-condor', 'INACTIVE', { expectedVersion: 3 }),
      () => store.close('spy-condor', { expectedVersion: 1 }),
      () => store.remove('spy-condor', { expectedVersion: 1 }),
    ];
    for (const attempt of attempts) {
      const refusal = await attempt().catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(StaleVersion);
      expect((refusal as StaleVersion).current).toEqual(current);
    }
    await expect(store.put(input({ id: 'new' }), { expectedVersion: 4 })).rejects.toThrow('there is none');
    expect(await store.head()).toBe(2);
  });

  it('names every fault of an input at once', async () => {
    const bad = { ...input(), priority: 0, legs: [{ conId: -1, quantity: '1e3' }], status: 'ON' };
    const refusal = await store.put(bad).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(InvalidStrategy);
    for (const field of ['priority', 'legs.0.conId', 'legs.0.quantity', 'status']) {
      expect((refusal as Error).message).toContain(field);
    }
    expect(await store.head()).toBe(0);
  });

  it('opens a closed strategy again only for a caller who names its version', async () => {
    await store.put(input());
    await store.close('spy-condor');
    await expect(store.put(input())).rejects.toThrow(ClosedStrategy);
    await expect(store.setStatus('spy-condor', 'ACTIVE')).rejects.toThrow(ClosedStrategy);
    const reopened = await store.put(input(), { expectedVersion: 2 });
    expect(reopened).toMatchObject({ version: 3 });
    expect(reopened).not.toHaveProperty('closedAt');
  });

  it('leaves a tombstone of a removed strategy, and counts on from it', async () => {
    const first = await store.put(input());
    const tombstone = await store.remove('spy-condor');
    expect(tombstone).toMatchObject({ version: 2, registryVersion: 2, deletedAt: tombstone.updatedAt });
    expect(await store.get('spy-condor')).toBeUndefined();
    expect(await store.list()).toEqual([]);
    await expect(store.setStatus('spy-condor', 'ACTIVE')).rejects.toThrow(UnknownStrategy);
    await expect(store.remove('spy-condor')).rejects.toThrow(UnknownStrategy);
    const again = await store.put(input(), { expectedVersion: 0 });
    expect(again).toMatchObject({ version: 3, registryVersion: 3 });
    expect(again).not.toHaveProperty('deletedAt');
    expect(await store.history('spy-condor')).toEqual([first, tombstone, again]);
  });

  it('says which item is no strategy, and lets a put mend it', async () => {
    await store.put(input());
    const broken = { pk: REGISTRY.strategy, sk: 'spy-condor', id: 'spy-condor', version: 7 };
    await aws.documents.send(new PutCommand({ TableName: table, Item: broken }));
    await expect(store.list()).rejects.toThrow(MalformedItem);
    await expect(store.get('spy-condor')).rejects.toThrow(/spy-condor: .*account/);
    await expect(store.close('spy-condor')).rejects.toThrow(MalformedItem);
    expect(await store.put(input())).toMatchObject({ version: 8, registryVersion: 2 });
  });

  it('lists more strategies than one page of a query holds', async () => {
    const legs = Array.from({ length: 60 }, (_, index) => ({ conId: index + 1, quantity: '-1' }));
    const tags = Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(2000, 'x'));
    for (let index = 0; index < 30; index += 1) await store.put(input({ id: `s${index}`, legs, tags }));
    expect(await store.list()).toHaveLength(30);
  });

  it('loses no write of concurrent writers: every number is given once, every version is in the history', async () => {
    const change = fc.record({
      id: fc.constantFrom('a', 'b', 'c'),
      kind: fc.constantFrom('put', 'on', 'off', 'close', 'remove'),
      priority: fc.integer({ min: 1, max: 100 }),
    });
    const writers = fc.array(fc.array(change, { minLength: 1, maxLength: 5 }), {
      minLength: 2,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(writers, async (plans) => {
        const registry = await newRegistry();
        const returned = await Promise.all(
          plans.map(async (plan) => {
            const own = new RegistryStore({ client: aws.documents, table: registry.table });
            const results = [];
            for (const { id, kind, priority } of plan) {
              results.push(await apply(own, id, kind, priority).catch(expectDomainRefusal));
            }
            return results.filter((result) => result !== undefined);
          }),
        );
        const histories = await Promise.all(['a', 'b', 'c'].map((id) => registry.store.history(id)));
        const written = histories.flat().sort((left, right) => left.registryVersion - right.registryVersion);

        const head = await registry.store.head();
        expect(written.map((strategy) => strategy.registryVersion)).toEqual(upTo(head));
        for (const history of histories) {
          expect(history.map((strategy) => strategy.version)).toEqual(upTo(history.length));
        }
        for (const result of returned.flat()) expect(written).toContainEqual(result);

        const replica = written.reduce(applyImage, EMPTY_REPLICA);
        const listed = await registry.store.list();
        expect(listed).toEqual(
          [...replica.strategies.values()]
            .filter((strategy) => strategy.deletedAt === undefined)
            .sort((left, right) => (left.id < right.id ? -1 : 1)),
        );
      }),
      { numRuns: 15 },
    );
  });

  it('lets exactly one of many writers through that saw the same version', async () => {
    await store.put(input());
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        store.put(input({ priority: index + 1 }), { expectedVersion: 1 }),
      ),
    );
    const refused = attempts.filter((attempt) => attempt.status === 'rejected');
    expect(refused).toHaveLength(9);
    for (const attempt of refused) expect(attempt.reason).toBeInstanceOf(StaleVersion);
    expect((await store.get('spy-condor'))?.version).toBe(2);
  });

  it('gets twenty writers of different strategies through, each with a number of its own', async () => {
    const written = await Promise.all(
      Array.from({ length: 20 }, (_, index) => store.put(input({ id: `s${index}` }))),
    );
    const numbers = written.map((strategy) => strategy.registryVersion).sort((left, right) => left - right);
    expect(numbers).toEqual(upTo(20));
  });
});

function apply(store: RegistryStore, id: string, kind: string, priority: number) {
  switch (kind) {
    case 'put':
      return store.put(input({ id, priority }));
    case 'on':
      return store.setStatus(id, 'ACTIVE');
    case 'off':
      return store.setStatus(id, 'INACTIVE');
    case 'close':
      return store.close(id);
    default:
      return store.remove(id);
  }
}

/** A refusal for what the strategy is at that moment is part of the game; anything else is a fault. */
function expectDomainRefusal(error: unknown): undefined {
  if (error instanceof UnknownStrategy || error instanceof ClosedStrategy) return undefined;
  throw error;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
