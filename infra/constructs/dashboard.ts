import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Color,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  Metric,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { FeedStack } from '../stacks/feed.ts';
import type { IngestStack } from '../stacks/ingest.ts';
import type { StateStack } from '../stacks/state.ts';
import type { Handler } from './handler.ts';
import { age, compacted, depth, drained, gauge, LIMITS, PERIOD, tableMetric } from './signals.ts';

export interface OverviewProps {
  readonly state: StateStack;
  readonly ingest: IngestStack;
  readonly feed: FeedStack;
  readonly bridges: readonly string[];
  readonly alarms: readonly Alarm[];
}

/** Of 24 columns. */
const WIDTH = 8;
const HEIGHT = 6;

/** One page for the whole: what is wrong, then the way of the data from the bridges to the lake. */
export class Overview extends Dashboard {
  constructor(scope: Construct, id: string, props: OverviewProps) {
    super(scope, id, { defaultInterval: Duration.hours(3) });
    const { alarms } = props;
    this.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 4 }));
    for (const row of [bridgesRow, registryRow, queuesRow, functionsRow, tablesRow, lakeRow, failuresRow]) {
      this.addWidgets(...row(props));
    }
  }
}

function bridgesRow({ bridges }: OverviewProps): IWidget[] {
  const of = (name: Parameters<typeof gauge>[1], statistic?: string) =>
    bridges.map((bridge) => labelled(gauge(bridge, name, statistic), `${name} ${bridge}`));
  return [
    graph('Bridges: session with the gateway (1 is ready)', of('GatewayReady', Stats.MINIMUM)),
    graph('Bridges: market data lines', [
      ...of('LinesInUse'),
      ...of('LinesRefused'),
      ...of('StrategiesDegraded'),
    ]),
    graph('Bridges: outbox', of('OutboxDepth'), of('OutboxAge')),
  ];
}

function registryRow({ feed, bridges }: OverviewProps): IWidget[] {
  const ages = [...feed.queues].map(([bridge, queue]) => labelled(age(queue), bridge));
  return [
    graph(
      'Registry: versions that a bridge lacks',
      bridges.map((bridge) => labelled(gauge(bridge, 'RegistryLag'), bridge)),
    ),
    graph(
      'Registry: oldest feed message, s; failures',
      ages,
      [labelled(depth(feed.failures), 'failures')],
      LIMITS.feedAgeS,
    ),
    graph(
      'Registry: age of the stream, ms',
      [
        feed.feed.function.metric('IteratorAge', {
          period: PERIOD,
          statistic: Stats.MAXIMUM,
          label: 'oldest',
        }),
      ],
      [],
      LIMITS.streamAgeMs,
    ),
  ];
}

function queuesRow({ state, bridges }: OverviewProps): IWidget[] {
  const { snapshots, snapshotDeadLetters } = state;
  return [
    graph(
      'Snapshots waiting; dead letters',
      [labelled(depth(snapshots), 'snapshots')],
      [labelled(depth(snapshotDeadLetters), 'dead letters')],
    ),
    graph('Oldest snapshot, s', [labelled(age(snapshots), 'oldest')], [], LIMITS.snapshotAgeS),
    graph(
      'Time since every position was recorded, ms',
      bridges.map((bridge) => labelled(gauge(bridge, 'KeyframeAge'), bridge)),
      [],
      LIMITS.keyframeAgeMs,
    ),
  ];
}

function functionsOf({ ingest, feed }: OverviewProps): readonly [string, Handler][] {
  const { drain, deadLetter, compact } = ingest;
  return [
    ['drain', drain],
    ['dead-letter', deadLetter],
    ['feed', feed.feed],
    ['compact', compact],
  ];
}

function functionsRow(props: OverviewProps): IWidget[] {
  const functions = functionsOf(props).map(([name, handler]) => [name, handler.function] as const);
  return [
    graph('Functions: errors and throttles', [
      ...functions.map(([name, one]) => one.metricErrors({ period: PERIOD, label: `errors of ${name}` })),
      ...functions.map(([name, one]) =>
        one.metricThrottles({ period: PERIOD, label: `throttles of ${name}` }),
      ),
    ]),
    graph(
      'Functions: duration, p95, ms',
      functions.map(([label, one]) =>
        one.metricDuration({ period: PERIOD, statistic: Stats.percentile(95), label }),
      ),
    ),
    graph('Drain: rows per batch', [
      labelled(drained('RecordsStored', Stats.AVERAGE), 'average'),
      labelled(drained('RecordsStored', Stats.MAXIMUM), 'largest'),
    ]),
  ];
}

function tablesRow({ state }: OverviewProps): IWidget[] {
  const { positions, audit, registry } = state;
  const of = (name: Parameters<typeof tableMetric>[1], prefix = '') =>
    Object.entries({ positions, audit, registry }).map(([table, one]) =>
      labelled(tableMetric(one, name), `${prefix}${table}`),
    );
  return [
    graph('Tables: write units', of('ConsumedWriteCapacityUnits')),
    graph('Tables: throttled', [
      ...of('WriteThrottleEvents', 'writes of '),
      ...of('ReadThrottleEvents', 'reads of '),
    ]),
    graph(
      'Lake: rows stored; records sent back',
      [labelled(drained('RecordsStored'), 'stored')],
      [labelled(drained('RecordsFailed'), 'sent back'), labelled(compacted('RecordsFailed'), 'two bodies')],
    ),
  ];
}

/** What AWS itself calls the services of the stacks on its bill. */
const BILLED = ['AmazonDynamoDB', 'AWSLambda', 'AWSQueueService', 'AmazonS3', 'AmazonCloudWatch'];

function lakeRow({ state }: OverviewProps): IWidget[] {
  // S3 reports it once a day.
  const bytes = new Metric({
    namespace: 'AWS/S3',
    metricName: 'BucketSizeBytes',
    dimensionsMap: { BucketName: state.lake.bucketName, StorageType: 'StandardStorage' },
    statistic: Stats.AVERAGE,
    period: Duration.days(1),
  });
  return [
    graph('Lake: bytes', [labelled(bytes, 'standard storage')]),
    graph(
      'Charges of the account this month, estimated, USD',
      BILLED.map((service) => charges(service)),
    ),
    new TextWidget({
      markdown: [
        '**Charges** are those of the whole account. AWS estimates them some times a day, and only where',
        '[billing alerts](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html)',
        'are switched on.',
        '',
        '**What to do** about an alarm: its description names the section of `docs/operations.md`.',
      ].join('\n'),
      width: WIDTH,
      height: HEIGHT,
    }),
  ];
}

/** Reported to one region, wherever the stacks are. */
function charges(service: string): Metric {
  return new Metric({
    namespace: 'AWS/Billing',
    metricName: 'EstimatedCharges',
    dimensionsMap: { ServiceName: service, Currency: 'USD' },
    statistic: Stats.MAXIMUM,
    period: Duration.hours(6),
    region: 'us-east-1',
    label: service,
  });
}

function failuresRow(props: OverviewProps): IWidget[] {
  const logGroups = functionsOf(props).map(([, { logGroup }]) => logGroup);
  return [
    new LogQueryWidget({
      title: 'Last failures',
      logGroupNames: logGroups.map((group) => group.logGroupName),
      queryLines: [
        'fields @timestamp, event, cause, snapshotId',
        'filter level in ["WARN", "ERROR"]',
        'sort @timestamp desc',
        'limit 20',
      ],
      width: 3 * WIDTH,
      height: HEIGHT,
    }),
  ];
}

/** @param limit of the left axis, beyond which an alarm goes off */
function graph(
  title: string,
  left: readonly IMetric[],
  right: readonly IMetric[] = [],
  limit?: number,
): GraphWidget {
  const axis = { min: 0, showUnits: false };
  return new GraphWidget({
    title,
    left: [...left],
    right: [...right],
    leftYAxis: axis,
    rightYAxis: axis,
    ...(limit !== undefined && { leftAnnotations: [{ value: limit, label: 'alarm', color: Color.RED }] }),
    width: WIDTH,
    height: HEIGHT,
  });
}

function labelled(metric: Metric, label: string): Metric {
  return metric.with({ label });
}
