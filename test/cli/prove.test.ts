import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_DIR } from '../../cli/target.ts';
import { Audit } from '../../functions/audit.ts';
import { bury } from '../../functions/dead-letter/dead-letter.ts';
import { declarationKey } from '../../functions/drain/declarations.ts';
import { drain } from '../../functions/drain/drain.ts';
import { Positions } from '../../functions/drain/positions.ts';
import { Lake } from '../../functions/lake.ts';
import { sha256 } from '../../shared/digest.ts';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { type Drop, encodeMessage, type Ledger } from '../../shared/message.ts';
import { OUTPUTS, rawKey } from '../../shared/names.ts';
import { TABLES } from '../support/dynamodb.ts';
import { drop, ledger } from '../support/messages.ts';
import { snapshot } from '../support/snapshots.ts';
import { record } from '../support/sqs-records.ts';
import { putRawObject } from './lake/rows.ts';
import { outputsText, startTestRun, type TestRun } from './local-run.ts';
import { type Finished, slotwise } from './run-slotwise.ts';

const EPOCH = '1785300000000-k3x9qa';
const idOf = (seq: number) => `home:${EPOCH}:${seq}`;

let run: TestRun;
let sqs: SQSClient;
let queueUrl: string;

beforeAll(async () => {
  run = await startTestRun();
  sqs = new SQSClient({
    endpoint: run.s3.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
});

beforeEach(async () => {
  const QueueName = `snapshots-${Date.now()}`;
  const { QueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '30' } }),
  );
  // The emulator names a host that no resolver knows.
  queueUrl = QueueUrl.replace(/^https?:\/\/[^/]+/, run.s3.endpoint);
  const outputs = JSON.parse(outputsText({ bucket: run.s3.bucket }));
  outputs['slotwise-state'][OUTPUTS.snapshotQueueUrl] = queueUrl;
  await writeFile(join(run.cwd, DEFAULT_DIR, LOCAL_RUN.outputsFile), JSON.stringify(outputs));
});

afterEach(() => run.s3.empty());

afterAll(async () => {
  sqs.destroy();
  await run[Symbol.asyncDispose]();
});

function command(...args: string[]): Promise<Finished> {
  return slotwise(args, { cwd: run.cwd });
}

async function declare(message: Ledger | Drop): Promise<void> {
  const object = { Bucket: run.s3.bucket, Key: declarationKey(message), Body: encodeMessage(message) };
  await run.s3.client.send(new PutObjectCommand(object));
}

/** Two raw objects with the numbers 1 to 3 and 4 to 6, and the ledger of all. @returns their keys */
async function twoObjects(overrides: Partial<Ledger> = {}): Promise<[string, string]> {
  const batch = (...seqs: number[]) => seqs.map((seq) => ({ snapshot: snapshot({ seq }) }));
  const keys: [string, string] = [
    await putRawObject(run.s3.client, run.s3.bucket, batch(1, 2, 3)),
    await putRawObject(run.s3.client, run.s3.bucket, batch(4, 5, 6)),
  ];
  const ids = [1, 2, 3, 4, 5, 6].map((seq) => `${idOf(seq)}\n`).join('');
  const digest = createHash('sha256').update(ids).digest('hex');
  await declare(
    ledger({ last: 6, count: 6, acknowledged: 6, digest, began: { cause: 'start' }, ...overrides }),
  );
  return keys;
}

function stores() {
  return {
    lake: new Lake(run.s3.client, run.s3.bucket),
    positions: new Positions(run.dynamodb.documents, TABLES.positions),
    audit: new Audit(run.dynamodb.documents, TABLES.audit),
  };
}

describe('slotwise verify', () => {
  it('is balanced when the lake has what the ledger says', async () => {
    await twoObjects();
    const finished = await command('verify');
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    expect(finished.stdout).toMatch(/^BRIDGE +EPOCH +PRODUCED[^\n]*\nhome +\S+ +6 +6 +0 +0 +0 +0 +0 +0\n/);
    expect(finished.stdout).toMatch(/\nbalanced\n$/);
  });

  it('names every id of a raw object that somebody deleted', async () => {
    const [, second] = await twoObjects();
    await run.s3.client.send(new DeleteObjectCommand({ Bucket: run.s3.bucket, Key: second }));
    const finished = await command('verify');
    expect(finished.code).toBe(1);
    expect(finished.stdout).toContain(`lost:\n  ${idOf(4)}\n  ${idOf(5)}\n  ${idOf(6)}\nlost\n`);
    const { stdout } = await command('verify', '--day', '2026-11-20', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'lost',
      produced: 6,
      stored: 3,
      lost: 3,
      lostIds: [idOf(4), idOf(5), idOf(6)],
      day: { start: '2026-11-19T23:00:00.000Z', end: '2026-11-20T23:00:00.000Z' },
    });
  });

  it('does not call lost what a drop declares, or what the outbox still has', async () => {
    const [, second] = await twoObjects({ acknowledged: 3 });
    await run.s3.client.send(new DeleteObjectCommand({ Bucket: run.s3.bucket, Key: second }));
    expect(await command('verify')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/\nundecided\n$/),
    });
    await declare(drop({ first: 4, last: 6 }));
    expect(await command('verify')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nbalanced\n$/),
    });
  });

  it('sees a row that the ledger does not name', async () => {
    await twoObjects({ digest: 'c'.repeat(64) });
    const finished = await command('verify');
    expect(finished).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('other ids than the ledger names'),
    });
  });

  it('says that it knows nothing of a day without snapshots', async () => {
    await twoObjects();
    const finished = await command('verify', '--day', '2026-11-25');
    expect(finished).toMatchObject({ code: 3, stdout: expect.stringContaining('nothing known') });
  });
});

describe('slotwise audit and dlq', () => {
  const poison = '{"schema":1,"kind":"snapshot","account":"DU1234567"}';

  it('tell of a stored, a failing, a queued and a waiting snapshot, and send a dead one again', async () => {
    const good = snapshot({ seq: 1 });
    const { id } = snapshot({ seq: 2, contract: { ...good.contract, conId: 42 } });
    const broken = JSON.stringify({
      ...snapshot({ seq: 2, contract: { ...good.contract, conId: 42 } }),
      currency: 1,
      quantity: 'x',
    });
    await drain([record(good), record(broken, { messageId: 'm2', attempt: 1 })], stores());
    await declare(ledger({ last: 4, count: 4, acknowledged: 3 }));

    const stored = JSON.parse((await command('audit', good.id, '--json')).stdout);
    expect(stored).toMatchObject({ status: 'SUCCESS', attempts: 1, conId: 728937835, priority: 2 });
    expect(stored.objectKey).toMatch(/^raw\/v1\/dt=2026-11-20\//);
    const failing = await command('audit', id);
    expect(failing.stdout).toMatch(/status +RETRYING\n[\s\S]*attempt 1 .*quantity/);
    expect(JSON.parse((await command('audit', idOf(3), '--json')).stdout)).toMatchObject({
      status: 'QUEUED',
    });
    expect(JSON.parse((await command('audit', idOf(4), '--json')).stdout)).toMatchObject({
      status: 'WAITING',
    });
    expect(await command('audit', idOf(5))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nobody knows'),
    });
    const byContract = JSON.parse((await command('audit', '--con-id', '728937835', '--json')).stdout);
    expect(byContract).toMatchObject([{ id: good.id, status: 'SUCCESS', observedAt: good.observedAt }]);
    expect(JSON.parse((await command('audit', '--con-id', '42', '--json')).stdout)).toMatchObject([{ id }]);
    // With a day nothing of another one is opened: this would be no Parquet.
    const Key = rawKey('2026-11-18', sha256(''));
    await run.s3.client.send(new PutObjectCommand({ Bucket: run.s3.bucket, Key, Body: '' }));
    const ofDay = await command('audit', '--con-id', '728937835', '--day', '2026-11-20', '--json');
    expect(JSON.parse(ofDay.stdout)).toMatchObject([{ id: good.id }]);

    await bury([record(broken, { messageId: 'm2' }), record(poison, { messageId: 'm3' })], stores());
    const failed = JSON.parse((await command('audit', '--failed', '--json')).stdout);
    expect(failed.map(({ id: one, status }: { id: string; status: string }) => [one, status]).sort()).toEqual(
      [
        [id, 'FAILED'],
        ['sqs:m3', 'FAILED'],
      ],
    );

    const listed = await command('dlq', 'list', '--filter', 'QUANTITY');
    expect(listed.stdout).toMatch(/^MESSAGE[^\n]*\nm2 +\S+:2 +dead [^\n]*quantity[^\n]*\n$/);
    const shown = await command('dlq', 'show', 'm3');
    expect(shown.stdout).toContain('"account":"DU***67"');
    expect((await command('dlq', 'show', 'm3', '--show-accounts')).stdout).toContain(poison);
    expect(await command('dlq', 'show', 'm9')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('m9'),
    });

    expect(await command('dlq', 'redrive', 'm3')).toMatchObject({
      code: 0,
      stdout: '1 sent, 0 stored already\n',
    });
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
    );
    expect(Messages.map(({ Body }) => Body)).toEqual([poison]);
  });

  it('a body that was redriven twice is one row, and no redrive sends it a third time', async () => {
    const one = snapshot({ seq: 7 });
    await bury([record(one, { messageId: 'm7' })], stores());
    expect(await command('dlq', 'redrive')).toMatchObject({ stdout: '1 sent, 0 stored already\n' });
    expect(await command('dlq', 'redrive')).toMatchObject({ stdout: '1 sent, 0 stored already\n' });
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
    );
    expect(Messages).toHaveLength(2);
    for (const { Body = '', MessageId = '' } of Messages) {
      await drain([record(Body, { messageId: MessageId })], stores());
    }
    const counted = await command('query', '--csv', 'select count(*) as n from raw');
    expect(counted.stdout).toBe('n\n1\n');
    expect(await command('dlq', 'redrive')).toMatchObject({ stdout: '0 sent, 1 stored already\n' });
    expect((await command('dlq', 'list')).stdout).toMatch(/m7 +\S+ +stored /);
  });
});

describe('what is asked of them', () => {
  it.each([
    [['audit'], 'give one snapshot id, or --failed, or --con-id'],
    [['audit', idOf(1), '--failed'], 'give one snapshot id'],
    [['audit', idOf(1), '--day', '2026-11-20'], '--day goes with'],
    [['audit', '--con-id', 'SPY'], 'must be a contract id'],
    [['verify', '--day', 'yesterday'], 'must be a date such as'],
  ])('%j is refused with the reason', async (args, reason) => {
    expect(await command(...args)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(reason),
    });
  });
});
