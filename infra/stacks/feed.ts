import {
  CfnOutput,
  CrossStackReferences,
  Duration,
  ReferenceStrength,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { EventSourceMapping, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { FEED } from '../../shared/limits.ts';
import { FUNCTION_ENV, OUTPUTS } from '../../shared/names.ts';
import { customerKey } from '../constructs/customer-key.ts';
import { Handler } from '../constructs/handler.ts';
import { PatientQueue } from '../constructs/patient-queue.ts';
import { allow } from '../constructs/statement.ts';
import type { Settings } from '../settings.ts';
import type { StateStack } from './state.ts';

/**
 * From the registry to the bridges. The feed queues are here and not with the state: a bridge's scan brings back
 * whatever they held, so that this stack too can be deleted and deployed again without a loss.
 */
export class FeedStack extends Stack {
  readonly feed: Handler;
  /** By bridge id. */
  readonly queues: ReadonlyMap<string, Queue>;
  /** Metadata of the stream's records that the feed function could not take, not the records. */
  readonly failures: Queue;

  constructor(
    scope: Construct,
    id: string,
    props: { readonly state: StateStack; readonly settings: Settings },
  ) {
    super(scope, id, { description: 'slotwise: what brings changes of the registry to each bridge.' });
    const { state, settings } = props;
    const key = customerKey(this, settings);
    this.queues = new Map(
      settings.bridges.map((bridge) => [
        bridge,
        this.#addQueue(
          `Feed-${bridge}`,
          key,
          'The bridge deletes what it cannot read, and its scan of the registry brings what that carried.',
        ),
      ]),
    );
    this.failures = this.#addQueue(
      'FeedFailures',
      key,
      'It is the failure destination of the stream, which AWS knows by its event source mapping alone.',
    );
    this.feed = this.#addFeed(state, settings);
    new CfnOutput(this, OUTPUTS.feedQueueUrls, { value: this.#queueUrls() });
  }

  /** Registry stream -> the feed queue of every bridge. */
  #addFeed(state: StateStack, settings: Settings): Handler {
    const stream = state.registry.tableStreamArn;
    if (stream === undefined) throw new RangeError('the registry needs a stream');
    const { failures } = this;
    const handler = new Handler(this, 'Feed', {
      directory: 'functions/feed',
      description: 'Sends every change of the registry to the feed queue of each bridge',
      timeoutS: FEED.timeoutS,
      memoryMb: settings.feed.memoryMb,
      settings,
      environment: { [FUNCTION_ENV.feedQueueUrls]: this.#queueUrls() },
      statements: [
        allow('ReadRegistryStream', {
          actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
          resources: [stream],
        }),
        allow('ListStreams', { actions: ['dynamodb:ListStreams'], resources: ['*'] }),
        allow('SendFeeds', {
          actions: ['sqs:SendMessage'],
          resources: [...this.queues.values()].map((queue) => queue.queueArn),
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

  /** @param reason why it has no dead-letter queue */
  #addQueue(id: string, key: IKey | undefined, reason: string): Queue {
    const queue = new PatientQueue(this, id, {
      visibilityTimeoutS: FEED.queueVisibilityTimeoutS,
      keep: false,
      key,
    });
    // A queue goes with its bridge in one deployment: an export that a later stack still imports would forbid it.
    CrossStackReferences.of(queue).produce(ReferenceStrength.WEAK);
    Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason });
    return queue;
  }

  /**
   * By name: its part of the outputs file, of one bridge. Inside of another text the queue's URL has to stay a text:
   * JSON in JSON is escaped here, where CloudFormation would not.
   */
  outputsOf(bridge: string): Readonly<Record<string, string>> {
    return { [OUTPUTS.feedQueueUrls]: JSON.stringify({ [bridge]: this.queues.get(bridge)?.queueUrl }) };
  }

  #queueUrls(): string {
    const urls = [...this.queues].map(([bridge, queue]) => [bridge, queue.queueUrl] as const);
    return this.toJsonString(Object.fromEntries(urls));
  }
}
