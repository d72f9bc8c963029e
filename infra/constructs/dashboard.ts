import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  Metric,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { FeedStack } from '../stacks/feed.ts';
import type { IngestStack } from '../stacks/ingest.ts';
import type { StateStack } from '../stacks/state.ts';
import { age, depth, drained, gauge, PERIOD, tableMetric } from './signals.ts';

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
    for (const row of [bridgesRow, registryRow, queuesRow, functionsRow, tablesRow, lakeRow]) {
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
  const ages = [...feed.queues.values()].map((queue) => age(queue));
  return [
    graph(
      'Registry: versions that a bridge lacks',
      bridges.map((bridge) => labelled(gauge(bridge, 'RegistryLag'), bridge)),
    ),
    graph('Registry: oldest feed message, s; failures', ages, [depth(feed.failures)]),
    graph('Registry: age of the stream, ms', [
      feed.feed.function.metric('IteratorAge', { period: PERIOD, statistic: Stats.MAXIMUM }),
    ]),
  ];
}

function queuesRow({ state, bridges }: OverviewProps): IWidget[] {
  const { snapshots, snapshotDeadLetters } = state;
  return [
    graph('Snapshots waiting', [depth(snapshots)], [depth(snapshotDeadLetters)]),
    graph('Oldest snapshot, s', [age(snapshots)]),
    graph(
      'Time since every position was recorded, ms',
      bridges.map((bridge) => labelled(gauge(bridge, 'KeyframeAge'), bridge)),
    ),
  ];
}

function functionsOf({ ingest, feed }: OverviewProps) {
  return [ingest.drain, ingest.deadLetter, feed.feed, ingest.compact];
}

function functionsRow(props: OverviewProps): IWidget[] {
  const functions = functionsOf(props).map((one) => one.function);
  return [
    graph('Functions: errors and throttles', [
      ...functions.map((one) => one.metricErrors({ period: PERIOD })),
      ...functions.map((one) => one.metricThrottles({ period: PERIOD })),
    ]),
    graph(
      'Functions: duration, p95, ms',
      functions.map((one) => one.metricDuration({ period: PERIOD, statistic: Stats.percentile(95) })),
    ),
    graph('Drain: rows per batch', [
      drained('RecordsStored', Stats.AVERAGE),
      drained('RecordsStored', Stats.MAXIMUM),
    ]),
  ];
}

function tablesRow({ state }: OverviewProps): IWidget[] {
  const tables = [state.positions, state.audit, state.registry];
  return [
    graph(
      'Tables: write units',
      tables.map((table) => tableMetric(table, 'ConsumedWriteCapacityUnits')),
    ),
    graph('Tables: throttled', [
      ...tables.map((table) => tableMetric(table, 'WriteThrottleEvents')),
      ...tables.map((table) => tableMetric(table, 'ReadThrottleEvents')),
    ]),
    graph('Lake: rows stored; records sent back', [drained('RecordsStored')], [drained('RecordsFailed')]),
  ];
}

function lakeRow(props: OverviewProps): IWidget[] {
  // S3 reports it once a day.
  const bytes = new Metric({
    namespace: 'AWS/S3',
    metricName: 'BucketSizeBytes',
    dimensionsMap: { BucketName: props.state.lake.bucketName, StorageType: 'StandardStorage' },
    statistic: Stats.AVERAGE,
    period: Duration.days(1),
  });
  const logGroups = functionsOf(props).map((one) => one.logGroup);
  return [
    graph('Lake: bytes', [bytes]),
    new LogQueryWidget({
      title: 'Last failures',
      logGroupNames: logGroups.map((group) => group.logGroupName),
      queryLines: [
        'fields @timestamp, event, cause, snapshotId',
        'filter level in ["WARN", "ERROR"]',
        'sort @timestamp desc',
        'limit 20',
      ],
      width: 2 * WIDTH,
      height: HEIGHT,
    }),
  ];
}

function graph(title: string, left: readonly IMetric[], right: readonly IMetric[] = []): GraphWidget {
  const axis = { min: 0, showUnits: false };
  return new GraphWidget({
    title,
    left: [...left],
    right: [...right],
    leftYAxis: axis,
    rightYAxis: axis,
    width: WIDTH,
    height: HEIGHT,
  });
}

function labelled(metric: Metric, label: string): Metric {
  return metric.with({ label });
}
