import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import type { Clients } from '../../../local/aws/cloud-types.ts';
import { eventually } from '../../support/eventually.ts';
import { arnOf, lambda, mapping, queue, type TestStack, table } from './support/assembly.ts';
import { type TestCloud, testCloud } from './support/cloud.ts';
import { collectLines } from './support/lines.ts';
import { temporaryDirectory } from './support/temporary.ts';

/** Fails at a record whose item says so: as a whole, or by its sequence number. */
const HANDLER = `
export const handler = (event) => {
  const names = event.Records.map((r) => r.dynamodb.NewImage.id.S + '=' + r.dynamodb.NewImage.n.N);
  console.log(JSON.stringify({ test: 'batch', names, record: event.Records[0] }));
  const bad = event.Records.find((r) => r.dynamodb.NewImage.id.S === 'poison');
  if (bad && process.env.REPORTS !== 'yes') throw new Error('poisoned');
  return { batchItemFailures: bad ? [{ itemIdentifier: bad.dynamodb.SequenceNumber }] : [] };
};`;

interface Batch {
  readonly names: readonly string[];
  readonly record: Record<string, unknown>;
}

function stack(options: { mapping?: object; reports?: boolean; code?: string } = {}): TestStack {
  const Variables = { REPORTS: options.reports ? 'yes' : 'no' };
  return {
    resources: {
      Registry: table({ StreamSpecification: { StreamViewType: 'NEW_IMAGE' } }),
      Failures: queue(),
      Fn: lambda('feed', { Environment: { Variables } }),
      Map: mapping(
        'Fn',
        { 'Fn::GetAtt': ['Registry', 'StreamArn'] },
        {
          StartingPosition: 'TRIM_HORIZON',
          BisectBatchOnFunctionError: true,
          MaximumRetryAttempts: 2,
          DestinationConfig: { OnFailure: { Destination: arnOf('Failures') } },
          ...options.mapping,
        },
      ),
    },
    outputs: { Registry: { Value: { Ref: 'Registry' } }, Failures: { Value: { Ref: 'Failures' } } },
    assets: { feed: { 'index.mjs': options.code ?? HANDLER } },
  };
}

const deadline = () => AbortSignal.timeout(15_000);

async function put({ clients, output }: TestCloud, id: string, n: number): Promise<void> {
  const Item = { id: { S: id }, n: { N: `${n}` } };
  await clients.dynamodb.send(new PutItemCommand({ TableName: output('Registry'), Item }));
}

/** What the failure destination was told. */
async function failures({ clients, output }: { clients: Clients; output: TestCloud['output'] }) {
  const { Messages = [] } = await clients.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: output('Failures'),
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
    }),
  );
  return Messages.map(({ Body = '' }) => JSON.parse(Body) as Record<string, Record<string, unknown>>);
}

describe.concurrent('the trigger of a stream', () => {
  it('hands over every change of an item in order, within well under a second', async () => {
    await using test = await testCloud(stack());
    const batches = collectLines<Batch>(test.cloud);
    await put(test, 'warm', 0);
    await eventually(() => batches.length > 0);
    const before = performance.now();
    await put(test, 'a', 1);
    await eventually(() => batches.length > 1);
    expect(performance.now() - before).toBeLessThan(1000);
    for (let n = 2; n <= 40; n += 1) await put(test, n % 2 === 0 ? 'a' : 'b', n);
    await test.cloud.idle(deadline());
    const names = batches.flatMap((batch) => batch.names);
    const changesOf = (id: string) =>
      names.filter((name) => name.startsWith(`${id}=`)).map((name) => Number(name.slice(2)));
    expect(changesOf('a')).toEqual([1, ...Array.from({ length: 20 }, (_, index) => 2 + 2 * index)]);
    expect(changesOf('b')).toEqual(Array.from({ length: 19 }, (_, index) => 3 + 2 * index));
  });

  it('gives records the shape that Lambda gives them', async () => {
    await using test = await testCloud(stack());
    const batches = collectLines<Batch>(test.cloud);
    await put(test, 'a', 1);
    const { record } = await eventually(() => batches[0]);
    expect(record).toEqual({
      eventID: expect.any(String),
      eventName: 'INSERT',
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: 'us-east-1',
      eventSourceARN: expect.stringMatching(
        /^arn:aws:dynamodb:us-east-1:000000000000:table\/Test-Registry\/stream\//,
      ),
      dynamodb: {
        ApproximateCreationDateTime: expect.any(Number),
        Keys: { id: { S: 'a' } },
        NewImage: { id: { S: 'a' }, n: { N: '1' } },
        SequenceNumber: expect.stringMatching(/^\d+$/),
        SizeBytes: expect.any(Number),
        StreamViewType: 'NEW_IMAGE',
      },
    });
    const reads = test.cloud.journal.entries().filter(({ call }) => call.operation === 'GetRecords');
    expect(reads.map(({ call }) => call)).toEqual([
      {
        service: 'dynamodb',
        operation: 'GetRecords',
        principal: 'feed-role',
        accesses: [{ action: 'dynamodb:GetRecords', resource: record.eventSourceARN }],
      },
    ]);
  });

  it.each([
    ['a handler that throws', false],
    ['a handler that reports the record', true],
  ])(
    'isolates a poisoned record by bisecting, for %s, and tells the destination where it is',
    async (_what, reports) => {
      using dir = temporaryDirectory();
      await fill(dir.path, 20, 7);
      await using test = await testCloud(stack({ reports }), { into: dir.path, streamRetryMs: 5 });
      const batches = collectLines<Batch>(test.cloud);
      await test.cloud.idle(deadline());
      const told = await eventually(async () => {
        const messages = await failures(test);
        return messages.length > 0 && messages;
      });
      await eventually(() => batches.length === test.cloud.triggers()[0]?.batches);
      expect(told).toHaveLength(1);
      expect(told[0]).toMatchObject({
        requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 3 },
        DDBStreamBatchInfo: { batchSize: 1, startSequenceNumber: '8', endSequenceNumber: '8' },
      });
      const done = batches.filter(({ names }) => !names.includes('poison=7')).flatMap(({ names }) => names);
      const untouched = Array.from({ length: 20 }, (_, n) => `item${n}=${n}`).filter((_, n) => n !== 7);
      // What stood before the poisoned record in a reported batch was done by it.
      if (!reports) expect(done).toEqual(untouched);
      expect(done).toEqual(expect.arrayContaining(untouched.slice(7)));
      expect(batches.filter(({ names }) => names.length === 1 && names[0] === 'poison=7')).toHaveLength(3);
      expect(test.cloud.triggers()[0]?.discardedRecords).toBe(1);
    },
  );

  it('gives up records that are too old before any function sees them', async () => {
    using dir = temporaryDirectory();
    await fill(dir.path, 3, 0);
    const mapping = { MaximumRecordAgeInSeconds: 0 };
    await using test = await testCloud(stack({ mapping }), { into: dir.path });
    await test.cloud.idle(deadline());
    expect(test.cloud.triggers()[0]).toMatchObject({ batches: 0, discardedRecords: 3 });
    expect((await failures(test))[0]).toMatchObject({
      requestContext: { condition: 'MaximumRecordAgeExceeded' },
    });
  });

  it('goes on after a restart where it was, and hands nothing over twice', async () => {
    using dir = temporaryDirectory();
    const names: string[] = [];
    for (const round of [1, 2]) {
      await using test = await testCloud(stack(), { into: dir.path });
      const batches = collectLines<Batch>(test.cloud);
      await put(test, `round${round}`, round);
      await test.cloud.idle(deadline());
      await eventually(() => batches.length > 0);
      names.push(...batches.flatMap((batch) => batch.names));
    }
    expect(names).toEqual(['round1=1', 'round2=2']);
  });
});

/** Leaves changes in the stream of a run that has no function to take them; one of them is poisoned. */
async function fill(into: string, count: number, poison: number): Promise<void> {
  const { Registry, Failures } = stack().resources;
  const outputs = { Registry: { Value: { Ref: 'Registry' } } };
  const resources = { ...(Registry && { Registry }), ...(Failures && { Failures }) };
  await using test = await testCloud({ resources, outputs }, { into });
  for (let n = 0; n < count; n += 1) await put(test, n === poison ? 'poison' : `item${n}`, n);
}
