import {
  CreateTableCommand,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmbeddedStores } from '../../../../local/aws/embedded-stores.ts';
import type { TableEvent } from '../../../../local/aws/metrics/consumed-capacity.ts';
import { SILENT } from '../../../../local/aws/stores.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const dir = temporaryDirectory();
const events: TableEvent[] = [];
let stores: EmbeddedStores;

beforeAll(async () => {
  const onTableEvents = (told: readonly TableEvent[]) => events.push(...told);
  stores = await EmbeddedStores.open({ dir: dir.path, region: 'us-east-1', log: SILENT, onTableEvents });
  await stores.clients('test').dynamodb.send(
    new CreateTableCommand({
      TableName: 'units',
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
});
afterAll(async () => {
  await stores.stop();
  dir[Symbol.dispose]();
});

describe('the units of a table', () => {
  it('are those of each write, a unit a kilobyte and twice that in a transaction, whether the caller asked or not', async () => {
    const { dynamodb } = stores.clients('test');
    const item = (id: string, bytes: number) => ({ id: { S: id }, pad: { S: 'x'.repeat(bytes) } });
    const small = await dynamodb.send(new PutItemCommand({ TableName: 'units', Item: item('a', 10) }));
    const ReturnConsumedCapacity = 'INDEXES';
    const asked = await dynamodb.send(
      new PutItemCommand({ TableName: 'units', Item: item('b', 1500), ReturnConsumedCapacity }),
    );
    const puts = ['c', 'd'].map((id) => ({ Put: { TableName: 'units', Item: item(id, 10) } }));
    await dynamodb.send(new TransactWriteItemsCommand({ TransactItems: puts }));
    await dynamodb.send(new GetItemCommand({ TableName: 'units', Key: { id: { S: 'a' } } }));
    const units = events.splice(0).map((event) => (event.kind === 'written' ? event.units : event.kind));
    expect(units).toEqual([1, 2, 4]);
    expect(small.$metadata.httpStatusCode).toBe(200);
    expect(asked.ConsumedCapacity?.Table?.CapacityUnits).toBe(2);
  });

  it('are none of a write that was refused', async () => {
    const { dynamodb } = stores.clients('test');
    const refused = dynamodb.send(
      new PutItemCommand({
        TableName: 'units',
        Item: { id: { S: 'a' } },
        ConditionExpression: 'attribute_not_exists(id)',
      }),
    );
    await expect(refused).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
    expect(events.splice(0)).toEqual([]);
  });
});

describe('the state of a queue', () => {
  it('is what waits, what is in work, and since when the oldest is there', async () => {
    const { sqs } = stores.clients('test');
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'q' }));
    const state = () => stores.queueStates().find(({ name }) => name === 'q');
    expect(state()).toEqual({ name: 'q', visible: 0, inFlight: 0, oldestSentAt: undefined });
    const before = Date.now();
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
    expect(state()).toMatchObject({ visible: 1, inFlight: 0 });
    expect(state()?.oldestSentAt).toBeGreaterThanOrEqual(before);
    const received = await sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 0 }));
    expect(received.Messages).toHaveLength(1);
    for (let receives = 2; receives <= 3; receives += 1) {
      await sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 0 }));
    }
    expect(state()?.oldestSentAt).toBeGreaterThanOrEqual(before);
    await sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 60 }));
    // The fourth time SQS has moved it behind the others, which are none here.
    expect(state()).toEqual({ name: 'q', visible: 0, inFlight: 1, oldestSentAt: undefined });
  });
});
