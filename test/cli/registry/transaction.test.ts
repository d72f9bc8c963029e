import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPartition, readStored, type Table } from '../../../cli/registry/read.ts';
import { lostRace, writeStrategy } from '../../../cli/registry/transaction.ts';
import { REGISTRY } from '../../../shared/names.ts';
import { createTables, startDynamoDb, TABLES, type TestDynamoDb } from '../../support/dynamodb.ts';
import { strategy } from '../../support/strategies.ts';

let aws: TestDynamoDb;
let table: Table;

beforeAll(async () => {
  aws = await startDynamoDb();
  await createTables(aws.client);
  table = { client: aws.documents, name: TABLES.registry };
});

afterAll(async () => {
  await aws[Symbol.asyncDispose]();
});

describe('the transaction of a registry write', () => {
  it('refuses a number that HEAD has passed, a version that the strategy has passed, and writes nothing then', async () => {
    const first = strategy({ priority: 1 });
    const second = strategy({ priority: 2, version: 2, registryVersion: 2 });
    expect(await writeStrategy(table, first)).toEqual({ type: 'written' });
    expect(await writeStrategy(table, second)).toEqual({ type: 'written' });

    const sameNumber = strategy({ id: 'other', priority: 3, version: 1, registryVersion: 2 });
    expect(await writeStrategy(table, sameNumber)).toMatchObject({ type: 'contended' });
    const sameVersion = strategy({ priority: 3, version: 2, registryVersion: 3 });
    expect(await writeStrategy(table, sameVersion)).toMatchObject({ type: 'version-moved' });
    const skippedVersion = strategy({ priority: 3, version: 4, registryVersion: 3 });
    expect(await writeStrategy(table, skippedVersion)).toMatchObject({ type: 'version-moved' });
    const skippedNumber = strategy({ priority: 3, version: 3, registryVersion: 4 });
    expect(await writeStrategy(table, skippedNumber)).toMatchObject({ type: 'contended' });

    expect(await readStored(table, 'condor')).toEqual({ version: 2, strategy: second });
    expect(await readStored(table, 'other')).toBeUndefined();
    expect(await readPartition(table, REGISTRY.history('condor'))).toEqual([first, second]);
  });
});

describe('what DynamoDB answers to a transaction', () => {
  const cancelled = (...codes: string[]) =>
    Object.assign(new Error('cancelled'), {
      name: 'TransactionCanceledException',
      CancellationReasons: codes.map((Code) => ({ Code })),
    });

  it.each([
    [cancelled('ConditionalCheckFailed', 'None', 'None'), 'contended'],
    [cancelled('TransactionConflict', 'None', 'None'), 'contended'],
    [cancelled('None', 'TransactionConflict', 'None'), 'contended'],
    [cancelled('None', 'ConditionalCheckFailed', 'None'), 'version-moved'],
    [cancelled('ConditionalCheckFailed', 'ConditionalCheckFailed', 'None'), 'version-moved'],
    [cancelled('None', 'None', 'ConditionalCheckFailed'), 'version-moved'],
    [cancelled('None', 'ThrottlingError', 'None'), undefined],
    [cancelled('ConditionalCheckFailed', 'ValidationError', 'None'), undefined],
    [cancelled('None', 'None', 'None'), undefined],
    [Object.assign(new Error('busy'), { name: 'TransactionConflictException' }), 'contended'],
    [new Error('something else'), undefined],
    ['no error', undefined],
  ])('%#: is a lost race, or none', (error, expected) => {
    expect(lostRace(error)).toBe(expected);
  });
});
