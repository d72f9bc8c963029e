import { CfnOutput, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { EventSourceMapping, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { COMPACT, DEAD_LETTER, FEED } from '../../shared/limits.ts';
import { FUNCTION_ENV, LAKE, OUTPUTS } from '../../shared/names.ts';
import { acknowledgeKeys } from '../constructs/acknowledge.ts';
import { AddressAccess } from '../constructs/address-access.ts';
import { BridgeAccess } from '../constructs/bridge-access.ts';
import { CertificateAccess } from '../constructs/certificate-access.ts';
import { consume } from '../constructs/consume.ts';
import { Handler } from '../constructs/handler.ts';
import { type NativeTarget, nativePackages } from '../constructs/native-packages.ts';
import { PatientQueue } from '../constructs/patient-queue.ts';
import { allow } from '../constructs/statement.ts';
import type { Settings } from '../settings.ts';
import type { StateStack } from './state.ts';

/** UTC. Not on the hour, when everybody's schedules run; the night's, when late rows of yesterday are there. */
const COMPACT_SCHEDULES = {
  CompactHourly: { pass: 'hourly', schedule: { minute: '7' } },
  CompactNightly: { pass: 'nightly', schedule: { minute: '37', hour: '1' } },
} as const;

/**
 * What moves data between the parts of the state: it can be deleted and deployed again without a loss. The feed
 * queues are here, because a bridge's scan brings back whatever they held, and because a bridge that leaves the
 * list could not be removed if another stack imported its queue.
 */
export class ProcessingStack extends Stack {
  readonly drain: Handler;
  readonly deadLetter: Handler;
  readonly feed: Handler;
  readonly compact: Handler;
  /** By bridge id. */
  readonly feeds: ReadonlyMap<string, Queue>;
  /** Metadata of the stream's records that the feed function could not take, not the records. */
  readonly feedFailures: Queue;

  constructor(
    scope: Construct,
    id: string,
    props: {
      readonly state: StateStack;
      readonly settings: Settings;
      /** Certificate of the trader's authority; without one no certificate opens anything. */
      readonly authorityPem: string | undefined;
    },
  ) {
    super(scope, id, { description: 'slotwise: functions, their triggers and the access of the bridges.' });
    const { state, settings, authorityPem } = props;
    this.drain = this.#addDrain(state, settings);
    this.deadLetter = this.#addDeadLetter(state, settings);
    this.feeds = new Map(
      settings.bridges.map((bridge) => [
        bridge,
        this.#addQueue(
          `Feed-${bridge}`,
          'The bridge deletes what it cannot read, and its scan of the registry brings what that carried.',
        ),
      ]),
    );
    this.feedFailures = this.#addQueue(
      'FeedFailures',
      'It is the failure destination of the stream, which AWS knows by its event source mapping alone.',
    );
    this.feed = this.#addFeed(state, settings);
    this.compact = this.#addCompact(state, settings);
    const access = new Map(
      [...this.feeds].map(([bridge, feed]) => [
        bridge,
        new BridgeAccess(this, `Bridge-${bridge}`, { bridge, feed, state }),
      ]),
    );
    if (authorityPem !== undefined) new CertificateAccess(this, 'Certificates', { authorityPem, access });
    const sourceIps = settings.bridgeAccess?.sourceIps;
    if (sourceIps !== undefined) new AddressAccess(this, 'Addresses', { sourceIps, access });
    new CfnOutput(this, OUTPUTS.feedQueueUrls, { value: this.#feedQueueUrls() });
  }

  /** Snapshots -> lake, positions, audit. */
  #addDrain(state: StateStack, settings: Settings): Handler {
    const { drain } = settings;
    const handler = new Handler(this, 'Drain', {
      directory: 'functions/drain',
      description: 'Empties the snapshot queue into the lake, keeps positions and audit',
      timeoutS: drain.timeoutS,
      memoryMb: drain.memoryMb,
      settings,
      environment: {
        [FUNCTION_ENV.lakeBucket]: state.lake.bucketName,
        [FUNCTION_ENV.positionsTable]: state.positions.tableName,
        [FUNCTION_ENV.auditTable]: state.audit.tableName,
      },
      statements: [
        consume('ConsumeSnapshots', state.snapshots),
        allow('WriteLake', {
          actions: ['s3:PutObject'],
          resources: [state.lake.arnForObjects(`${LAKE.raw}*`)],
        }),
        allow('WriteDeclarations', {
          actions: ['s3:PutObject'],
          resources: [state.lake.arnForObjects(`${LAKE.ledger}*`)],
        }),
        allow('WritePositions', { actions: ['dynamodb:PutItem'], resources: [state.positions.tableArn] }),
        allow('KeepAudit', {
          actions: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
          resources: [state.audit.tableArn],
        }),
      ],
    });
    new EventSourceMapping(this, 'DrainTrigger', {
      target: handler.function,
      eventSourceArn: state.snapshots.queueArn,
      batchSize: drain.batchSize,
      maxBatchingWindow: Duration.seconds(drain.batchWindowS),
      reportBatchItemFailures: true,
    }).node.addDependency(handler.role);
    acknowledgeKeys(handler.role, [LAKE.raw, LAKE.ledger]);
    return handler;
  }

  /** What failed for good -> its raw body in the lake, its causes in the audit. */
  #addDeadLetter(state: StateStack, settings: Settings): Handler {
    const handler = new Handler(this, 'DeadLetter', {
      directory: 'functions/dead-letter',
      description: 'Keeps the raw body of what could not be stored and marks it as failed',
      timeoutS: DEAD_LETTER.timeoutS,
      memoryMb: DEAD_LETTER.memoryMb,
      settings,
      environment: {
        [FUNCTION_ENV.lakeBucket]: state.lake.bucketName,
        [FUNCTION_ENV.auditTable]: state.audit.tableName,
      },
      statements: [
        consume('ConsumeDeadLetters', state.snapshotDeadLetters),
        allow('KeepRawBodies', {
          actions: ['s3:PutObject'],
          resources: [state.lake.arnForObjects(`${LAKE.dead}*`)],
        }),
        allow('MarkFailed', {
          actions: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
          resources: [state.audit.tableArn],
        }),
      ],
    });
    new EventSourceMapping(this, 'DeadLetterTrigger', {
      target: handler.function,
      eventSourceArn: state.snapshotDeadLetters.queueArn,
      batchSize: DEAD_LETTER.batchSize,
      reportBatchItemFailures: true,
    }).node.addDependency(handler.role);
    acknowledgeKeys(handler.role, [LAKE.dead]);
    return handler;
  }

  /** Registry stream -> the feed queue of every bridge. */
  #addFeed(state: StateStack, settings: Settings): Handler {
    const stream = state.registry.tableStreamArn;
    if (stream === undefined) throw new RangeError('the registry needs a stream');
    const failures = this.feedFailures;
    const handler = new Handler(this, 'Feed', {
      directory: 'functions/feed',
      description: 'Sends every change of the registry to the feed queue of each bridge',
      timeoutS: FEED.timeoutS,
      memoryMb: FEED.memoryMb,
      settings,
      environment: { [FUNCTION_ENV.feedQueueUrls]: this.#feedQueueUrls() },
      statements: [
        allow('ReadRegistryStream', {
          actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
          resources: [stream],
        }),
        allow('ListStreams', { actions: ['dynamodb:ListStreams'], resources: ['*'] }),
        allow('SendFeeds', {
          actions: ['sqs:SendMessage'],
          resources: [...this.feeds.values()].map((queue) => queue.queueArn),
        }),
        allow('ReportFailures', { actions: ['sqs:SendMessage'], resources: [failures.queueArn] }),
      ],
    });
    // Retries without a bound would let one poisoned record block the shard until the stream forgets it.
    new EventSourceMapping(this, 'FeedTrigger', {
      target: handler.function,
      eventSourceArn: stream,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: FEED.batchSize,
      bisectBatchOnError: true,
      retryAttempts: settings.feed.retryAttempts,
      maxRecordAge: Duration.seconds(settings.feed.recordAgeMaxS),
      // Not SqsDlq: that would add a grant of its own, wider than the statement above.
      onFailure: { bind: () => ({ destination: failures.queueArn }) },
      reportBatchItemFailures: true,
    }).node.addDependency(handler.role);
    Validations.of(handler.role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'AWS offers no resource for dynamodb:ListStreams; a grant on the stream allows nothing. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html',
    });
    return handler;
  }

  /** Raw objects -> the Delta table. */
  #addCompact(state: StateStack, settings: Settings): Handler {
    const { lake } = state;
    const handler = new Handler(this, 'Compact', {
      directory: 'functions/compact',
      description: 'Brings the raw objects of a day into the Delta table, each id once',
      timeoutS: COMPACT.timeoutS,
      memoryMb: COMPACT.memoryMb,
      diskMb: COMPACT.diskMb,
      native: nativePackages(nativeTarget(settings)),
      settings,
      environment: {
        [FUNCTION_ENV.lakeBucket]: lake.bucketName,
        [FUNCTION_ENV.compactGraceS]: String(settings.compact.graceS),
      },
      statements: [
        allow('ListLake', { actions: ['s3:ListBucket'], resources: [lake.bucketArn] }),
        allow('ReadRaw', { actions: ['s3:GetObject'], resources: [lake.arnForObjects(`${LAKE.raw}*`)] }),
        allow('RetireRaw', { actions: ['s3:DeleteObject'], resources: [lake.arnForObjects(`${LAKE.raw}*`)] }),
        allow('KeepTable', {
          actions: ['s3:GetObject', 's3:PutObject'],
          resources: [lake.arnForObjects(`${LAKE.table}*`)],
        }),
        // The files of a day, never the log.
        allow('VacuumTable', {
          actions: ['s3:DeleteObject'],
          resources: [lake.arnForObjects(`${LAKE.table}dt=*`)],
        }),
      ],
    });
    for (const [id, { pass, schedule }] of Object.entries(COMPACT_SCHEDULES)) {
      new Rule(this, id, {
        description: `Compacts the lake, ${pass}`,
        schedule: Schedule.cron(schedule),
        targets: [new LambdaFunction(handler.function, { event: RuleTargetInput.fromObject({ pass }) })],
      });
    }
    acknowledgeKeys(handler.role, [LAKE.raw, LAKE.table, `${LAKE.table}dt=`]);
    return handler;
  }

  /** @param reason why it has no dead-letter queue */
  #addQueue(id: string, reason: string): Queue {
    const queue = new PatientQueue(this, id, {
      visibilityTimeoutS: FEED.queueVisibilityTimeoutS,
      keep: false,
    });
    Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason });
    return queue;
  }

  #feedQueueUrls(): string {
    const urls = [...this.feeds].map(([bridge, queue]) => [bridge, queue.queueUrl] as const);
    return this.toJsonString(Object.fromEntries(urls));
  }
}

function nativeTarget({ runsHere, architecture }: Settings): NativeTarget {
  return runsHere ? 'this machine' : { cpu: architecture === 'arm64' ? 'arm64' : 'x64' };
}
