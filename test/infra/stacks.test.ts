import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match, type Template } from 'aws-cdk-lib/assertions';
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
        VisibilityTimeout: 420,
        MessageRetentionPeriod: 1_209_600,
        RedrivePolicy: {
          maxReceiveCount: 5,
          deadLetterTargetArn: { 'Fn::GetAtt': ['SnapshotDeadLettersDCA86516', 'Arn'] },
        },
      },
    });
  });

  it('hides what is in work for six timeouts of its function and the window, as AWS asks', () => {
    const visibility = (queue: string) => propertiesOf(app.state, 'AWS::SQS::Queue', queue).VisibilityTimeout;
    const timeout = (name: string) =>
      propertiesOf(app.ingest, 'AWS::Lambda::Function', `${name}Function`).Timeout;
    const { MaximumBatchingWindowInSeconds: windowS } = propertiesOf(
      app.ingest,
      'AWS::Lambda::EventSourceMapping',
      'DrainTrigger',
    );
    expect(visibility('SnapshotsD03D071C')).toBe(6 * Number(timeout('Drain')) + Number(windowS));
    expect(visibility('SnapshotDeadLetters')).toBe(6 * Number(timeout('DeadLetter')));
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

  it('encrypts its tables with the key that AWS owns: no other key is there to be paid, granted or lost', () => {
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-table-ssespecification.html
    app.state.allResourcesProperties('AWS::DynamoDB::Table', { SSESpecification: { SSEEnabled: false } });
    for (const template of app.all) template.resourceCountIs('AWS::KMS::Key', 0);
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
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
  });

  it('brings back what was deleted from the lake for 30 days, and lets nothing that is there expire', () => {
    const { LifecycleConfiguration } = propertiesOf(app.state, 'AWS::S3::Bucket', 'Lake');
    expect(LifecycleConfiguration).toEqual({
      Rules: [
        {
          Id: 'forget-what-was-replaced',
          Status: 'Enabled',
          NoncurrentVersionExpiration: { NoncurrentDays: 30 },
          ExpiredObjectDeleteMarker: true,
          AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
        },
      ],
    });
  });

  it('speaks with nobody below TLS 1.2 about the lake', () => {
    app.state.allResourcesProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: 's3:*',
            Principal: { AWS: '*' },
            Condition: { NumericLessThan: { 's3:TlsVersion': 1.2 } },
          }),
        ]),
      },
    });
  });
});

describe('the resources', () => {
  it('let nobody in by policies of their own but the alarms that publish', () => {
    const policies = app.all.flatMap((template) =>
      ['AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy', 'AWS::SNS::TopicPolicy'].flatMap((type) =>
        Object.values(template.findResources(type)),
      ),
    );
    expect(policies).toHaveLength(7);
    const statements = policies.flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as { Sid?: string; Effect: string }[],
    );
    const grants = statements.filter(({ Effect }) => Effect !== 'Deny');
    expect(grants.map(({ Sid }) => Sid)).toEqual(['PublishAlarms']);
  });

  it('let nobody call a function but the schedule that names it', () => {
    for (const template of app.all) template.resourceCountIs('AWS::Lambda::Url', 0);
    app.feed.resourceCountIs('AWS::Lambda::Permission', 0);
    app.ingest.resourceCountIs('AWS::Lambda::Permission', 2);
    app.ingest.allResourcesProperties('AWS::Lambda::Permission', {
      Action: 'lambda:InvokeFunction',
      Principal: 'events.amazonaws.com',
      SourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Compact'), 'Arn'] },
    });
  });
});

describe('every queue', () => {
  it('of snapshots alone gives up: a feed waits for its bridge, and failures for a person', () => {
    app.state.resourcePropertiesCountIs('AWS::SQS::Queue', { RedrivePolicy: Match.anyValue() }, 1);
    app.feed.resourcePropertiesCountIs('AWS::SQS::Queue', { RedrivePolicy: Match.anyValue() }, 0);
    app.feed.allResourcesProperties('AWS::SQS::Queue', { VisibilityTimeout: 30 });
  });

  it('is encrypted, and refuses whoever comes without TLS', () => {
    for (const template of [app.state, app.feed]) {
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
    const counts = [app.ingest, app.feed].map((template) => {
      template.allResourcesProperties('AWS::Lambda::Function', {
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        LoggingConfig: { LogFormat: 'JSON', LogGroup: Match.anyValue() },
      });
      const functions = Object.values(template.findResources('AWS::Lambda::Function'));
      const written = functions.map(({ Properties }) => Properties.LoggingConfig.LogGroup.Ref as string);
      expect(written.sort()).toEqual(Object.keys(template.findResources('AWS::Logs::LogGroup')).sort());
      template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
      return functions.length;
    });
    expect(counts).toEqual([3, 1]);
  });

  it('take their batches as the limits say, and report failures one by one', () => {
    app.ingest.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 50,
      MaximumBatchingWindowInSeconds: 60,
    });
    for (const [template, mappings] of [[app.ingest, 2] as const, [app.feed, 1] as const]) {
      template.resourceCountIs('AWS::Lambda::EventSourceMapping', mappings);
      template.allResourcesProperties('AWS::Lambda::EventSourceMapping', {
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      });
    }
  });

  it('never let one poisoned registry record block the stream', () => {
    const [failures = ''] = Object.keys(app.feed.findResources('AWS::SQS::Queue')).filter((id) =>
      id.startsWith('FeedFailures'),
    );
    app.feed.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
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
      app.ingest.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression, ...target(pass) });
    }
    app.ingest.resourceCountIs('AWS::Events::Rule', 2);
    app.ingest.hasResourceProperties('AWS::Lambda::Function', {
      Timeout: 900,
      MemorySize: 1024,
      EphemeralStorage: { Size: 2048 },
      Environment: { Variables: { COMPACT_GRACE_S: '604800' } },
    });
  });

  it('reserve no concurrency: a new account could not deploy that', () => {
    for (const template of app.all) {
      const ReservedConcurrentExecutions = Match.anyValue();
      template.resourcePropertiesCountIs('AWS::Lambda::Function', { ReservedConcurrentExecutions }, 0);
    }
  });

  it('have no limit of pollers: with one, Lambda never goes down to two on a quiet queue', () => {
    for (const template of app.all) {
      const ScalingConfig = Match.anyValue();
      template.resourcePropertiesCountIs('AWS::Lambda::EventSourceMapping', { ScalingConfig }, 0);
    }
  });
});

describe('a bridge that leaves the list', () => {
  it('is held back by nothing that another stack imports', () => {
    const { Outputs } = app.feed.toJSON() as { Outputs: Record<string, { Export?: unknown }> };
    expect(Object.keys(Outputs).length).toBeGreaterThan(1);
    expect(Object.values(Outputs).filter(({ Export }) => Export !== undefined)).toEqual([]);
    expect(app.bridgeAccess.toJSON().Outputs).toBeUndefined();
  });

  it('takes its queue, its policy and its alarms with it, and changes no other resource', () => {
    using without = synthesized({ bridges: ['home'] });
    const gone = app.all.flatMap((template, index) => {
      const rest = Object.keys(without.all[index]?.toJSON().Resources);
      return Object.keys(template.toJSON().Resources).filter((id) => !rest.includes(id));
    });
    expect(gone.length).toBeGreaterThan(3);
    expect(gone.filter((id) => !id.includes('cloud'))).toEqual([]);
    expect(without.state.toJSON()).toEqual(app.state.toJSON());
    expect(without.ingest.toJSON()).toEqual(app.ingest.toJSON());
  });
});

describe('the outputs', () => {
  it('are what bridge and command line read, by name', () => {
    const names = app.all.flatMap((template) => Object.keys(template.findOutputs('*')));
    expect(names).toEqual(expect.arrayContaining(Object.values(OUTPUTS)));
  });

  it('name a feed queue for every bridge', () => {
    const { Value } = app.feed.toJSON().Outputs[OUTPUTS.feedQueueUrls];
    const [separator, parts] = Value['Fn::Join'];
    const text = parts.map((part: unknown) => (typeof part === 'string' ? part : 'url')).join(separator);
    expect(JSON.parse(text)).toEqual({ home: 'url', cloud: 'url' });
  });
});

type Resources = Record<string, { Type: string; DeletionPolicy?: string; UpdateReplacePolicy?: string }>;

/** Of the one resource whose logical id begins so. */
function propertiesOf(template: Template, type: string, id: string): Record<string, unknown> {
  const found = Object.entries(template.findResources(type)).filter(([one]) => one.startsWith(id));
  expect(found, id).toHaveLength(1);
  return found[0]?.[1].Properties;
}

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
