import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OUTPUTS } from '../../shared/names.ts';
import { type Synthesized, synthesized } from '../support/synthesized.ts';

let app: Synthesized;

beforeAll(() => {
  app = synthesized({ bridges: ['home', 'cloud'] });
}, 60_000);

afterAll(() => app[Symbol.dispose]());

describe('the state stack', () => {
  it('keeps what holds data, under the same logical ids for ever: another id is another, empty resource', () => {
    const kept = Object.entries(app.state.toJSON().Resources as Resources)
      .filter(([, { Type }]) => !Type.endsWith('Policy'))
      .map(([id, { Type, DeletionPolicy, UpdateReplacePolicy }]) =>
        [id, Type, DeletionPolicy, UpdateReplacePolicy].join(' '),
      );
    expect(kept.sort()).toEqual([
      'Audit3D8ADE0A AWS::DynamoDB::Table Retain Retain',
      'Lake5F1B88EA AWS::S3::Bucket Retain Retain',
      'PositionsB10BB777 AWS::DynamoDB::Table Retain Retain',
      'Registry4DB9CCA5 AWS::DynamoDB::Table Retain Retain',
      'SnapshotDeadLettersDCA86516 AWS::SQS::Queue Retain Retain',
      'SnapshotsD03D071C AWS::SQS::Queue Retain Retain',
    ]);
  });

  it('cannot be deleted by accident', () => {
    const manifest = JSON.parse(readFileSync(join(app.directory, 'manifest.json'), 'utf8'));
    expect(manifest.artifacts.SlotwiseState.properties.terminationProtection).toBe(true);
    app.state.allResourcesProperties('AWS::DynamoDB::Table', {
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      BillingMode: 'PAY_PER_REQUEST',
    });
  });

  it('gives a snapshot five tries, with time for each, and two weeks for all', () => {
    app.state.hasResource('AWS::SQS::Queue', {
      Properties: {
        VisibilityTimeout: 365,
        MessageRetentionPeriod: 1_209_600,
        RedrivePolicy: {
          maxReceiveCount: 5,
          deadLetterTargetArn: { 'Fn::GetAtt': ['SnapshotDeadLettersDCA86516', 'Arn'] },
        },
      },
    });
  });

  it('has a registry with a stream of new images, and neither positions nor audit with one', () => {
    app.state.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
    });
    app.state.resourcePropertiesCountIs('AWS::DynamoDB::Table', { StreamSpecification: Match.anyValue() }, 1);
  });

  it('forgets closed positions and old audits by their own time', () => {
    const TimeToLiveSpecification = { AttributeName: 'expiresAt', Enabled: true };
    app.state.resourcePropertiesCountIs('AWS::DynamoDB::Table', { TimeToLiveSpecification }, 2);
    app.state.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: 'account', KeyType: 'HASH' },
        { AttributeName: 'conId', KeyType: 'RANGE' },
      ],
      TimeToLiveSpecification,
    });
  });

  it('finds failures by day', () => {
    app.state.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'failures',
          KeySchema: [
            { AttributeName: 'failedDay', KeyType: 'HASH' },
            { AttributeName: 'updatedAt', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    });
  });

  it('has a lake that is private, encrypted and versioned', () => {
    app.state.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      VersioningConfiguration: { Status: 'Enabled' },
    });
  });
});

describe('every queue', () => {
  it('is encrypted, and refuses whoever comes without TLS', () => {
    for (const template of [app.state, app.processing]) {
      template.allResourcesProperties('AWS::SQS::Queue', {
        SqsManagedSseEnabled: true,
        MessageRetentionPeriod: 1_209_600,
      });
      const queues = Object.keys(template.findResources('AWS::SQS::Queue'));
      template.resourceCountIs('AWS::SQS::QueuePolicy', queues.length);
      template.allResourcesProperties('AWS::SQS::QueuePolicy', tlsOnly('sqs:*'));
    }
    app.state.allResourcesProperties('AWS::S3::BucketPolicy', tlsOnly('s3:*'));
  });
});

describe('the functions', () => {
  it('run on Node 24 on arm64, write JSON, and keep their logs for 30 days', () => {
    app.processing.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      LoggingConfig: { LogFormat: 'JSON', LogGroup: Match.anyValue() },
    });
    const functions = Object.keys(app.processing.findResources('AWS::Lambda::Function'));
    expect(functions).toHaveLength(4);
    app.processing.resourcePropertiesCountIs('AWS::Logs::LogGroup', { RetentionInDays: 30 }, 4);
  });

  it('take their batches as the limits say, and report failures one by one', () => {
    app.processing.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 50,
      MaximumBatchingWindowInSeconds: 5,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    app.processing.resourcePropertiesCountIs(
      'AWS::Lambda::EventSourceMapping',
      { FunctionResponseTypes: ['ReportBatchItemFailures'] },
      3,
    );
  });

  it('never let one poisoned registry record block the stream', () => {
    const [failures = ''] = Object.keys(app.processing.findResources('AWS::SQS::Queue')).filter((id) =>
      id.startsWith('FeedFailures'),
    );
    app.processing.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 100,
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 10,
      MaximumRecordAgeInSeconds: 3600,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [failures, 'Arn'] } } },
    });
  });

  it('compact once an hour and once a night, with room for what a large day spills', () => {
    const target = (pass: string) => ({
      Targets: [Match.objectLike({ Input: JSON.stringify({ pass }) })],
      State: 'ENABLED',
    });
    const schedules = { 'cron(7 * * * ? *)': 'hourly', 'cron(37 1 * * ? *)': 'nightly' };
    for (const [ScheduleExpression, pass] of Object.entries(schedules)) {
      app.processing.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression, ...target(pass) });
    }
    app.processing.resourceCountIs('AWS::Events::Rule', 2);
    app.processing.hasResourceProperties('AWS::Lambda::Function', {
      Timeout: 900,
      MemorySize: 1024,
      EphemeralStorage: { Size: 2048 },
      Environment: { Variables: { COMPACT_GRACE_S: '604800' } },
    });
  });

  it('reserve no concurrency: a new account could not deploy that', () => {
    app.processing.resourcePropertiesCountIs(
      'AWS::Lambda::Function',
      { ReservedConcurrentExecutions: Match.anyValue() },
      0,
    );
  });
});

describe('the outputs', () => {
  it('are what bridge and command line read, by name', () => {
    const names = [app.state, app.processing].flatMap((template) => Object.keys(template.findOutputs('*')));
    expect(names).toEqual(expect.arrayContaining(Object.values(OUTPUTS)));
  });

  it('name a feed queue for every bridge', () => {
    const { Value } = app.processing.toJSON().Outputs[OUTPUTS.feedQueueUrls];
    const [separator, parts] = Value['Fn::Join'];
    const text = parts.map((part: unknown) => (typeof part === 'string' ? part : 'url')).join(separator);
    expect(JSON.parse(text)).toEqual({ home: 'url', cloud: 'url' });
  });
});

type Resources = Record<string, { Type: string; DeletionPolicy?: string; UpdateReplacePolicy?: string }>;

function tlsOnly(action: string) {
  return {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Effect: 'Deny',
          Action: action,
          Principal: { AWS: '*' },
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        }),
      ]),
    },
  };
}
