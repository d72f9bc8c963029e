import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSRecord } from 'aws-lambda';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readAuditItems } from '../../../cli/audit/read.ts';
import { Audit } from '../../../functions/audit.ts';
import { drain } from '../../../functions/drain/drain.ts';
import { Positions } from '../../../functions/drain/positions.ts';
import { Lake } from '../../../functions/lake.ts';
import type { Snapshot } from '../../../shared/snapshot.ts';
import { drop, heartbeat, ledger } from '../../support/messages.ts';
import { startServices, type TestServices } from '../../support/services.ts';
import { snapshot } from '../../support/snapshots.ts';
import { record } from '../../support/sqs-records.ts';

let services: TestServices;

beforeAll(async () => {
  services = await startServices();
});

afterEach(() => services.reset());

afterAll(async () => {
  await services[Symbol.asyncDispose]();
});

/** Epoch, last, count and first of the ledger. */
const LEDGER =
  'ledger/v1/dt=2026-11-20/home/ledger-1785300000000-k3x9qa-0000000000000050-0000000000000050-0000000000000001';

describe('drain', () => {
  it('stores 49 of 50 records beside one poison, in one object of their day', async () => {
    const good = snapshots(49);
    const batch = [
      ...good.slice(0, 20).map(toRecord),
      record('{"schema":1'),
      ...good.slice(20).map(toRecord),
    ];
    const outcome = await run(batch);

    expect(outcome.counts).toMatchObject({ received: 50, stored: 49, failed: 1, objects: 1 });
    expect(failedIds(outcome)).toEqual([batch[20]?.messageId]);
    const [key = '', ...more] = await services.objectKeys('raw/');
    expect(more).toEqual([]);
    expect(key).toMatch(/^raw\/v1\/dt=2026-11-20\/[0-9a-f]{64}\.parquet$/);
    expect((await rows(key)).map((row) => row.snapshot_id).sort()).toEqual(good.map(({ id }) => id).sort());
    for (const { id } of good) {
      expect(await auditItem(id)).toMatchObject({ status: 'SUCCESS', objectKey: key, attempts: 1 });
    }
  });

  it('marks ten snapshots in one write, and each that had trouble in an item of its own', async () => {
    const [first, ...others] = snapshots(30);
    if (first === undefined) throw new Error('thirty snapshots are expected');
    services.refuse('s3', () => true);
    await run([toRecord(first)]);
    services.refuse('s3', undefined);
    const before = services.calls('UpdateItem');
    const outcome = await run([deliveredAgain(toRecord(first)), ...others.map(toRecord)]);
    expect(outcome.counts).toMatchObject({ stored: 30, failed: 0 });
    // Sequence numbers 1 to 9, 10 to 19, 20 to 29 and 30; the first page is refused for its first snapshot, which then
    // needs two writes, and written without it.
    expect(services.calls('UpdateItem') - before).toBe(4 + 1 + 2);
    for (const { id } of [first, ...others]) expect(await auditItem(id)).toMatchObject({ status: 'SUCCESS' });
    expect((await auditItem(first.id))?.causes).toHaveLength(1);
    const again = await run([first, ...others].map((one) => deliveredAgain(toRecord(one))));
    expect(again.counts).toMatchObject({ stored: 0, duplicates: 30 });
  });

  it('lets a failing copy of what is stored neither take the mark back nor leave a failure behind', async () => {
    const good = snapshot({ seq: 1 });
    await run([record(good, { messageId: 'one' })]);
    services.refuse('dynamodb', isOperation('BatchGetItem'));
    const outcome = await run([record(good, { messageId: 'copy' })]);
    services.refuse('dynamodb', undefined);
    expect(outcome.failures.map(({ auditId }) => auditId)).toEqual([undefined]);
    expect(await auditItem(good.id)).toMatchObject({ status: 'SUCCESS', attempts: 1 });
    expect(await auditItem('sqs:copy')).toBeUndefined();
  });

  it('writes one object per UTC day of observation', async () => {
    const before = snapshot({ seq: 1, observedAt: '2026-11-20T23:59:59.999Z' });
    const after = snapshot({ seq: 2, observedAt: '2026-11-21T00:00:00.000Z' });
    await run([toRecord(before), toRecord(after)]);
    const days = (await services.objectKeys('raw/')).map((key) => key.split('/')[2]);
    expect(days).toEqual(['dt=2026-11-20', 'dt=2026-11-21']);
  });

  it('writes the same object again on a retry, byte by byte, whenever that is and in whatever order', async () => {
    const batch = snapshots(10).map(toRecord);
    services.refuse('dynamodb', isOperation('UpdateItem'));
    const first = await run(batch);
    expect(first.counts.failed).toBe(10);
    const [key = ''] = await services.objectKeys('raw/');
    const before = await services.objectBytes(key);

    // Gone, so that the retry has to write and not merely to find.
    await services.clients.s3.send(new DeleteObjectCommand({ Bucket: services.bucket, Key: key }));
    services.refuse('dynamodb', undefined);
    const retried = await run(batch.toReversed().map((one) => deliveredAgain(one)));
    expect(retried.counts).toMatchObject({ stored: 10, failed: 0 });
    expect(await services.objectKeys('raw/')).toEqual([key]);
    expect(await services.objectBytes(key)).toEqual(before);
  });

  it('acknowledges a redelivered batch without writing anything', async () => {
    const batch = snapshots(5).map(toRecord);
    await run(batch);
    const writes = () =>
      services.calls('PutObject') + services.calls('UpdateItem') + services.calls('PutItem');
    const before = writes();
    const again = await run(batch.map((one) => deliveredAgain(one)));
    expect(again.counts).toMatchObject({ stored: 0, duplicates: 5, failed: 0 });
    expect(writes()).toBe(before);
  });

  it('fails another body under a stored id, names the id, and leaves the stored one alone', async () => {
    const good = snapshot({ seq: 1 });
    await run([toRecord(good)]);
    const forged = record(snapshot({ seq: 1, quantity: '-300' }), { messageId: 'forged' });
    const outcome = await run([forged]);

    expect(failedIds(outcome)).toEqual(['forged']);
    expect(await auditItem(good.id)).toMatchObject({ status: 'SUCCESS', conId: 728937835, priority: 2 });
    const item = await auditItem('sqs:forged');
    expect(item).toMatchObject({ status: 'RETRYING', snapshotId: good.id });
    expect(item?.causes?.[0]?.text).toContain('stands for another body');
    expect((await position()).quantity).toBe('-3');
  });

  it('lets only one of two bodies win when both are drained at the same moment', async () => {
    const outcomes = await Promise.all([
      run([record(snapshot({ seq: 1 }), { messageId: 'one' })]),
      run([record(snapshot({ seq: 1, quantity: '-300' }), { messageId: 'two' })]),
    ]);
    expect(outcomes.map(({ counts }) => counts.stored).sort()).toEqual([0, 1]);
    expect(outcomes.flatMap(failedIds)).toHaveLength(1);
  });

  it('stores a good body whose id a broken one had claimed, and keeps both audits', async () => {
    const good = snapshot({ seq: 1 });
    const { contract: _contract, ...broken } = good;
    await run([record(JSON.stringify(broken), { messageId: 'broken' })]);
    expect(await auditItem(good.id)).toMatchObject({ status: 'RETRYING', undecodable: true });
    const outcome = await run([toRecord(good)]);
    expect(outcome.counts).toMatchObject({ stored: 1, failed: 0 });
    const item = await auditItem(good.id);
    expect(item).toMatchObject({ status: 'SUCCESS' });
    expect(item).not.toHaveProperty('undecodable');
    expect(item).not.toHaveProperty('failedDay');
    // The broken one comes again and must not take the item back.
    await run([record(JSON.stringify(broken), { messageId: 'broken', attempt: 2 })]);
    expect(await auditItem(good.id)).toMatchObject({ status: 'SUCCESS' });
    expect(await auditItem('sqs:broken')).toMatchObject({ status: 'RETRYING', snapshotId: good.id });
  });

  it('writes each cause of a record that keeps failing into its audit', async () => {
    const tooMuch = snapshot({ seq: 1, averageCost: '10000000000' });
    await run([record(tooMuch, { messageId: 'big' })]);
    const outcome = await run([record(tooMuch, { messageId: 'big', attempt: 2 })]);
    expect(outcome.failures.map(({ auditId }) => auditId)).toEqual([tooMuch.id]);
    const item = await auditItem(tooMuch.id);
    expect(item).toMatchObject({
      status: 'RETRYING',
      attempts: 2,
      failedDay: new Date().toISOString().slice(0, 10),
    });
    expect(item?.causes?.map(({ attempt, text }) => [attempt, text])).toEqual([
      [1, 'RowFault: averageCost: 10000000000 does not fit DECIMAL(18,8)'],
      [2, 'RowFault: averageCost: 10000000000 does not fit DECIMAL(18,8)'],
    ]);
  });

  it('fails only the records of the day whose object could not be written', async () => {
    services.refuse('s3', ({ url }) => decodeURIComponent(url).includes('dt=2026-11-20'));
    const lost = snapshot({ seq: 1, observedAt: '2026-11-20T12:00:00.000Z' });
    const kept = snapshot({ seq: 2, observedAt: '2026-11-21T12:00:00.000Z' });
    const outcome = await run([record(lost, { messageId: 'lost' }), record(kept, { messageId: 'kept' })]);
    expect(failedIds(outcome)).toEqual(['lost']);
    expect(await auditItem(lost.id)).toMatchObject({ status: 'RETRYING' });
    expect(await auditItem(kept.id)).toMatchObject({ status: 'SUCCESS' });
  });

  it('fails only the records of the contract whose position could not be written', async () => {
    services.refuse(
      'dynamodb',
      (request) => isOperation('PutItem')(request) && request.body.includes('"111"'),
    );
    const contract = (conId: number) => ({ ...snapshot().contract, conId });
    const outcome = await run([
      record(snapshot({ seq: 1, contract: contract(111) }), { messageId: 'a' }),
      record(snapshot({ seq: 2, contract: contract(222) }), { messageId: 'b' }),
      record(snapshot({ seq: 3, contract: contract(111) }), { messageId: 'c' }),
    ]);
    expect(failedIds(outcome).sort()).toEqual(['a', 'c']);
    expect((await auditItem(snapshot({ seq: 2 }).id))?.status).toBe('SUCCESS');
    expect((await auditItem(snapshot({ seq: 3 }).id))?.status).toBe('RETRYING');
  });

  it('sends every snapshot back when the audit cannot be read, and still takes heartbeats and ledgers', async () => {
    services.refuse('dynamodb', isOperation('BatchGetItem'));
    const outcome = await run([
      record(snapshot(), { messageId: 'snapshot' }),
      record(heartbeat(), { messageId: 'heartbeat' }),
      record(ledger(), { messageId: 'ledger' }),
    ]);
    expect(failedIds(outcome)).toEqual(['snapshot']);
    expect(outcome.counts).toMatchObject({ heartbeats: 1, declarations: 1, stored: 0 });
    expect(await services.objectKeys('raw/')).toEqual([]);
  });

  it('fails every record and throws for none when nothing answers', async () => {
    services.refuse('dynamodb', () => true);
    services.refuse('s3', () => true);
    const batch = [record('nonsense'), record(snapshot()), record(heartbeat()), record(drop())];
    const outcome = await run(batch);
    expect(failedIds(outcome).sort()).toEqual(batch.map(({ messageId }) => messageId).sort());
    expect(outcome.failures.every(({ auditId }) => auditId === undefined)).toBe(true);
  });

  it('writes only the newest state of each contract, and leaves a newer one that is there', async () => {
    await run([toRecord(snapshot({ seq: 9, quantity: '-9' }))]);
    const before = services.calls('PutItem');
    await run([3, 1, 2].map((seq) => toRecord(snapshot({ seq, quantity: `-${seq}` }))));
    expect(services.calls('PutItem') - before).toBe(1);
    expect(await position()).toMatchObject({ quantity: '-9', seq: 9 });
  });

  it('keeps a closed position for 30 days after it was sent, and a reopened one for good', async () => {
    const closed = snapshot({ seq: 1, reason: 'closed', quantity: '0' });
    await run([record(closed, { sentAt: '2026-11-20T15:00:01.000Z' })]);
    expect((await position()).expiresAt).toBe(Date.parse('2026-12-20T15:00:01.000Z') / 1000);
    await run([toRecord(snapshot({ seq: 2 }))]);
    expect(await position()).not.toHaveProperty('expiresAt');
  });

  it('keeps a mark that DynamoDB would refuse: a vanishing greek is 0, an impossible price is absent', async () => {
    const mark = { delta: 1e-300, gamma: -Number.MIN_VALUE, bid: 1e300, ask: 0.05 };
    const outcome = await run([toRecord(snapshot({ seq: 1, mark }))]);
    expect(outcome.counts).toMatchObject({ stored: 1, failed: 0 });
    expect((await position()).mark).toEqual({ delta: 0, gamma: 0, ask: 0.05 });
  });

  it('keeps ledger and drop where their content says, once', async () => {
    const messages = [
      ledger(),
      drop(),
      ledger({ at: '2026-11-20T15:05:00.000Z' }),
      ledger({ acknowledged: 50 }),
    ];
    const outcome = await run(messages.map((message) => record(message)));
    expect(outcome.counts).toMatchObject({ declarations: 4, failed: 0 });
    expect(await services.objectKeys('ledger/')).toEqual([
      'ledger/v1/dt=2026-11-20/home/drop-1785300000000-k3x9qa-0000000000000007-0000000000000009.json',
      `${LEDGER}-0000000000000000-${'a'.repeat(64)}.json`,
      `${LEDGER}-0000000000000050-${'a'.repeat(64)}.json`,
    ]);
  });

  it('clears the failure of a ledger that passes at its second delivery', async () => {
    services.refuse('s3', () => true);
    await run([record(ledger(), { messageId: 'l' })]);
    expect(await auditItem('sqs:l')).toMatchObject({ status: 'RETRYING' });
    services.refuse('s3', undefined);
    await run([record(ledger(), { messageId: 'l', attempt: 2 })]);
    expect(await auditItem('sqs:l')).toMatchObject({ status: 'SUCCESS' });
  });
});

function run(batch: readonly SQSRecord[]) {
  const { clients, documents, bucket, tables } = services;
  return drain(batch, {
    lake: new Lake(clients.s3, bucket),
    positions: new Positions(documents, tables.positions),
    audit: new Audit(documents, tables.audit),
  });
}

function snapshots(count: number): Snapshot[] {
  return Array.from({ length: count }, (_, index) =>
    snapshot({ seq: index + 1, contract: { ...snapshot().contract, conId: 1000 + index } }),
  );
}

function toRecord(message: Snapshot): SQSRecord {
  return record(message);
}

function deliveredAgain(one: SQSRecord): SQSRecord {
  return { ...one, attributes: { ...one.attributes, ApproximateReceiveCount: '2' } };
}

function isOperation(operation: string) {
  return (request: { readonly headers: Readonly<Record<string, string>> }) =>
    request.headers['x-amz-target']?.endsWith(`.${operation}`) ?? false;
}

function failedIds(outcome: Awaited<ReturnType<typeof run>>): string[] {
  return outcome.failures.map(({ received }) => received.messageId);
}

async function rows(key: string): Promise<Record<string, unknown>[]> {
  const bytes = await services.objectBytes(key);
  return parquetReadObjects({ file: bytes.slice().buffer });
}

async function auditItem(id: string) {
  const { documents, tables } = services;
  return (await readAuditItems(documents, tables.audit, [id])).get(id);
}

async function position() {
  const Key = { account: 'DU9000001', conId: 728937835 };
  const { Item } = await services.documents.send(
    new GetCommand({ TableName: services.tables.positions, Key }),
  );
  return Item ?? {};
}
