import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import {
  type COMPACT_METRICS,
  type DRAIN_METRICS,
  type HEARTBEAT_METRICS,
  METRIC_DIMENSION,
  type Metric as OwnMetric,
} from '../../shared/metrics.ts';
import { METRIC_NAMESPACE } from '../../shared/names.ts';

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
    label: `${metricName} of ${table.tableName}`,
  });
}

/** The sum of metrics of which CloudWatch has no value while nothing happens. */
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
 * A gauge that counts from Monday to Friday in UTC: at weekends IB itself goes down for hours.
 * https://www.interactivebrokers.com/en/software/systemStatus.php
 * @param otherwise a value that is no fault
 */
export function onWeekdays(metric: Metric, otherwise: number): MathExpression {
  return new MathExpression({
    expression: `IF(DAY(gauge) < 6, gauge, ${otherwise})`,
    usingMetrics: { gauge: metric },
    label: metric.metricName,
    period: PERIOD,
  });
}
