import { METRIC_DIMENSION, type Metric } from '../shared/metrics.ts';
import { METRIC_NAMESPACE } from '../shared/names.ts';

/**
 * One document of the embedded metric format, from which CloudWatch makes metrics without a call of ours. A metric
 * without a value is left out of it. CloudWatch takes times from two weeks ago to two hours ahead.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embeddedMetrics(document: {
  readonly event: string;
  /** Epoch milliseconds: the time of the values, not of the call. */
  readonly at: number;
  readonly dimension: keyof typeof METRIC_DIMENSION;
  readonly dimensionValue: string;
  readonly metrics: readonly Metric[];
  /** By name of the metric. */
  readonly values: Readonly<Record<string, number | undefined>>;
  /** To be found in the log, not to be graphed. */
  readonly properties?: Readonly<Record<string, unknown>>;
}): Record<string, unknown> {
  const dimension = METRIC_DIMENSION[document.dimension];
  const known = document.metrics.filter(({ name }) => document.values[name] !== undefined);
  return {
    _aws: {
      Timestamp: document.at,
      CloudWatchMetrics: [
        {
          Namespace: METRIC_NAMESPACE,
          Dimensions: [[dimension]],
          Metrics: known.map(({ name, unit }) => ({ Name: name, Unit: unit })),
        },
      ],
    },
    event: document.event,
    [dimension]: document.dimensionValue,
    ...Object.fromEntries(known.map(({ name }) => [name, document.values[name]])),
    ...document.properties,
  };
}
