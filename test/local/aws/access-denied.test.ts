import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCloud } from '../../../local/aws/cloud.ts';
import type { CloudLog, LocalCloud } from '../../../local/aws/cloud-types.ts';
import { encodeMessage } from '../../../shared/message.ts';
import { eventually } from '../../support/eventually.ts';
import { snapshot } from '../../support/snapshots.ts';
import { removeStatement } from '../../support/statements.ts';
import { type Synthesized, synthesized } from '../../support/synthesized.ts';
import { temporaryDirectory } from './support/temporary.ts';

describe('a stack that lacks two statements', () => {
  const dir = temporaryDirectory();
  const warnings: (Readonly<Record<string, unknown>> & { event: string })[] = [];
  const log: CloudLog = {
    info: () => {},
    warn: (event, fields = {}) => void warnings.push({ ...fields, event }),
  };
  let app: Synthesized;
  let cloud: LocalCloud;

  beforeAll(async () => {
    app = synthesized({
      bridges: ['home'],
      overrides: {
        drain: { batchWindowS: 1, timeoutS: 2, visibilityTimeoutS: 13, maxReceiveCount: 1 },
      },
      runsHere: true,
      bundles: true,
    });
    for (const sid of ['WriteLake', 'ReadLease']) removeStatement(app.directory, sid);
    cloud = await startCloud({ assembly: app.directory, dir: `${dir.path}/aws`, log });
  }, 60_000);
  afterAll(async () => {
    await cloud?.stop();
    app?.[Symbol.dispose]();
    dir[Symbol.dispose]();
  });

  it('is refused by each service in its own words, as its SDK client knows them', async () => {
    const { sqs, s3, dynamodb } = cloud.clients('bridge-home');
    const { outputs } = cloud;
    const lease = { account: { S: 'DU1111111' }, conId: { N: '0' } };
    await expect(
      dynamodb.send(new GetItemCommand({ TableName: outputs.positionsTable, Key: lease })),
    ).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(
        /dynamodb:GetItem on resource: arn:aws:dynamodb:.*missing in SlotwiseBridgeAccess\//,
      ),
      $metadata: { httpStatusCode: 400, attempts: 1 },
    });
    const dead = { QueueUrl: outputs.snapshotDeadLetterQueueUrl, MessageBody: 'x' };
    await expect(sqs.send(new SendMessageCommand(dead))).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('not authorized to perform: sqs:SendMessage'),
      $metadata: { httpStatusCode: 403, attempts: 1 },
    });
    const object = { Bucket: outputs.lakeBucket, Key: 'raw/v1/dt=2026-11-20/x.parquet' };
    await expect(s3.send(new GetObjectCommand(object))).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('s3:GetObject on resource: arn:aws:s3:::'),
      $metadata: { httpStatusCode: 403, attempts: 1 },
    });
    await expect(s3.send(new HeadObjectCommand(object))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('stores no snapshot, says so in the audit, and keeps the body as a dead letter', async () => {
    const { outputs } = cloud;
    const administrator = cloud.clients('test');
    const body = encodeMessage(snapshot({ seq: 1 }));
    // The bridge may still send: what was taken from its policy is something else.
    await cloud
      .clients('bridge-home')
      .sqs.send(new SendMessageCommand({ QueueUrl: outputs.snapshotQueueUrl, MessageBody: body }));
    const documents = DynamoDBDocumentClient.from(administrator.dynamodb);
    const audit = await eventually(
      async () => {
        const Key = { id: snapshot({ seq: 1 }).id };
        const { Item } = await documents.send(new GetCommand({ TableName: outputs.auditTable, Key }));
        return Item?.status === 'FAILED' ? Item : undefined;
      },
      { what: 'FAILED in the audit', deadlineMs: 50_000 },
    );
    expect(JSON.stringify(audit.causes)).toMatch(/AccessDenied.*s3:PutObject/);
    const written = cloud.journal.accesses().filter(({ action }) => action === 's3:PutObject');
    expect(written.map(({ resource, denied }) => [/lake\w+\/(\w+)/.exec(resource)?.[1], denied > 0])).toEqual(
      [
        ['raw', true],
        ['dead', false],
      ],
    );
    await cloud.idle(AbortSignal.timeout(10_000));
  }, 60_000);

  it('is news once for each thing that is refused, with the statement that is missing', () => {
    const denials = warnings.filter(({ event }) => event === 'access-denied');
    const puts = denials.filter(({ action }) => action === 's3:PutObject');
    expect(puts).toHaveLength(1);
    expect(puts[0]?.text).toMatch(/missing in SlotwiseIngest\/DrainRole\w+: \{"Effect":"Allow"/);
  });
});
