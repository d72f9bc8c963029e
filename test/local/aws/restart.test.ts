import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, GetQueueUrlCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { openStores } from '../../../local/aws/stores.ts';
import { OUTPUTS } from '../../../shared/names.ts';
import { queue, type TestStack, table } from './support/assembly.ts';
import { send, testCloud } from './support/cloud.ts';
import { temporaryDirectory } from './support/temporary.ts';

const stack = (visibilityS: number): TestStack => ({
  resources: {
    Q: queue({ VisibilityTimeout: visibilityS }),
    T: table({ TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true } }),
    B: { Type: 'AWS::S3::Bucket' },
  },
  outputs: {
    Q: { Value: { Ref: 'Q' } },
    [OUTPUTS.region]: { Value: { Ref: 'AWS::Region' } },
    [OUTPUTS.snapshotQueueUrl]: { Value: { Ref: 'Q' } },
    [OUTPUTS.snapshotDeadLetterQueueUrl]: { Value: { Ref: 'Q' } },
    [OUTPUTS.feedQueueUrls]: { Value: { 'Fn::Join': ['', ['{"home":"', { Ref: 'Q' }, '"}']] } },
    [OUTPUTS.registryTable]: { Value: { Ref: 'T' } },
    [OUTPUTS.positionsTable]: { Value: { Ref: 'T' } },
    [OUTPUTS.auditTable]: { Value: { Ref: 'T' } },
    [OUTPUTS.lakeBucket]: { Value: { Ref: 'B' } },
  },
});

const TableName = 'Test-T';
const Bucket = 'test-b';
const Key = { id: { S: 'kept' } };

describe('a state directory', () => {
  it('keeps messages, items and objects between runs, while attributes follow the template', async () => {
    using dir = temporaryDirectory();
    {
      await using first = await testCloud(stack(600), { into: dir.path });
      const { clients } = first;
      await send(clients, first.output('Q'), ['waiting', 'in flight']);
      // One of the two is in flight when the run ends.
      await clients.sqs.send(new ReceiveMessageCommand({ QueueUrl: first.output('Q') }));
      await clients.dynamodb.send(new PutItemCommand({ TableName, Item: Key }));
      await clients.s3.send(new PutObjectCommand({ Bucket, Key: 'raw/kept', Body: 'kept' }));
    }
    await using second = await testCloud(stack(7), { into: dir.path });
    const { sqs, dynamodb, s3 } = second.clients;
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'Test-Q' }));
    expect(QueueUrl).toBe(second.output('Q'));
    expect(QueueUrl).toContain(second.cloud.endpoints.sqs);
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
    );
    expect(Messages.map(({ Body }) => Body).sort()).toEqual(['in flight', 'waiting']);
    const { Item } = await dynamodb.send(new GetItemCommand({ TableName, Key }));
    expect(Item).toEqual(Key);
    const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'raw/kept' }));
    expect(await object.Body?.transformToString()).toBe('kept');
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    expect(Attributes?.VisibilityTimeout).toBe('7');
  });

  it('refuses a kept table whose key the template has changed, with the remedy', async () => {
    using dir = temporaryDirectory();
    await (await testCloud(stack(30), { into: dir.path }))[Symbol.asyncDispose]();
    const T = table({
      KeySchema: [{ AttributeName: 'other', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'other', AttributeType: 'S' }],
    });
    await expect(testCloud({ resources: { T } }, { into: dir.path })).rejects.toThrow(/Test-T .*--fresh/);
  });

  it('can be opened without functions afterwards, its outputs leading to the new addresses', async () => {
    using dir = temporaryDirectory();
    {
      await using run = await testCloud(stack(30), { into: dir.path });
      await send(run.clients, run.output('Q'), ['left over']);
    }
    await using stores = await openStores({ dir: `${dir.path}/aws` });
    const { outputs } = stores;
    expect(outputs.feedQueueUrls).toEqual({ home: `${stores.endpoints.sqs}/000000000000/Test-Q` });
    const { Messages } = await stores
      .clients('cli')
      .sqs.send(new ReceiveMessageCommand({ QueueUrl: outputs.snapshotQueueUrl }));
    expect(Messages?.[0]?.Body).toBe('left over');
    expect(await stores.queueDepths()).toEqual({ 'Test-Q': { visible: 0, inFlight: 1, delayed: 0 } });
  });

  it('that no run has used is refused with the remedy', async () => {
    using dir = temporaryDirectory();
    await expect(openStores({ dir: dir.path })).rejects.toThrow(/npm start/);
  });
});
