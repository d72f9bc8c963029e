import type { SQSRecord } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readAuditItems } from '../../../cli/audit/read.ts';
import { Audit } from '../../../functions/audit.ts';
import { bury } from '../../../functions/dead-letter/dead-letter.ts';
import { drain } from '../../../functions/drain/drain.ts';
import { Positions } from '../../../functions/drain/positions.ts';
import { Lake } from '../../../functions/lake.ts';
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

const sentAt = '2026-11-20T23:59:59.000Z';
const key = 'dead/v1/dt=2026-11-20/m1.json';

describe('the dead-letter function', () => {
  it('keeps the raw body with the causes of all attempts, and marks the audit as failed', async () => {
    const body = '{"schema":1,"kind":"snapshot", "account":"DU1234567"';
    for (const attempt of [1, 2, 3, 4, 5]) await runDrain(record(body, { messageId: 'm1', sentAt, attempt }));
    const outcome = await runBury(record(body, { messageId: 'm1', sentAt, attempt: 6 }));

    expect(outcome.buried).toMatchObject([{ objectKey: key, auditId: 'sqs:m1' }]);
    const envelope = await json(key);
    expect(envelope).toMatchObject({ schema: 1, messageId: 'm1', sentAt, body });
    expect(envelope.causes.map(({ attempt }: { attempt: number }) => attempt)).toEqual([1, 2, 3, 4, 5]);
    const item = await auditItem('sqs:m1');
    expect(item).toMatchObject({ status: 'FAILED', attempts: 5, objectKey: key, undecodable: true });
    expect(item?.causes).toHaveLength(5);
    expect(item?.causes?.[0]?.text).toMatch(/^not JSON/);
  });

  it('finds the audit of a broken snapshot under its own id', async () => {
    const { contract: _contract, ...broken } = snapshot({ seq: 7 });
    const one = record(JSON.stringify(broken), { messageId: 'm1', sentAt });
    await runDrain(one);
    await runBury(one);
    const item = await auditItem(broken.id);
    expect(item).toMatchObject({ status: 'FAILED', objectKey: key });
    expect(item?.causes?.[0]?.text).toMatch(/^snapshot: contract/);
    expect(await json(key)).toMatchObject({ snapshotId: broken.id });
  });

  it('keeps the second body of an id, and leaves the first one stored', async () => {
    const good = snapshot({ seq: 1 });
    await runDrain(record(good));
    const forged = record(snapshot({ seq: 1, quantity: '-300' }), { messageId: 'm1', sentAt });
    await runDrain(forged);
    await runBury(forged);
    expect(await auditItem(good.id)).toMatchObject({ status: 'SUCCESS' });
    expect(await auditItem('sqs:m1')).toMatchObject({ status: 'FAILED', snapshotId: good.id });
    expect(JSON.parse((await json(key)).body).quantity).toBe('-300');
  });

  it('buries a second body whose attempts left no cause: that the first is stored says nothing of it', async () => {
    await runDrain(record(snapshot({ seq: 1 })));
    const outcome = await runBury(
      record(snapshot({ seq: 1, quantity: '-300' }), { messageId: 'm1', sentAt }),
    );
    expect(outcome.buried).toMatchObject([{ objectKey: key, auditId: 'sqs:m1' }]);
    expect(await auditItem(snapshot({ seq: 1 }).id)).toMatchObject({ status: 'SUCCESS' });
  });

  it('buries nothing that is stored after all', async () => {
    const stored = record(snapshot(), { messageId: 'm1', sentAt });
    await runDrain(stored);
    const outcome = await runBury(stored);
    expect(outcome).toMatchObject({ buried: [], failures: [], alive: [{ messageId: 'm1' }] });
    expect(await services.objectKeys('dead/')).toEqual([]);
  });

  it('says so when no attempt left a cause', async () => {
    await runBury(record(snapshot(), { messageId: 'm1', sentAt }));
    const item = await auditItem(snapshot().id);
    expect(item).toMatchObject({ status: 'FAILED', conId: 728937835 });
    expect(item?.causes?.[0]?.text).toContain('ended each time before');
  });

  it('does the same once more without harm', async () => {
    const one = record('nonsense', { messageId: 'm1', sentAt });
    await runBury(one);
    const first = await services.objectBytes(key);
    const again = await runBury(one);
    expect(again.failures).toEqual([]);
    expect(await services.objectBytes(key)).toEqual(first);
    expect((await auditItem('sqs:m1'))?.causes).toHaveLength(1);
  });

  it.each([
    ['the lake', 's3', 'PutObject'],
    ['the audit', 'dynamodb', 'UpdateItem'],
    ['the audit for reading', 'dynamodb', 'BatchGetItem'],
  ] as const)(
    'leaves the message in the queue while %s is away, and buries it afterwards',
    async (_, service, name) => {
      const one = record('nonsense', { messageId: 'm1', sentAt });
      services.refuse(
        service,
        ({ headers }) => service === 's3' || headers['x-amz-target']?.endsWith(name) === true,
      );
      expect((await runBury(one)).failures).toMatchObject([{ received: { messageId: 'm1' } }]);
      services.refuse(service, undefined);
      expect((await runBury(one)).buried).toMatchObject([{ objectKey: key }]);
      expect(await auditItem('sqs:m1')).toMatchObject({ status: 'FAILED', objectKey: key });
    },
  );

  it('stores a buried message that is sent again once its fault is mended', async () => {
    const one = record(snapshot(), { messageId: 'm1', sentAt });
    services.refuse('s3', ({ url }) => url.includes('raw'));
    await runDrain(one);
    await runBury(one);
    expect(await auditItem(snapshot().id)).toMatchObject({ status: 'FAILED' });
    services.refuse('s3', undefined);
    await runDrain(record(snapshot(), { messageId: 'm2' }));
    const item = await auditItem(snapshot().id);
    expect(item).toMatchObject({ status: 'SUCCESS' });
    expect(item).not.toHaveProperty('failedDay');
  });
});

function runDrain(one: SQSRecord) {
  const { clients, documents, bucket, tables } = services;
  return drain([one], {
    lake: new Lake(clients.s3, bucket),
    positions: new Positions(documents, tables.positions),
    audit: new Audit(documents, tables.audit),
  });
}

function runBury(one: SQSRecord) {
  const { clients, documents, bucket, tables } = services;
  return bury([one], { lake: new Lake(clients.s3, bucket), audit: new Audit(documents, tables.audit) });
}

async function auditItem(id: string) {
  const { documents, tables } = services;
  return (await readAuditItems(documents, tables.audit, [id])).get(id);
}

async function json(objectKey: string) {
  return JSON.parse(Buffer.from(await services.objectBytes(objectKey)).toString('utf8'));
}
