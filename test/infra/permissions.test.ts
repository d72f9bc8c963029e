import type { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Synthesized, synthesized } from '../support/synthesized.ts';

let app: Synthesized;

beforeAll(() => {
  app = synthesized({ bridges: ['home', 'cloud'] });
}, 60_000);

afterAll(() => app[Symbol.dispose]());

describe('the permissions', () => {
  it('of each function are these and no others', () => {
    expect(grants('AWS::IAM::Policy', app.ingest, app.feed)).toEqual({
      Drain: {
        WriteOwnLog: 'logs:CreateLogStream logs:PutLogEvents on DrainLog',
        ConsumeSnapshots: 'sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage on Snapshots',
        WriteLake: 's3:PutObject on Lake/raw/v1/*',
        WriteDeclarations: 's3:PutObject on Lake/ledger/v1/*',
        WritePositions: 'dynamodb:PutItem on Positions',
        KeepAudit: 'dynamodb:BatchGetItem dynamodb:UpdateItem on Audit',
      },
      DeadLetter: {
        WriteOwnLog: 'logs:CreateLogStream logs:PutLogEvents on DeadLetterLog',
        ConsumeDeadLetters:
          'sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage on SnapshotDeadLetters',
        KeepRawBodies: 's3:PutObject on Lake/dead/v1/*',
        MarkFailed: 'dynamodb:BatchGetItem dynamodb:UpdateItem on Audit',
      },
      Feed: {
        WriteOwnLog: 'logs:CreateLogStream logs:PutLogEvents on FeedLog',
        ReadRegistryStream:
          'dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator on Registry stream',
        ListStreams: 'dynamodb:ListStreams on *',
        SendFeeds: 'sqs:SendMessage on Feedcloud Feedhome',
        ReportFailures: 'sqs:SendMessage on FeedFailures',
      },
      Compact: {
        WriteOwnLog: 'logs:CreateLogStream logs:PutLogEvents on CompactLog',
        ListLake: 's3:ListBucket on Lake',
        ReadRaw: 's3:GetObject on Lake/raw/v1/*',
        RetireRaw: 's3:DeleteObject on Lake/raw/v1/*',
        KeepTable: 's3:GetObject s3:PutObject on Lake/table/v1/*',
        VacuumTable: 's3:DeleteObject on Lake/table/v1/dt=*',
      },
    });
  });

  it('of a bridge reach its own feed and not the registry for writing, the lake or another feed', () => {
    const bridge = (feed: string) => ({
      SendSnapshots: 'sqs:SendMessage on Snapshots',
      ReceiveOwnFeed: `sqs:DeleteMessage sqs:ReceiveMessage on ${feed}`,
      ReadRegistry: 'dynamodb:GetItem dynamodb:Query on Registry',
      ReadPositions: 'dynamodb:Query on Positions',
      ReadLease: 'dynamodb:GetItem on Positions',
    });
    expect(grants('AWS::IAM::ManagedPolicy', app.bridgeAccess)).toEqual({
      Bridgehome: bridge('Feedhome'),
      Bridgecloud: bridge('Feedcloud'),
    });
  });

  it('come from nowhere else: no role has a managed policy of AWS', () => {
    for (const role of app.all.flatMap((each) => Object.values(each.findResources('AWS::IAM::Role')))) {
      expect(role.Properties.ManagedPolicyArns).toBeUndefined();
      expect(role.Properties.Policies).toBeUndefined();
    }
  });
});

/** Logical ids without CDK's suffixes -> name of the statement -> what it allows, as a sentence. */
function grants(type: string, ...templates: Template[]): Record<string, Record<string, string>> {
  const policies = templates.flatMap((template) => Object.entries(template.findResources(type)));
  return Object.fromEntries(
    policies.map(([id, { Properties }]) => {
      const statements = Properties.PolicyDocument.Statement as Statement[];
      const sentences = statements.map(({ Sid, Effect, Action, Resource }) => {
        expect(Effect).toBe('Allow');
        return [Sid, `${[Action].flat().sort().join(' ')} on ${named(Resource)}`];
      });
      return [id.replace(/(RoleDefault)?Policy[0-9A-F]{8}$/, ''), Object.fromEntries(sentences)];
    }),
  );
}

interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
}

interface StackOutput {
  readonly OutputName: string;
}

function named(resource: unknown): string {
  const resources = Array.isArray(resource) ? resource : [resource];
  return resources
    .map((one) => nameOf(one))
    .sort()
    .join(' ');
}

/** A reference of any kind -> the logical id that it leads to; text stays. */
function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[kind, of] = []] = Object.entries(value as Record<string, unknown>);
  if (kind === 'Fn::Join') return (of as [string, unknown[]])[1].map(nameOf).join('');
  if (kind === 'Fn::GetAtt') return bare((of as string[])[0] ?? '');
  if (kind === 'Fn::GetStackOutput') return nameOf({ 'Fn::ImportValue': (of as StackOutput).OutputName });
  if (kind !== 'Fn::ImportValue') throw new Error(`unexpected ${kind}`);
  const isStream = String(of).includes('StreamArn');
  const id = String(of)
    .replace(/^.*(Exports|Publish)OutputFnGetAtt/, '')
    .replace(/(Stream)?Arn[0-9A-F]{8}$/, '');
  return `${bare(id)}${isStream ? ' stream' : ''}`;
}

function bare(logicalId: string): string {
  return logicalId.replace(/[0-9A-F]{8}$/, '');
}
