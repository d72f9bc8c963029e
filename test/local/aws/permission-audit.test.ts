import { describe, expect, it } from 'vitest';
import { BY_TLS } from '../../../local/aws/context.ts';
import type { RecordedAccess } from '../../../local/aws/journal.ts';
import { unneededStatements, unusedGrants } from '../../../local/aws/permission-audit.ts';
import type { Permissions, Statement } from '../../../local/aws/policy.ts';

const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:snapshots';
const OTHER = 'arn:aws:sqs:us-east-1:000000000000:other';

const allow = (Sid: string, Action: string[], Resource = [QUEUE]): Statement => ({
  Sid,
  Effect: 'Allow',
  Action,
  Resource,
});
const tlsOnly: Statement = {
  Sid: 'TlsOnly',
  Effect: 'Deny',
  Action: ['sqs:*'],
  Resource: [QUEUE],
  Principal: { AWS: '*' },
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
};
const permissions = (statements: readonly Statement[], queue: readonly Statement[] = []): Permissions => ({
  identities: new Map([['bridge', [{ name: 'Stack/Bridge', statements }]]]),
  resources: new Map([[QUEUE, { name: 'Stack/QueuePolicy', statements: queue }]]),
});
const sent: RecordedAccess = {
  principal: 'bridge',
  action: 'sqs:SendMessage',
  resource: QUEUE,
  context: BY_TLS,
  count: 3,
  denied: 0,
};

describe('statements held against what was recorded', () => {
  const unneeded = async (given: Permissions, accesses = [sent]) =>
    (await unneededStatements(given, accesses)).map(({ sid }) => sid);

  it('are needed when a recorded call is refused without them', async () => {
    expect(await unneeded(permissions([allow('Send', ['sqs:SendMessage'])]))).toEqual([]);
  });

  it('are not when no recorded call is, or when another statement allows it too', async () => {
    const read = allow('Read', ['sqs:ReceiveMessage']);
    expect(await unneeded(permissions([allow('Send', ['sqs:SendMessage']), read]))).toEqual(['Read']);
    const twice = [allow('Send', ['sqs:SendMessage']), allow('Again', ['sqs:*'])];
    expect(await unneeded(permissions(twice))).toEqual(['Send', 'Again']);
  });

  it('are not needed for a call that was refused with them', async () => {
    const refused = { ...sent, action: 'sqs:PurgeQueue', denied: 1 };
    expect(await unneeded(permissions([allow('Send', ['sqs:SendMessage'])]), [refused])).toEqual(['Send']);
  });

  it('that deny are needed when a recorded call would pass without TLS', async () => {
    const send = allow('Send', ['sqs:SendMessage']);
    expect(await unneeded(permissions([send], [tlsOnly]))).toEqual([]);
    const never: Statement = {
      ...tlsOnly,
      Sid: 'Never',
      Condition: { Bool: { 'aws:SecureTransport': 'x' } },
    };
    expect(await unneeded(permissions([send], [tlsOnly, never]))).toEqual(['Never']);
  });

  it('that no local run can use are left out', async () => {
    const log = allow('Log', ['logs:PutLogEvents'], ['arn:aws:logs:us-east-1:000000000000:log-group:x:*']);
    expect(await unneeded(permissions([allow('Send', ['sqs:SendMessage']), log]))).toEqual([]);
  });
});

describe('grants held against what was recorded', () => {
  it('are unused by pair of action and resource, with the reason where one is known', async () => {
    const statements = [
      allow('Send', ['sqs:SendMessage', 'sqs:GetQueueAttributes'], [QUEUE, OTHER]),
      allow('ReportFailures', ['sqs:DeleteMessage']),
    ];
    expect(await unusedGrants(permissions(statements), [sent])).toEqual([
      { principal: 'bridge', sid: 'Send', action: 'sqs:SendMessage', resource: OTHER },
      ...[QUEUE, OTHER].map((resource) => ({
        principal: 'bridge',
        sid: 'Send',
        action: 'sqs:GetQueueAttributes',
        resource,
        reason: expect.stringContaining('Lambda'),
      })),
      {
        principal: 'bridge',
        sid: 'ReportFailures',
        action: 'sqs:DeleteMessage',
        resource: QUEUE,
        reason: expect.stringContaining('could not take'),
      },
    ]);
  });

  it('of somebody who made no call are explained by that', async () => {
    expect(await unusedGrants(permissions([allow('Send', ['sqs:SendMessage'])]), [])).toMatchObject([
      { reason: 'made no call in this run' },
    ]);
  });
});
