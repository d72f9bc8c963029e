import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  ThrottlingException,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startDynoxide } from '../../../local/aws/dynoxide.ts';
import { FrontDoor } from '../../../local/aws/front-door.ts';
import { Journal } from '../../../local/aws/journal.ts';
import { type ThrottledTables, withThrottling } from '../../../local/aws/throttle.ts';
import { partitionOf } from '../../../local/aws/throughput.ts';
import { temporaryDirectory } from './support/temporary.ts';

const THROUGHPUT = { partitions: 4, writesPerSecond: 10, readsPerSecond: 10 };

/** Keys of one partition each. */
const [HOT, OTHER] = (() => {
  const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`);
  const place = (key: string) => partitionOf(JSON.stringify({ S: key }), THROUGHPUT.partitions);
  const [first = ''] = keys;
  return [first, keys.find((key) => place(key) !== place(first)) ?? ''];
})();

const opened = new AsyncDisposableStack();
let nowMs = 0;
let tables: ThrottledTables;
let connect: (maxAttempts: number) => DynamoDBClient;
let client: DynamoDBClient;
let table: string;
let count = 0;

beforeAll(async () => {
  const dir = opened.use(temporaryDirectory());
  const dynoxide = opened.adopt(await startDynoxide(dir.path), (each) => each.close());
  tables = withThrottling(dynoxide, { throughput: THROUGHPUT, now: () => nowMs });
  const door = new FrontDoor({
    service: 'dynamodb',
    region: 'us-east-1',
    journal: new Journal(),
    emulator: tables.emulator,
  });
  await door.start();
  opened.defer(() => door.stop());
  connect = (maxAttempts) =>
    opened.adopt(
      new DynamoDBClient({
        region: 'us-east-1',
        endpoint: door.origin,
        maxAttempts,
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      }),
      (each) => each.destroy(),
    );
  client = connect(1);
});

beforeEach(async () => {
  count += 1;
  table = `table-${count}`;
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    }),
  );
});

afterAll(() => opened.disposeAsync());

const item = (id: string, text = '') => ({ id: { S: id }, text: { S: text } });
const put = (id: string, text?: string) =>
  client.send(new PutItemCommand({ TableName: table, Item: item(id, text) }));
const stored = async () => (await client.send(new ScanCommand({ TableName: table }))).Items ?? [];

describe('a table that throttles', () => {
  it('refuses a hot key above what its partition serves, while others are served, until time has passed', async () => {
    for (let write = 0; write < 10; write += 1) await put(HOT);
    const refused = await put(HOT, 'later').catch((cause: unknown) => cause);
    expect(refused).toBeInstanceOf(ThrottlingException);
    expect(refused).toMatchObject({
      throttlingReasons: [{ reason: 'TableWriteKeyRangeThroughputExceeded' }],
    });
    await put(OTHER);
    nowMs += 100;
    await put(HOT, 'in time');
    await expect(put(HOT)).rejects.toThrow(ThrottlingException);
    expect(await stored()).toContainEqual(item(HOT, 'in time'));
    expect(tables.loads()[table]).toEqual({ writeUnits: 12, readUnits: 0, throttled: 2, retried: 1 });
  });

  it('takes a unit for each KB of an item', async () => {
    await put(HOT, 'x'.repeat(4 * 1024));
    expect(tables.loads()[table]?.writeUnits).toBe(5);
  });

  it('leaves what it does not serve of a batch unprocessed, and refuses a batch of which it serves nothing', async () => {
    const requests = (ids: readonly string[]) => ids.map((id) => ({ PutRequest: { Item: item(id) } }));
    for (let write = 0; write < 10; write += 1) await put(HOT);
    const write = (ids: readonly string[]) =>
      client.send(new BatchWriteItemCommand({ RequestItems: { [table]: requests(ids) } }));
    expect(await write([HOT, OTHER])).toMatchObject({ UnprocessedItems: { [table]: requests([HOT]) } });
    await expect(write([HOT])).rejects.toThrow(ThrottlingException);

    const key = (id: string) => ({ id: { S: id } });
    const read = (ids: readonly string[]) =>
      client.send(
        new BatchGetItemCommand({
          RequestItems: { [table]: { Keys: ids.map(key), ConsistentRead: true } },
        }),
      );
    for (let time = 0; time < 10; time += 1) await read([HOT]);
    const { Responses, UnprocessedKeys } = await read([HOT, OTHER]);
    expect(Responses?.[table]).toEqual([item(OTHER)]);
    expect(UnprocessedKeys?.[table]).toEqual({ Keys: [key(HOT)], ConsistentRead: true });
    await expect(read([HOT])).rejects.toThrow(ThrottlingException);
    await expect(client.send(new GetItemCommand({ TableName: table, Key: key(HOT) }))).rejects.toThrow(
      ThrottlingException,
    );
  });

  it('cancels a transaction that it cannot serve as a whole, with the reason, and writes none of it', async () => {
    for (let write = 0; write < 10; write += 1) await put(HOT, 'before');
    const parts = [OTHER, HOT].map((id) => ({ Put: { TableName: table, Item: item(id, 'within') } }));
    const cancelled = await client
      .send(new TransactWriteItemsCommand({ TransactItems: parts }))
      .catch((cause: unknown) => cause);
    expect(cancelled).toBeInstanceOf(TransactionCanceledException);
    expect(cancelled).toMatchObject({
      CancellationReasons: [{ Code: 'None' }, { Code: 'ThrottlingError' }],
    });
    expect(await stored()).toEqual([item(HOT, 'before')]);
  });

  it('counts what is sent again', async () => {
    for (let write = 0; write < 10; write += 1) await put(HOT);
    const late = connect(2).send(new PutItemCommand({ TableName: table, Item: item(HOT) }));
    await expect(late).rejects.toThrow(ThrottlingException);
    expect(tables.loads()[table]).toMatchObject({ throttled: 2, retried: 1 });
  });
});
