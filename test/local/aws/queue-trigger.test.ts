import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { arnOf, lambda, mapping, queue, queueWithDeadLetters, type TestStack } from './support/assembly.ts';
import { send, testCloud } from './support/cloud.ts';
import { collectLines } from './support/lines.ts';
import { temporaryDirectory } from './support/temporary.ts';

/** Prints what it got; what each body says decides its fate. */
const HANDLER = `
export const handler = async (event, context) => {
  console.log(JSON.stringify({ test: 'batch', size: event.Records.length, bodies: event.Records.map((r) => r.body),
    record: event.Records[0], left: context.getRemainingTimeInMillis(), requestId: context.awsRequestId }));
  if (event.Records.some((r) => r.body === 'throw')) throw new Error('as asked');
  if (event.Records.some((r) => r.body === 'hang')) await new Promise(() => setInterval(() => {}, 1000));
  if (event.Records.some((r) => r.body === 'crash')) process.exit(7);
  if (event.Records.some((r) => r.body === 'malformed')) return { batchItemFailures: [{ itemIdentifier: '' }] };
  return { batchItemFailures: event.Records.filter((r) => r.body.startsWith('fail'))
    .map((r) => ({ itemIdentifier: r.messageId })) };
};`;

interface Batch {
  readonly size: number;
  readonly bodies: readonly string[];
  readonly record: Record<string, unknown>;
  readonly left: number;
}

function stack(options: { batch?: object; queue?: object; maxReceiveCount?: number } = {}): TestStack {
  return {
    resources: {
      Source: queueWithDeadLetters('Dead', options.maxReceiveCount ?? 2, {
        VisibilityTimeout: 2,
        ...options.queue,
      }),
      Dead: queue(),
      Fn: lambda('drain', { Timeout: 2 }),
      Map: mapping('Fn', arnOf('Source'), options.batch),
    },
    outputs: { Source: { Value: { Ref: 'Source' } }, Dead: { Value: { Ref: 'Dead' } } },
    assets: { drain: { 'index.mjs': HANDLER } },
  };
}

const deadline = () => AbortSignal.timeout(15_000);

describe.concurrent('the trigger of a queue', () => {
  it('hands over 500 waiting messages in ten batches of exactly 50', async () => {
    using dir = temporaryDirectory();
    const resources = stack({
      batch: { BatchSize: 50, MaximumBatchingWindowInSeconds: 1 },
      queue: { VisibilityTimeout: 30 },
    });
    const bodies = Array.from({ length: 500 }, (_, index) => `${index}`);
    await preload(dir.path, bodies);
    await using test = await testCloud(resources, { into: dir.path });
    const batches = collectLines<Batch>(test.cloud);
    await test.cloud.idle(deadline());
    await eventually(() => batches.length === 10);
    expect(batches.map(({ size }) => size)).toEqual(Array(10).fill(50));
    expect(batches.flatMap((batch) => batch.bodies).sort()).toEqual(bodies.sort());
    expect(test.cloud.triggers()[0]).toMatchObject({
      batches: 10,
      maxBatch: 50,
      records: 500,
      failedRecords: 0,
    });
  });

  it('waits for no window when somebody wants the queue empty', async () => {
    const batch = { BatchSize: 50, MaximumBatchingWindowInSeconds: 300 };
    await using test = await testCloud(stack({ batch, queue: { VisibilityTimeout: 310 } }));
    const batches = collectLines<Batch>(test.cloud);
    await send(test.clients, test.output('Source'), ['a', 'b']);
    await test.cloud.idle(deadline());
    expect(batches.flatMap(({ bodies }) => bodies).sort()).toEqual(['a', 'b']);
  });

  it('hands over what came within the window when a batch does not fill', async () => {
    const batch = { BatchSize: 50, MaximumBatchingWindowInSeconds: 1 };
    await using test = await testCloud(stack({ batch, queue: { VisibilityTimeout: 10 } }));
    const batches = collectLines<Batch>(test.cloud);
    await send(test.clients, test.output('Source'), ['a']);
    await send(test.clients, test.output('Source'), ['b', 'c']);
    await test.cloud.idle(deadline());
    await eventually(() => batches.length > 0);
    expect(batches.map(({ bodies }) => bodies)).toEqual([['a', 'b', 'c']]);
  });

  it('gives a batch again whose worker was killed in the middle of it, and knows that it was at work', async () => {
    await using test = await testCloud(stack({ maxReceiveCount: 5 }));
    const [name = ''] = Object.keys(test.cloud.functions());
    expect(await test.cloud.killWorker(name)).toBeUndefined();
    const batches = collectLines<Batch>(test.cloud);
    await send(test.clients, test.output('Source'), ['hang']);
    await eventually(() => batches.length === 1);
    expect(await test.cloud.killWorker(name)).toBe('busy');
    await eventually(() => batches.length === 2);
    expect(test.cloud.functions()[name]).toMatchObject({ errors: 1, timeouts: 0, workersReplaced: 1 });
    await expect(test.cloud.killWorker('Nobody')).rejects.toThrow('Nobody');
  });

  it('gives records the shape that Lambda gives them', async () => {
    await using test = await testCloud(stack());
    const batches = collectLines<Batch>(test.cloud);
    const before = Date.now();
    await send(test.clients, test.output('Source'), ['hello']);
    const batch = await eventually(() => batches[0]);
    expect(batch.record).toEqual({
      messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      receiptHandle: expect.any(String),
      body: 'hello',
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: expect.stringMatching(/^\d{13}$/),
        SenderId: expect.any(String),
        ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
      },
      messageAttributes: {},
      md5OfBody: '5d41402abc4b2a76b9719d911017c592',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:Test-Source',
      awsRegion: 'us-east-1',
    });
    const { SentTimestamp } = batch.record.attributes as { SentTimestamp: string };
    expect(Number(SentTimestamp)).toBeGreaterThanOrEqual(before);
    expect(batch.left).toBeGreaterThan(0);
    expect(batch.left).toBeLessThanOrEqual(2000);
  });

  it('deletes all but what the batch reported, which alone comes again and ends in the dead-letter queue', async () => {
    await using test = await testCloud(stack());
    const batches = collectLines<Batch>(test.cloud);
    const depth = async (name: string) => (await test.cloud.queueDepths())[`Test-${name}`];
    await send(test.clients, test.output('Source'), ['good', 'fail', 'fine']);
    await eventually(async () => (await depth('Dead'))?.visible === 1);
    const seen = batches.flatMap(({ bodies }) => bodies);
    expect(seen.filter((body) => body === 'fail')).toHaveLength(2);
    expect(seen.filter((body) => body !== 'fail').sort()).toEqual(['fine', 'good']);
    expect(await depth('Source')).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(test.cloud.triggers()[0]?.failedRecords).toBe(2);
  });

  it.each([
    ['throws', 'throw', { errors: 1, timeouts: 0, workersReplaced: 0 }],
    ['answers with a malformed list', 'malformed', { errors: 0, timeouts: 0, workersReplaced: 0 }],
    ['takes too long', 'hang', { errors: 1, timeouts: 1, workersReplaced: 1 }],
    ['takes its process down', 'crash', { errors: 1, timeouts: 0, workersReplaced: 1 }],
  ])('fails the whole batch when the handler %s', async (_what, body, statistics) => {
    await using test = await testCloud(stack({ maxReceiveCount: 1 }));
    await send(test.clients, test.output('Source'), ['a', body]);
    await eventually(async () => (await test.cloud.queueDepths())['Test-Dead']?.visible === 2);
    await eventually(() => test.cloud.triggers()[0]?.failedRecords === 2);
    expect(test.cloud.functions()['Test-Fn']).toMatchObject({ invocations: 1, ...statistics });
    expect(test.cloud.triggers()[0]?.records).toBe(2);
  });

  it('has two batches in work at once, and no more', async () => {
    const code = `const now = () => performance.timeOrigin + performance.now();
      export const handler = async () => {
        const from = now();
        await new Promise((resolve) => setTimeout(resolve, 100));
        console.log(JSON.stringify({ test: 'span', from, to: now() }));
      };`;
    const given = stack({ batch: { BatchSize: 1 } });
    await using test = await testCloud({ ...given, assets: { drain: { 'index.mjs': code } } });
    const spans = collectLines<{ from: number; to: number }>(test.cloud);
    await send(test.clients, test.output('Source'), ['1', '2', '3', '4', '5', '6', '7', '8']);
    await eventually(() => spans.length === 8);
    const inWork = spans.map(
      ({ from }) => spans.filter((other) => other.from <= from && from < other.to).length,
    );
    expect(Math.max(...inWork)).toBe(2);
  });

  it('goes on when the queue was away for a while', async () => {
    await using test = await testCloud(stack());
    const batches = collectLines<Batch>(test.cloud);
    await test.cloud.setFault('sqs', 'refused');
    await test.cloud.setFault('sqs', undefined);
    await send(test.clients, test.output('Source'), ['after']);
    expect((await eventually(() => batches[0])).bodies).toEqual(['after']);
  });
});

describe.concurrent('a function', () => {
  const withCode = (code: string, file = 'index.mjs') => ({
    ...stack(),
    assets: { drain: { [file]: code } },
  });
  const say = `console.log(JSON.stringify({ test: 'said', what: WHAT }));`;

  it('has the environment of the template, a key of its own role, and the front door as its endpoints', async () => {
    const what = `Object.fromEntries(Object.entries(process.env).filter(([n]) => /^(AWS|MY|LAMBDA|_H)/.test(n)))`;
    const given = withCode(`export const handler = () => { ${say.replace('WHAT', what)} }`);
    const resources = {
      ...given.resources,
      Fn: lambda('drain', { Environment: { Variables: { MY: 'value' } } }),
    };
    const Source = queue({ VisibilityTimeout: 5 });
    await using test = await testCloud({ ...given, resources: { ...resources, Source } });
    const lines = collectLines<{ what: Record<string, string> }>(test.cloud);
    await send(test.clients, test.output('Source'), ['x']);
    const { what: env } = await eventually(() => lines[0]);
    expect(env).toMatchObject({
      MY: 'value',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'drain-role',
      AWS_ENDPOINT_URL_SQS: test.cloud.endpoints.sqs,
      AWS_ENDPOINT_URL_S3: test.cloud.endpoints.s3,
      AWS_ENDPOINT_URL_DYNAMODB: test.cloud.endpoints.dynamodb,
      AWS_LAMBDA_FUNCTION_NAME: 'Test-Fn',
    });
    expect(process.env.AWS_LAMBDA_FUNCTION_NAME).toBeUndefined();
  });

  it('cannot import what its bundle left out, though the repository has it', async () => {
    await using test = await testCloud(withCode(`import 'zod'; export const handler = () => {};`));
    const lines: string[] = [];
    test.cloud.onFunctionLine((_name, line) => lines.push(line));
    await send(test.clients, test.output('Source'), ['x']);
    expect(await eventually(() => lines.find((line) => line.startsWith('ERROR')))).toMatch(/"?zod"?/);
  });

  it('has no global require in a module, as in Lambda', async () => {
    const given = withCode(`export const handler = () => { ${say.replace('WHAT', 'typeof require')} }`);
    await using test = await testCloud(given);
    const lines = collectLines<{ what: string }>(test.cloud);
    await send(test.clients, test.output('Source'), ['x']);
    expect((await eventually(() => lines[0])).what).toBe('undefined');
  });

  it('may be CommonJS in a .js file, whatever the repository around it is', async () => {
    const code = `const { join } = require('node:path'); exports.handler = () => { ${say.replace('WHAT', `join('a', 'b')`)} }`;
    await using test = await testCloud(withCode(code, 'index.js'));
    const lines = collectLines<{ what: string }>(test.cloud);
    await send(test.clients, test.output('Source'), ['x']);
    expect((await eventually(() => lines[0])).what).toBe('a/b');
  });
});

/** Leaves messages in the queue of a run that has no function to take them. */
async function preload(into: string, bodies: readonly string[]): Promise<void> {
  const { Source, Dead } = stack({ queue: { VisibilityTimeout: 30 } }).resources;
  const resources = { ...(Source && { Source }), ...(Dead && { Dead }) };
  await using test = await testCloud(
    { resources, outputs: { Source: { Value: { Ref: 'Source' } } } },
    { into },
  );
  await send(test.clients, test.output('Source'), bodies);
}
