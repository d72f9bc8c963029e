import { Alarm, ComparisonOperator, type IMetric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { FeedStack } from '../stacks/feed.ts';
import type { IngestStack } from '../stacks/ingest.ts';
import type { StateStack } from '../stacks/state.ts';
import {
  age,
  compacted,
  depth,
  drained,
  gauge,
  LIMITS,
  onWeekdays,
  PERIOD,
  sumOf,
  tableMetric,
} from './signals.ts';

export interface AlarmsProps {
  readonly state: StateStack;
  readonly ingest: IngestStack;
  readonly feed: FeedStack;
  readonly bridges: readonly string[];
  /** Told of every alarm and of its end. */
  readonly topic: ITopic;
}

interface Watch {
  /** What is the matter, as a person reads it in a message at night. */
  readonly says: string;
  /** The heading of docs/operations.md that says what to do. */
  readonly runbook: string;
  readonly metric: IMetric;
  readonly operator?: ComparisonOperator;
  readonly threshold: number;
  /** How many of the last `of` minutes. */
  readonly minutes: number;
  readonly of?: number;
  /** Default: no value is no fault, because nothing happened. */
  readonly missing?: TreatMissingData;
}

/** As far back as an alarm can look at minutes. */
const DAY_MINUTES = 1440;

const { GREATER_THAN_THRESHOLD, LESS_THAN_THRESHOLD } = ComparisonOperator;

/** Within which values are there for certain: a formula that fills gaps makes up those that are still on the way. */
const LATE_MINUTES = 5;

/** What wakes somebody up: each with its runbook, none without somebody to tell. */
export class Alarms extends Construct {
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const watches = { ...watchesOfCloud(props), ...watchesOfBridges(props) };
    this.all = Object.entries(watches).map(([name, watch]) => this.#add(name, watch, props.topic));
  }

  #add(name: string, watch: Watch, topic: ITopic): Alarm {
    const alarm = new Alarm(this, name, {
      metric: watch.metric,
      comparisonOperator: watch.operator ?? GREATER_THAN_THRESHOLD,
      threshold: watch.threshold,
      datapointsToAlarm: watch.minutes,
      evaluationPeriods: watch.of ?? watch.minutes,
      treatMissingData: watch.missing ?? TreatMissingData.NOT_BREACHING,
      alarmDescription: `slotwise: ${watch.says}. Runbook: docs/operations.md#${watch.runbook}`,
    });
    alarm.addAlarmAction(new SnsAction(topic));
    alarm.addOkAction(new SnsAction(topic));
    return alarm;
  }
}

function watchesOfCloud({ state, ingest, feed }: AlarmsProps): Record<string, Watch> {
  const { drain, deadLetter, compact } = ingest;
  const { snapshots, snapshotDeadLetters } = state;
  return {
    DeadLetters: {
      says: 'snapshots could not be stored and are kept as dead letters',
      runbook: 'a-message-that-cannot-be-stored',
      // The function empties that queue at once: its work says more than a depth that nobody sees.
      metric: sumOf('dead-lettered', [
        deadLetter.function.metricInvocations({ period: PERIOD, statistic: Stats.SUM }),
        depth(snapshotDeadLetters),
      ]),
      threshold: 0,
      minutes: 1,
      of: LATE_MINUTES,
    },
    FeedFailures: {
      says: 'a change of the registry could not be sent to a bridge; its next scan brings it',
      runbook: 'the-registry-is-stale',
      metric: depth(feed.failures),
      threshold: 0,
      minutes: 1,
    },
    SnapshotsWait: {
      says: 'snapshots wait in the queue for more than two minutes: the drain does not keep up',
      runbook: 'the-queue-grows',
      metric: age(snapshots),
      threshold: LIMITS.snapshotAgeS,
      minutes: 3,
    },
    DrainFails: {
      says: 'the drain fails or sends messages back to the queue',
      runbook: 'a-message-that-cannot-be-stored',
      metric: sumOf('errors and failed records', [
        drain.function.metricErrors({ period: PERIOD }),
        drained('RecordsFailed'),
      ]),
      threshold: 0,
      minutes: 3,
      of: 5,
    },
    Throttled: {
      says: 'the drain or one of its tables is throttled',
      runbook: 'throttling',
      // CloudWatch bills each metric of an alarm. A feed that is throttled is late, which has an alarm of its own; what
      // runs by the clock Lambda tries for hours; who writes the registry is told.
      metric: sumOf('throttles', [
        drain.function.metricThrottles({ period: PERIOD }),
        ...[state.positions, state.audit].map((table) => tableMetric(table, 'WriteThrottleEvents')),
      ]),
      threshold: 0,
      minutes: 1,
      of: LATE_MINUTES,
    },
    // One pass and the two tries after it: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    CompactFails: {
      says: 'a pass of the compaction failed with its retries; nothing is lost, raw objects pile up',
      runbook: 'the-lake-is-not-compacted',
      metric: compact.function.metricErrors({ period: PERIOD }),
      threshold: 0,
      minutes: 3,
      of: 180,
    },
    // Every night says so again.
    TwoBodies: {
      says: 'an id stands for two bodies: its rows stay in raw and are in no view but conflicts',
      runbook: 'the-lake-is-not-compacted',
      metric: compacted('RecordsFailed'),
      threshold: 0,
      minutes: 1,
      of: DAY_MINUTES,
    },
    FeedLate: {
      says: 'changes of the registry wait in its stream for more than a minute',
      runbook: 'the-registry-is-stale',
      metric: feed.feed.function.metric('IteratorAge', { period: PERIOD, statistic: Stats.MAXIMUM }),
      threshold: LIMITS.streamAgeMs,
      minutes: 1,
    },
  };
}

function watchesOfBridges({ feed, bridges }: AlarmsProps): Record<string, Watch> {
  const watches = bridges.map((bridge): Record<string, Watch> => {
    const queue = feed.queues.get(bridge);
    if (queue === undefined) throw new RangeError(`the bridge ${bridge} has no feed queue`);
    return {
      [`HeartbeatMissing-${bridge}`]: {
        says: `no heartbeat of the bridge ${bridge} for three minutes: it is down, or AWS is out of its reach`,
        runbook: 'no-heartbeat',
        // Filled, because CloudWatch would go on with the last values that it has for two minutes more.
        metric: sumOf('heartbeats', [gauge(bridge, 'GatewayReady', Stats.SAMPLE_COUNT)]),
        operator: LESS_THAN_THRESHOLD,
        threshold: 1,
        minutes: 3,
        missing: TreatMissingData.BREACHING,
      },
      [`GatewayAway-${bridge}`]: {
        says: `the bridge ${bridge} has had no session with its gateway for half an hour: longer than a nightly restart, it may want a login`,
        runbook: 'the-gateway-is-away',
        // Without a heartbeat nothing is known of the gateway, and another alarm says so.
        metric: onWeekdays('heartbeats without a session', '(beats > 0) - ready', {
          beats: gauge(bridge, 'GatewayReady', Stats.SAMPLE_COUNT),
          ready: gauge(bridge, 'GatewayReady'),
        }),
        threshold: 0,
        minutes: 30,
        of: 30 + LATE_MINUTES,
      },
      [`FeedUnread-${bridge}`]: {
        says: `the bridge ${bridge} leaves its feed unread for more than a minute`,
        runbook: 'the-registry-is-stale',
        metric: age(queue),
        threshold: LIMITS.feedAgeS,
        minutes: 3,
      },
      [`RegistryLags-${bridge}`]: {
        says: `the bridge ${bridge} has acted on an old registry for five minutes`,
        runbook: 'the-registry-is-stale',
        metric: gauge(bridge, 'RegistryLag'),
        threshold: 0,
        minutes: 5,
      },
      [`KeyframeOld-${bridge}`]: {
        says: `the bridge ${bridge} has not recorded every position for twice the period of its keyframes`,
        runbook: 'no-keyframe',
        metric: onWeekdays('KeyframeAge', 'age', { age: gauge(bridge, 'KeyframeAge') }),
        threshold: LIMITS.keyframeAgeMs,
        minutes: 5,
        of: 5 + LATE_MINUTES,
      },
    };
  });
  return Object.assign({}, ...watches);
}
