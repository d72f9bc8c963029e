import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { BRIDGE } from '../../shared/limits.ts';
import {
  type COMPACT_METRICS,
  type DRAIN_METRICS,
  type HEARTBEAT_METRICS,
  METRIC_DIMENSION,
  type Metric as OwnMetric,
} from '../../shared/metrics.ts';
import { METRIC_NAMESPACE } from '../../shared/names.ts';

/** Beyond these an alarm goes off; the dashboard shows them as lines. */
export const LIMITS = {
  snapshotAgeS: 120,
  feedAgeS: 60,
  streamAgeMs: 60_000,
  /** Twice the period that a bridge has unless its settings say otherwise. */
  keyframeAgeMs: 2 * BRIDGE.keyframePeriodMs,
} as const;

/** Alarms and graphs look at minutes: a heartbeat comes once in each. */
export const PERIOD = Duration.minutes(1);

type Gauge = (typeof HEARTBEAT_METRICS)[number]['name'];
type Count = (typeof DRAIN_METRICS)[number]['name'];

/** A gauge of one bridge's heartbeats. */
export function gauge(bridge: string, metricName: Gauge, statistic: string = Stats.MAXIMUM): Metric {
  return own(metricName, METRIC_DIMENSION.bridge, bridge, statistic);
}

/** A count of the drain, one value per batch. */
export function drained(metricName: Count, statistic: string = Stats.SUM): Metric {
  return own(metricName, METRIC_DIMENSION.function, 'drain', statistic);
}

/** Of the compactor; no value while there is nothing to report. */
export function compacted(metricName: (typeof COMPACT_METRICS)[number]['name']): Metric {
  return own(metricName, METRIC_DIMENSION.function, 'compact', Stats.SUM);
}

function own(metricName: OwnMetric['name'], dimension: string, value: string, statistic: string): Metric {
  const dimensionsMap = { [dimension]: value };
  return new Metric({ namespace: METRIC_NAMESPACE, metricName, dimensionsMap, statistic, period: PERIOD });
}

/** Of a table; on demand it throttles above twice its earlier peak. */
export function tableMetric(
  table: { readonly tableName: string },
  metricName: 'ConsumedWriteCapacityUnits' | 'ReadThrottleEvents' | 'WriteThrottleEvents',
): Metric {
  return new Metric({
    namespace: 'AWS/DynamoDB',
    metricName,
    dimensionsMap: { TableName: table.tableName },
    statistic: Stats.SUM,
    period: PERIOD,
  });
}

/**
 * The sum of metrics of which CloudWatch has no value while nothing happens. The newest minute is filled before its
 * values come: an alarm that wants all of its minutes would never go off.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html (FILL)
 */
export function sumOf(label: string, metrics: readonly IMetric[]): MathExpression {
  const usingMetrics = Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric]));
  const expression = Object.keys(usingMetrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(' + ');
  return new MathExpression({ expression, usingMetrics, label, period: PERIOD });
}

export function depth(queue: IQueue): Metric {
  return queue.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: Stats.MAXIMUM });
}

/** Of the oldest message, in seconds. */
export function age(queue: IQueue): Metric {
  return queue.metricApproximateAgeOfOldestMessage({ period: PERIOD, statistic: Stats.MAXIMUM });
}

/**
 * What counts from Monday to Friday in UTC, and is 0 at weekends, when IB itself goes down for hours. DAY has a value
 * in every minute, and IF makes 0 of a value that is not there: 0 must be no fault, and the newest minute is never
 * one, because its values come late. Hence no alarm over this may want every one of its minutes.
 * https://www.interactivebrokers.com/en/software/systemStatus.php
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#using-IF-expressions
 * @param expression over the ids of the metrics
 */
export function onWeekdays(
  label: string,
  expression: string,
  metrics: Readonly<Record<string, Metric>>,
): MathExpression {
  const [first] = Object.keys(metrics);
  return new MathExpression({
    expression: `IF(DAY(${first}) < 6, ${expression}, 0)`,
    usingMetrics: { ...metrics },
    label,
    period: PERIOD,
  });
}
