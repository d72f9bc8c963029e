import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStores } from '../../local/aws/stores.ts';
import { encodeMessage } from '../../shared/message.ts';
import { LAKE } from '../../shared/names.ts';
import { eventually } from '../support/eventually.ts';
import { snapshot } from '../support/snapshots.ts';
import { System } from './system.ts';

const MESSAGES = 500;
const POISON_SEQ = 25;
const POISON = '{"schema":1,"kind":"snapshot","id":"home:1785300000000-k3x9qa:25"}';

describe('500 messages that wait for the drain, one of them poison', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start({ bridges: ['home'] });
    await system.stopCloud();
    {
      await using stores = await openStores({ dir: system.awsDirectory });
      const { sqs } = stores.clients('test');
      const bodies = Array.from({ length: MESSAGES }, (_, index) =>
        index + 1 === POISON_SEQ ? POISON : encodeMessage(snapshot({ seq: index + 1 })),
      );
      for (let at = 0; at < MESSAGES; at += 10) {
        await sqs.send(
          new SendMessageBatchCommand({
            QueueUrl: stores.outputs.snapshotQueueUrl,
            Entries: bodies.slice(at, at + 10).map((MessageBody, id) => ({ Id: String(id), MessageBody })),
          }),
        );
      }
    }
    await system.startCloud();
  }, 60_000);
  afterAll(() => system?.[Symbol.asyncDispose]());

  it('go through in batches of exactly 50, and all neighbours of the poison are stored', async () => {
    await eventually(
      async () => {
        const [row] = await system.ask(
          'select count(distinct snapshot_id)::integer as stored from snapshots',
        );
        return row?.stored === MESSAGES - 1;
      },
      { what: '499 stored', deadlineMs: 20_000 },
    );
    const drain = system.cloud
      .triggers()
      .find(({ source }) => source === system.cloud.outputs.snapshotQueueUrl);
    expect(drain).toMatchObject({
      maxBatch: 50,
      batches: MESSAGES / 50,
      records: MESSAGES,
      failedRecords: 1,
    });
    const objects = await system.ask(
      'select count(*)::integer as rows from raw group by object_key order by rows',
    );
    expect(objects.map(({ rows }) => rows)).toEqual([49, ...Array(9).fill(50)]);
  });

  it('keep the poison under dead/ with its body and causes, FAILED in the audit, after its last try', async () => {
    const { auditTable } = system.cloud.outputs;
    const id = `home:1785300000000-k3x9qa:${POISON_SEQ}`;
    const audit = await eventually(
      async () => {
        const found = await system.item(auditTable, { id });
        return found?.status === 'FAILED' ? found : undefined;
      },
      { what: 'FAILED in the audit', deadlineMs: 90_000 },
    );
    expect(JSON.stringify(audit.causes)).toMatch(/bridge: .*epoch: /);
    const [letter, ...others] = await system.objects(LAKE.dead);
    expect(others).toEqual([]);
    expect(letter?.body).toBe(POISON);
  }, 100_000);
});
