import { GetItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedStores } from '../../../local/aws/embedded-stores.ts';
import { SILENT } from '../../../local/aws/stores.ts';
import { eventually } from '../../support/eventually.ts';
import { temporaryDirectory } from './support/temporary.ts';

const dir = temporaryDirectory();
let stores: EmbeddedStores;
let count = 0;

beforeAll(async () => {
  stores = await EmbeddedStores.open({ dir: dir.path, region: 'eu-central-1', log: SILENT });
  const statements = [{ Effect: 'Allow' as const, Action: ['sqs:*', 's3:*', 'dynamodb:*'], Resource: ['*'] }];
  const everything = [{ name: 'everything', statements }];
  stores.permit({
    identities: new Map(['impatient', 'drain-role'].map((principal) => [principal, everything])),
    resources: new Map(),
  });
  await stores.clients('test').s3.send(new CreateBucketCommand({ Bucket: 'lake' }));
});
afterAll(async () => {
  await stores.stop();
  dir[Symbol.dispose]();
});
beforeEach(() => {
  count += 1;
});

const newKey = () => `raw/v1/dt=2026-11-20/${count}-${Math.random()}`;

async function newQueue(attributes: Record<string, string> = {}): Promise<string> {
  const { sqs } = stores.clients('test');
  const { QueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({ QueueName: `q${count}`, Attributes: attributes }),
  );
  return QueueUrl;
}

describe('conditional puts', () => {
  const put = (Key: string, Body: string, condition: { IfNoneMatch?: string; IfMatch?: string } = {}) =>
    stores.clients('test').s3.send(new PutObjectCommand({ Bucket: 'lake', Key, Body, ...condition }));
  const bodyOf = async (Key: string) => {
    const { Body } = await stores.clients('test').s3.send(new GetObjectCommand({ Bucket: 'lake', Key }));
    return Body?.transformToString();
  };

  it('refuses If-None-Match: * on an object that exists, as the SDK knows it, and keeps the object', async () => {
    const key = newKey();
    await put(key, 'first', { IfNoneMatch: '*' });
    await expect(put(key, 'second', { IfNoneMatch: '*' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
      $metadata: { httpStatusCode: 412 },
    });
    expect(await bodyOf(key)).toBe('first');
  });

  it('lets exactly one of twenty racers win, and the object is the one of the winner', async () => {
    const key = newKey();
    const racers = Array.from({ length: 20 }, (_, index) => put(key, `racer ${index}`, { IfNoneMatch: '*' }));
    const results = await Promise.allSettled(racers);
    const winners = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    expect(winners).toHaveLength(1);
    expect(await bodyOf(key)).toBe(`racer ${winners[0]}`);
    const names = results.flatMap((each) => (each.status === 'rejected' ? [each.reason.name] : []));
    expect(new Set(names)).toEqual(new Set(['PreconditionFailed']));
  });

  it('replaces an object by If-Match only while it is the one that was read', async () => {
    const key = newKey();
    const { ETag = '' } = await put(key, 'one');
    await put(key, 'two', { IfMatch: ETag });
    await expect(put(key, 'three', { IfMatch: ETag })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(put(newKey(), 'none', { IfMatch: ETag })).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(await bodyOf(key)).toBe('two');
  });

  it('overwrites without a condition', async () => {
    const key = newKey();
    await put(key, 'one');
    await put(key, 'two');
    expect(await bodyOf(key)).toBe('two');
  });
});

describe('queues', () => {
  it('gives URLs that lead back through the door', async () => {
    expect(await newQueue()).toBe(`${stores.endpoints.sqs}/000000000000/q${count}`);
  });

  it('makes a message visible at once when its visibility is set to 0', async () => {
    const QueueUrl = await newQueue({ VisibilityTimeout: '600' });
    const { sqs } = stores.clients('test');
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'again' }));
    const first = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    const ReceiptHandle = first.Messages?.[0]?.ReceiptHandle;
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    const second = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MessageSystemAttributeNames: ['All'] }),
    );
    expect(second.Messages?.[0]).toMatchObject({
      Body: 'again',
      Attributes: { ApproximateReceiveCount: '2' },
    });
  });

  it('gives a message back that arrives for a long poll whose client has gone', async () => {
    const QueueUrl = await newQueue({ VisibilityTimeout: '600' });
    const { sqs } = stores.clients('test');
    const gone = new AbortController();
    const poll = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
      abortSignal: gone.signal,
    });
    await eventually(() => stores.journal.count({ operation: 'CreateQueue' }) > 0);
    await eventually(() => stores.inFlight('sqs') === 1);
    gone.abort();
    await expect(poll).rejects.toThrow();
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'for whoever is there' }));
    const body = await eventually(async () => {
      const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
      return Messages?.[0]?.Body;
    });
    expect(body).toBe('for whoever is there');
  });
});

describe('faults', () => {
  it('answers 503 while a service is away, and takes it back on the same address', async () => {
    const QueueUrl = await newQueue();
    const impatient = stores.clients('impatient').sqs;
    const send = () => impatient.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
    await stores.setFault('sqs', 'unavailable');
    await expect(send()).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    await stores.setFault('sqs', undefined);
    await expect(send()).resolves.toMatchObject({ MessageId: expect.any(String) });
  });

  it('answers in the words of each service while it throttles, which its client knows', async () => {
    const { sqs, s3, dynamodb } = stores.clients('impatient');
    const calls = {
      sqs: () => sqs.send(new SendMessageCommand({ QueueUrl: 'http://127.0.0.1/0/q', MessageBody: 'x' })),
      s3: () => s3.send(new GetObjectCommand({ Bucket: 'lake', Key: 'x' })),
      dynamodb: () => dynamodb.send(new GetItemCommand({ TableName: 't', Key: { id: { S: 'x' } } })),
    };
    const names = { sqs: 'RequestThrottled', s3: 'SlowDown', dynamodb: 'ThrottlingException' };
    const services = ['sqs', 's3', 'dynamodb'] as const;
    for (const service of services) await stores.setFault(service, 'throttled');
    await Promise.all(
      services.map((service) => expect(calls[service]()).rejects.toMatchObject({ name: names[service] })),
    );
    for (const service of services) await stores.setFault(service, undefined);
  });

  it('refuses connections while a service is gone, and listens on the old port again', async () => {
    const { s3 } = stores.clients('test');
    const before = stores.endpoints.s3;
    const get = () => s3.send(new GetObjectCommand({ Bucket: 'lake', Key: 'none' }));
    await stores.setFault('s3', 'refused');
    await expect(get()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await stores.setFault('s3', undefined);
    expect(stores.endpoints.s3).toBe(before);
    await expect(get()).rejects.toMatchObject({ name: 'NoSuchKey' });
  });
});

describe('the journal', () => {
  const calls = (principal: string) =>
    stores.journal
      .entries()
      .filter(({ call }) => call.principal === principal)
      .map(({ call, count: times }) => ({ operation: call.operation, times, accesses: call.accesses }));

  it('names principal, action and resource of each call, and counts batches by the action that allows them', async () => {
    const QueueUrl = await newQueue();
    const { sqs, s3, dynamodb } = stores.clients('drain-role');
    const Entries = [{ Id: 'a', MessageBody: 'x' }];
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    for (const name of ['a', 'b']) {
      const Key = `raw/v1/dt=2026-11-20/${name}`;
      await s3.send(new PutObjectCommand({ Bucket: 'lake', Key, Body: 'x' }));
    }
    const TableName = 'audit';
    await expect(
      dynamodb.send(new GetItemCommand({ TableName, Key: { id: { S: 'x' } } })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    const Item = { id: { S: 'x' } };
    const TransactItems = [{ Put: { TableName, Item } }, { Delete: { TableName: 'other', Key: Item } }];
    await expect(dynamodb.send(new TransactWriteItemsCommand({ TransactItems }))).rejects.toThrow();

    expect(calls('drain-role')).toEqual([
      {
        operation: 'SendMessageBatch',
        times: 1,
        accesses: [
          { action: 'sqs:SendMessage', resource: `arn:aws:sqs:eu-central-1:000000000000:q${count}` },
        ],
      },
      {
        operation: 'PutObject',
        times: 2,
        accesses: [{ action: 's3:PutObject', resource: 'arn:aws:s3:::lake/raw/v1/*' }],
      },
      {
        operation: 'GetItem',
        times: 1,
        accesses: [
          {
            action: 'dynamodb:GetItem',
            resource: 'arn:aws:dynamodb:eu-central-1:000000000000:table/audit',
          },
        ],
      },
      {
        operation: 'TransactWriteItems',
        times: 1,
        accesses: [
          {
            action: 'dynamodb:PutItem',
            resource: 'arn:aws:dynamodb:eu-central-1:000000000000:table/audit',
          },
          {
            action: 'dynamodb:DeleteItem',
            resource: 'arn:aws:dynamodb:eu-central-1:000000000000:table/other',
          },
        ],
      },
    ]);
  });
});
