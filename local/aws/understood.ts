import { z } from 'zod';
import { COMPARISONS, MISSING_TREATMENTS } from '../../shared/local-metrics.ts';
import { parseCron } from './cron.ts';

/**
 * What of a template the local run knows. A resource type or property that is on no list here stops the run: a
 * trigger or a filter that is silently absent would make every test of it pass for nothing.
 */

/** Resource types that nothing here acts on, and why that does no harm. */
export const IGNORED_TYPES: Readonly<Record<string, string>> = {
  'AWS::Logs::LogGroup': 'handlers log to files of the state directory',
  'AWS::CloudWatch::CompositeAlarm': 'there is no CloudWatch here',
  'AWS::SNS::Topic': 'nobody is told of alarms here',
  'AWS::SNS::TopicPolicy': 'nobody is told of alarms here',
  'AWS::SNS::Subscription': 'nobody is told of alarms here',
  'AWS::Glue::Database': 'there is no Athena here: `slotwise query` asks the same',
  'AWS::Glue::Table': 'there is no Athena here: `slotwise query` asks the same',
  'AWS::Athena::WorkGroup': 'there is no Athena here: `slotwise query` asks the same',
  'AWS::RolesAnywhere::TrustAnchor': 'nobody signs in here: a bridge signs as itself',
  'AWS::RolesAnywhere::Profile': 'nobody signs in here: a bridge signs as itself',
  'AWS::IAM::User': 'nobody signs as a user here: a bridge signs as itself',
  'AWS::CDK::Metadata': 'tells AWS which constructs are in use',
};

/** Properties of known types that nothing here acts on, and why that does no harm. */
export const IGNORED_PROPERTIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'AWS::SQS::Queue': {
    SqsManagedSseEnabled: 'nothing is encrypted here',
    KmsMasterKeyId: 'nothing is encrypted here',
    KmsDataKeyReusePeriodSeconds: 'nothing is encrypted here',
    RedriveAllowPolicy: 'says who may name this queue as theirs',
    Tags: 'labels',
  },
  'AWS::DynamoDB::Table': {
    BillingMode: 'nothing is throttled here',
    ProvisionedThroughput: 'nothing is throttled here',
    PointInTimeRecoverySpecification: 'there is no backup here',
    DeletionProtectionEnabled: 'nothing here deletes a table',
    SSESpecification: 'nothing is encrypted here',
    ContributorInsightsSpecification: 'there is no CloudWatch here',
    TableClass: 'a price',
    Tags: 'labels',
  },
  'AWS::S3::Bucket': {
    BucketEncryption: 'nothing is encrypted here',
    LifecycleConfiguration: 'a local run keeps every object',
    OwnershipControls: 'there is one account',
    PublicAccessBlockConfiguration: 'the front door is loopback only',
    VersioningConfiguration: 'only the newest version can be read here, which is all that is ever read',
    Tags: 'labels',
  },
  'AWS::Lambda::Function': {
    Architectures: 'bundles are JavaScript and run on the architecture of this machine',
    Description: 'a label',
    EphemeralStorage: 'handlers use the disk of this machine',
    LoggingConfig: 'handlers log to files of the state directory',
    TracingConfig: 'there is no X-Ray here',
    Tags: 'labels',
  },
  'AWS::IAM::Role': {
    AssumeRolePolicyDocument: 'nobody assumes a role here: every component signs as its own',
    Description: 'a label',
    MaxSessionDuration: 'keys do not expire here',
    Path: 'a label',
    Tags: 'labels',
  },
  'AWS::IAM::Policy': attachment('PolicyName'),
  'AWS::IAM::ManagedPolicy': attachment('ManagedPolicyName', 'Description', 'Path'),
  'AWS::Events::Rule': { Description: 'a label', Tags: 'labels' },
  'AWS::CloudWatch::Alarm': {
    AlarmActions: 'nobody is told of alarms here',
    OKActions: 'nobody is told of alarms here',
    InsufficientDataActions: 'nobody is told of alarms here',
    Tags: 'labels',
  },
  'AWS::Lambda::EventSourceMapping': {
    KmsKeyArn: 'nothing is encrypted here',
    Tags: 'labels',
  },
};

/** Whom a policy is for is read apart from what it says; people and groups have nobody here. */
function attachment(...labels: readonly string[]): Readonly<Record<string, string>> {
  const known = Object.fromEntries(labels.map((label) => [label, 'a label']));
  return { ...known, Roles: 'read by permissions.ts', Users: 'nobody here', Groups: 'nobody here' };
}

const count = z.coerce.number().int().nonnegative();
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
const responseTypes = z.array(z.literal('ReportBatchItemFailures')).default([]);

const keySchema = z.array(z.strictObject({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }));

export const queueProperties = z.strictObject({
  QueueName: z.string().optional(),
  FifoQueue: flag.pipe(z.literal(false, 'FIFO queues are not understood by the local run')).optional(),
  VisibilityTimeout: count.default(30),
  MessageRetentionPeriod: count.default(345_600),
  ReceiveMessageWaitTimeSeconds: count.default(0),
  DelaySeconds: count.default(0),
  MaximumMessageSize: count.default(1_048_576),
  RedrivePolicy: z
    .strictObject({ deadLetterTargetArn: z.string(), maxReceiveCount: z.coerce.number().int().positive() })
    .optional(),
});

export const tableProperties = z.strictObject({
  TableName: z.string().optional(),
  KeySchema: keySchema,
  AttributeDefinitions: z.array(
    z.strictObject({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) }),
  ),
  GlobalSecondaryIndexes: z
    .array(
      z.strictObject({
        IndexName: z.string(),
        KeySchema: keySchema,
        Projection: z.strictObject({
          ProjectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']),
          NonKeyAttributes: z.array(z.string()).optional(),
        }),
      }),
    )
    .default([]),
  StreamSpecification: z
    .strictObject({
      StreamViewType: z.enum(['NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES', 'KEYS_ONLY']),
    })
    .optional(),
  TimeToLiveSpecification: z.strictObject({ AttributeName: z.string(), Enabled: flag }).optional(),
});

export const bucketProperties = z.strictObject({ BucketName: z.string().optional() });

export const functionProperties = z.strictObject({
  FunctionName: z.string().optional(),
  Runtime: z.string().startsWith('nodejs', 'only Node.js functions run here'),
  Handler: z.string().regex(/^[\w./-]+\.\w+$/, 'must be "<file>.<export>"'),
  Role: z.string(),
  Code: z.strictObject({ S3Bucket: z.string(), S3Key: z.string() }),
  Environment: z.strictObject({ Variables: z.record(z.string(), z.string()).default({}) }).optional(),
  Timeout: count.default(3),
  MemorySize: count.default(128),
});

/** Both kinds share what every mapping has. Lambda's own defaults: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html */
const mapping = {
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  Enabled: flag.pipe(z.literal(true, 'a disabled mapping is not understood by the local run')).optional(),
  FunctionResponseTypes: responseTypes,
};

export const queueMappingProperties = z
  .strictObject({
    ...mapping,
    BatchSize: z.coerce.number().int().min(1).max(10_000).default(10),
    MaximumBatchingWindowInSeconds: z.coerce.number().int().min(0).max(300).default(0),
    ScalingConfig: z
      .strictObject({ MaximumConcurrency: z.coerce.number().int().min(2).max(1000) })
      .optional(),
  })
  .refine(
    ({ BatchSize, MaximumBatchingWindowInSeconds }) => BatchSize <= 10 || MaximumBatchingWindowInSeconds >= 1,
    {
      path: ['MaximumBatchingWindowInSeconds'],
      message: 'a BatchSize above 10 needs a window of at least 1 s: Lambda refuses this mapping',
    },
  );

export const streamMappingProperties = z.strictObject({
  ...mapping,
  BatchSize: z.coerce.number().int().min(1).max(10_000).default(100),
  MaximumBatchingWindowInSeconds: z.coerce
    .number()
    .pipe(z.literal(0, 'a window on a stream is not understood by the local run'))
    .optional(),
  StartingPosition: z.enum(['TRIM_HORIZON', 'LATEST']),
  ParallelizationFactor: z.coerce
    .number()
    .pipe(z.literal(1, 'several batches of a shard at once are not understood by the local run'))
    .optional(),
  BisectBatchOnFunctionError: flag.default(false),
  MaximumRetryAttempts: z.coerce.number().int().min(-1).max(10_000).default(-1),
  MaximumRecordAgeInSeconds: z.coerce.number().int().min(-1).max(604_800).default(-1),
  DestinationConfig: z
    .strictObject({ OnFailure: z.strictObject({ Destination: z.string() }).optional() })
    .optional(),
});

export const ruleProperties = z.strictObject({
  Name: z.string().optional(),
  ScheduleExpression: z.string().transform((text, context) => {
    const cron = parseCron(text);
    if (cron !== undefined) return cron;
    context.addIssue({
      code: 'custom',
      message: 'is not understood by the local run: once an hour or a day is',
    });
    return z.NEVER;
  }),
  State: z.literal('ENABLED', 'a rule that is switched off is not understood by the local run').optional(),
  Targets: z.tuple([z.strictObject({ Arn: z.string(), Id: z.string(), Input: z.string() })]),
});

export const permissionProperties = z.strictObject({
  Action: z.literal('lambda:InvokeFunction'),
  FunctionName: z.string(),
  Principal: z.literal('events.amazonaws.com'),
  SourceArn: z.string(),
});

const dimensions = z.array(z.strictObject({ Name: z.string(), Value: z.string() })).default([]);
const statistic = z.string();
const period = z.coerce.number().int().positive();

/** One metric, or several with an expression over them. */
export const alarmProperties = z.strictObject({
  AlarmName: z.string().optional(),
  AlarmDescription: z.string().default(''),
  ComparisonOperator: z.enum(COMPARISONS),
  Threshold: z.coerce.number(),
  EvaluationPeriods: z.coerce.number().int().positive(),
  DatapointsToAlarm: z.coerce.number().int().positive().optional(),
  TreatMissingData: z.enum(MISSING_TREATMENTS).default('missing'),
  MetricName: z.string().optional(),
  Namespace: z.string().optional(),
  Dimensions: dimensions,
  Statistic: statistic.optional(),
  ExtendedStatistic: statistic.optional(),
  Period: period.optional(),
  Metrics: z
    .array(
      z.strictObject({
        Id: z.string(),
        Label: z.string().optional(),
        ReturnData: flag.default(true),
        Expression: z.string().optional(),
        Period: period.optional(),
        MetricStat: z
          .strictObject({
            Metric: z.strictObject({
              Namespace: z.string(),
              MetricName: z.string(),
              Dimensions: dimensions,
            }),
            Period: period,
            Stat: statistic,
          })
          .optional(),
      }),
    )
    .optional(),
});

export const dashboardProperties = z.strictObject({
  DashboardName: z.string().optional(),
  DashboardBody: z.string(),
});

export const UNDERSTOOD_TYPES = [
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::SQS::Queue',
  'AWS::DynamoDB::Table',
  'AWS::S3::Bucket',
  'AWS::Lambda::Function',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Permission',
  'AWS::Events::Rule',
  'AWS::IAM::Role',
  'AWS::IAM::Policy',
  'AWS::IAM::ManagedPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::S3::BucketPolicy',
] as const;

export type UnderstoodType = (typeof UNDERSTOOD_TYPES)[number];
