import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingsOf } from '../../infra/settings.ts';
import { readAssembly } from '../../local/aws/assembly.ts';
import { planStores } from '../../local/aws/plan.ts';
import { CloudTemplate } from '../../local/aws/template.ts';
import { DRAIN } from '../../shared/limits.ts';
import { type Synthesized, synthesized } from '../support/synthesized.ts';

const bridges = ['home'];
const KEY = 'arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0';

describe('settingsOf', () => {
  it('takes the limits where nothing else is said', () => {
    const { drain, architecture, keepState } = settingsOf({ bridges });
    expect(drain).toEqual({
      batchSize: DRAIN.batchSize,
      batchWindowS: DRAIN.batchWindowS,
      timeoutS: DRAIN.timeoutS,
      memoryMb: DRAIN.memoryMb,
      visibilityTimeoutS: DRAIN.visibilityTimeoutS,
      maxReceiveCount: DRAIN.maxReceiveCount,
    });
    expect([architecture, keepState]).toEqual(['arm64', true]);
  });

  it('changes single values and leaves their neighbours', () => {
    const { drain } = settingsOf({ bridges, overrides: { drain: { batchWindowS: 1 } } });
    expect(drain).toMatchObject({ batchWindowS: 1, batchSize: DRAIN.batchSize });
  });

  it.each([
    [[], /must name at least one bridge/],
    [['home', 'home'], /must name each bridge once/],
    [['Home'], /must be lower-case letters/],
    ['home', /slotwise:bridges/],
    [undefined, /slotwise:bridges/],
  ])('refuses the bridges %j', (given, fault) => {
    expect(() => settingsOf({ bridges: given })).toThrow(fault);
  });

  it.each([
    [{ drain: { timeoutS: 61 } }, /visibilityTimeoutS must be at least 426/],
    [{ drain: { batchWindowS: 0 } }, /needs a drain.batchWindowS of at least 1/],
    [{ drain: { visibilityTimeoutS: 43_200, maxReceiveCount: 28 } }, /must be below 1209600/],
    [{ drain: { timeout: 10 } }, /timeout/],
    [{ compact: { graceS: 0 } }, /compact.graceS/],
    [{ compact: { memoryMb: 512 } }, /compact.memoryMb/],
    [{ compact: { hourlyMinute: 60 } }, /compact.hourlyMinute/],
    [{ compact: { nightlyAt: '24:00' } }, /must be a time of day in UTC/],
    [{ feed: { memoryMb: 64 } }, /feed.memoryMb/],
    [{ keyArn: 'arn:aws:kms:us-east-1:123456789012:alias/slotwise' }, /must be the ARN of a key/],
    [{ architecture: 'mips' }, /architecture/],
    [{ logRetentionDays: 31 }, /logRetentionDays/],
    [{ bridgeAccess: { sourceIps: ['203.0.113.7'] } }, /must be a CIDR block/],
    [{ bridgeAccess: { sourceIps: ['0.0.0.0/0'] } }, /must not be every address/],
    [{ bridgeAccess: { sourceIps: [] } }, /must name at least one address/],
    [{ bridgeAccess: { caCertificate: '' } }, /caCertificate/],
    ['fast', /slotwise:settings/],
  ])('refuses the settings %j', (overrides, fault) => {
    expect(() => settingsOf({ bridges, overrides })).toThrow(fault);
  });
});

describe('the settings', () => {
  it('reach the templates', () => {
    using other = synthesized({
      overrides: {
        architecture: 'x86_64',
        logRetentionDays: 7,
        keepState: false,
        drain: {
          batchSize: 20,
          batchWindowS: 2,
          timeoutS: 30,
          memoryMb: 300,
          visibilityTimeoutS: 200,
          maxReceiveCount: 3,
        },
        deadLetter: { memoryMb: 384 },
        feed: { retryAttempts: 4, recordAgeMaxS: 600, memoryMb: 128 },
        compact: { memoryMb: 2048, hourlyMinute: 0, nightlyAt: '00:05' },
      },
      runsHere: true,
    });
    const { state, ingest, feed } = other;
    for (const template of [ingest, feed]) {
      template.allResourcesProperties('AWS::Lambda::Function', { Architectures: ['x86_64'] });
      template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
    }
    ingest.hasResourceProperties('AWS::Lambda::Function', { Timeout: 30, MemorySize: 300 });
    ingest.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 20,
      MaximumBatchingWindowInSeconds: 2,
    });
    ingest.hasResourceProperties('AWS::Lambda::Function', {
      Description: Match.stringLikeRegexp('^Keeps the raw body'),
      MemorySize: 384,
    });
    ingest.hasResourceProperties('AWS::Lambda::Function', { Timeout: 900, MemorySize: 2048 });
    ingest.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'cron(0 * * * ? *)' });
    ingest.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'cron(5 0 * * ? *)' });
    feed.hasResourceProperties('AWS::Lambda::Function', { MemorySize: 128 });
    feed.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      MaximumRetryAttempts: 4,
      MaximumRecordAgeInSeconds: 600,
    });
    state.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 200,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 3 }),
    });
    state.allResourcesProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: false });
    for (const type of ['AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::SQS::Queue']) {
      state.allResources(type, { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    }
    const manifest = JSON.parse(readFileSync(join(other.directory, 'manifest.json'), 'utf8'));
    expect(manifest.artifacts.SlotwiseState.properties.terminationProtection).toBe(false);
  }, 60_000);
});

describe('a key of the installation', () => {
  let app: Synthesized;
  beforeAll(() => {
    const overrides = { keyArn: KEY, alarmEmail: 'trader@example.com' };
    app = synthesized({ bridges: ['home', 'cloud'], overrides, runsHere: true });
  });
  afterAll(() => app[Symbol.dispose]());

  it('encrypts every queue, table, object, log, alarm and answer', () => {
    for (const template of [app.state, app.feed]) {
      template.allResourcesProperties('AWS::SQS::Queue', { KmsMasterKeyId: KEY });
    }
    app.state.allResourcesProperties('AWS::DynamoDB::Table', {
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: KEY },
    });
    app.state.allResourcesProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KEY },
          },
        ],
      },
    });
    for (const template of [app.ingest, app.feed]) {
      template.allResourcesProperties('AWS::Logs::LogGroup', { KmsKeyId: KEY });
    }
    app.observability.allResourcesProperties('AWS::SNS::Topic', { KmsMasterKeyId: KEY });
    app.catalog.hasResourceProperties('AWS::Athena::WorkGroup', {
      WorkGroupConfiguration: {
        ManagedQueryResultsConfiguration: { Enabled: true, EncryptionConfiguration: { KmsKey: KEY } },
      },
    });
    for (const template of app.all) template.resourceCountIs('AWS::KMS::Key', 0);
  });

  it('is of use to functions and bridges for what they read and write, and they get no other', () => {
    const policies = app.all.flatMap((template) => [
      ...Object.values(template.findResources('AWS::IAM::Policy')),
      ...Object.values(template.findResources('AWS::IAM::ManagedPolicy')),
    ]);
    expect(policies).toHaveLength(6);
    for (const { Properties } of policies) {
      const statements = Properties.PolicyDocument.Statement as { Sid: string; Action: string | string[] }[];
      const ofKeys = statements.filter(({ Action }) => [Action].flat().some((one) => one.startsWith('kms:')));
      expect(ofKeys).toEqual([
        { Sid: 'UseKey', Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: KEY },
      ]);
    }
  });

  it('changes nothing else: the local run takes the same stacks', () => {
    const template = new CloudTemplate(readAssembly(app.directory), {
      region: 'us-east-1',
      sqsOrigin: 'http://127.0.0.1:9',
      streamArn: (name) => `arn:aws:dynamodb:us-east-1:000000000000:table/${name}/stream/1`,
    });
    const { queues, tables, buckets } = planStores(template);
    expect([queues.length, tables.length, buckets.length]).toEqual([5, 3, 1]);
  });
});
