import {
  CreateTableCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedStores } from '../../../local/aws/embedded-stores.ts';
import { Meter } from '../../../local/aws/meter.ts';
import { SILENT } from '../../../local/aws/stores.ts';
import type { CallUsage } from '../../../shared/usage.ts';
import { STANDING } from '../../cli/cost/usages.ts';
import { temporaryDirectory } from './support/temporary.ts';

const dir = temporaryDirectory();
const meter = new Meter({ file: `${dir.path}/usage.json`, standing: STANDING });
let stores: EmbeddedStores;
let before: readonly CallUsage[] = [];

beforeAll(async () => {
  stores = await EmbeddedStores.open({ dir: dir.path, region: 'us-east-1', log: SILENT, meter });
  const { s3, sqs, dynamodb } = stores.clients('test');
  await s3.send(new CreateBucketCommand({ Bucket: 'lake' }));
  await sqs.send(new CreateQueueCommand({ QueueName: 'q' }));
  await dynamodb.send(
    new CreateTableCommand({
      TableName: 'audit',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['id', 'day'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'failures',
          KeySchema: [{ AttributeName: 'day', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
});
beforeEach(() => {
  before = counted();
});
afterAll(async () => {
  await stores.stop();
  dir[Symbol.dispose]();
});

const counted = () => meter.usage().phases.startup.calls;
const clients = () => stores.clients('test');
const queueUrl = () => `${stores.endpoints.sqs}/000000000000/q`;
/** An item whose names and values are so many bytes. */
const itemOf = (id: string, bytes: number) => ({
  id: { S: id },
  x: { S: 'y'.repeat(bytes - 3 - id.length) },
});

/** What a test has added to the counts of one operation. */
function added(operation: string): Omit<CallUsage, 'component' | 'service' | 'operation' | 'resource'> {
  const of = (
    calls: readonly CallUsage[],
    field: 'calls' | 'requests' | 'writeUnits' | 'readUnits' | 'bytesIn' | 'bytesOut' | 'messages',
  ) => calls.filter((call) => call.operation === operation).reduce((sum, call) => sum + call[field], 0);
  const now = counted();
  const grown = (field: Parameters<typeof of>[1]) => of(now, field) - of(before, field);
  return {
    calls: grown('calls'),
    requests: grown('requests'),
    writeUnits: grown('writeUnits'),
    readUnits: grown('readUnits'),
    bytesIn: grown('bytesIn'),
    bytesOut: grown('bytesOut'),
    messages: grown('messages'),
  };
}

describe('what the front door counts', () => {
  it('is what happened: seven messages sent, received, and then none', async () => {
    const Entries = Array.from({ length: 7 }, (_, id) => ({ Id: `${id}`, MessageBody: `body ${id}` }));
    await clients().sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl(), Entries }));
    await clients().sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl(), MaxNumberOfMessages: 10 }));
    await clients().sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl() }));
    expect(added('SendMessageBatch')).toMatchObject({ calls: 1, requests: 1, messages: 7 });
    expect(added('ReceiveMessage')).toMatchObject({ calls: 1, requests: 1, messages: 7 });
    expect(added('ReceiveMessage (empty)')).toMatchObject({ calls: 1, requests: 1, messages: 0 });
  });

  it('is two requests for a message of more than 64 KB, also for who receives it', async () => {
    const MessageBody = 'x'.repeat(65_537);
    await clients().sqs.send(new SendMessageCommand({ QueueUrl: queueUrl(), MessageBody }));
    await clients().sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl() }));
    expect(added('SendMessage')).toMatchObject({ calls: 1, requests: 2 });
    expect(added('ReceiveMessage')).toMatchObject({ calls: 1, requests: 2 });
  });

  it('is a write unit for each KB of an item, of its index too, and twice that in a transaction', async () => {
    const { dynamodb } = clients();
    const TableName = 'audit';
    const put = (Item: PutItemCommand['input']['Item']) =>
      dynamodb.send(new PutItemCommand({ TableName, Item }));
    await put(itemOf('a', 1024));
    expect(added('PutItem').writeUnits).toBe(1);
    await put(itemOf('a', 1025));
    expect(added('PutItem').writeUnits).toBe(1 + 2);
    await put({ ...itemOf('b', 1500), day: { S: 'today' } });
    expect(added('PutItem').writeUnits).toBe(1 + 2 + (2 + 2));
    await dynamodb.send(
      new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName, Item: itemOf('c', 1500) } }] }),
    );
    expect(added('TransactWriteItems').writeUnits).toBe(4);
  });

  it('is a write that a condition refused, by the size of what is there', async () => {
    const { dynamodb } = clients();
    await dynamodb.send(new PutItemCommand({ TableName: 'audit', Item: itemOf('d', 3000) }));
    const update = new UpdateItemCommand({
      TableName: 'audit',
      Key: { id: { S: 'd' } },
      UpdateExpression: 'SET z = :z',
      ConditionExpression: 'attribute_not_exists(id)',
      ExpressionAttributeValues: { ':z': { N: '1' } },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    await expect(dynamodb.send(update)).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
    expect(added('UpdateItem')).toMatchObject({ calls: 1, writeUnits: 3 });
  });

  it('is an object that was not written because it was there, and no call that the service failed', async () => {
    const { s3 } = clients();
    const put = () =>
      s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'raw/v1/k', Body: 'x', IfNoneMatch: '*' }));
    await put();
    await expect(put()).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await s3.send(new GetObjectCommand({ Bucket: 'lake', Key: 'raw/v1/k' }));
    expect(added('PutObject').requests).toBe(2);
    expect(added('GetObject').requests).toBe(1);
    expect(counted().find(({ operation }) => operation === 'PutObject')?.resource).toBe('raw');
    await stores.setFault('s3', 'unavailable');
    await expect(s3.send(new GetObjectCommand({ Bucket: 'lake', Key: 'raw/v1/k' }))).rejects.toThrow();
    await stores.setFault('s3', undefined);
    expect(added('GetObject').requests).toBe(1);
  });
});
