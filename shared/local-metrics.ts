import * as z from 'zod';

/**
 * What CloudWatch would have of a local run: values, and the alarms and dashboards that look at them. The run writes
 * both beside its embedded services, the command line reads them.
 */

/** Names beside the embedded services' own files. */
export const LOCAL_METRICS = {
  /** JSON lines; the older half, where there is one, is `<name>.1`. */
  valuesFile: 'metrics.jsonl',
  monitoringFile: 'monitoring.json',
} as const;

const metricSchema = z.object({
  namespace: z.string(),
  name: z.string(),
  dimensions: z.record(z.string(), z.string()),
});

/** CloudWatch knows a metric by all three: one more dimension is another metric. */
export type MetricIdentity = z.infer<typeof metricSchema>;

/** Values of one metric in one minute; further lines of the same minute add to it. */
const valuesSchema = metricSchema.extend({
  /** Epoch milliseconds of the minute's begin. */
  at: z.int().nonnegative(),
  /** Value, and how often it occurred: percentiles need more than sum and count. */
  values: z.array(z.tuple([z.number(), z.int().positive()])),
});

export type MetricValues = z.infer<typeof valuesSchema>;

const querySchema = z.object({
  id: z.string(),
  /** The one that is compared with the threshold. */
  returnsData: z.boolean(),
  metric: metricSchema.extend({ statistic: z.string(), periodS: z.int().positive() }).optional(),
  /** Over the ids of the others. */
  expression: z.string().optional(),
});

export type MetricQuery = z.infer<typeof querySchema>;

export const COMPARISONS = [
  'GreaterThanThreshold',
  'GreaterThanOrEqualToThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
] as const;

export const MISSING_TREATMENTS = ['breaching', 'notBreaching', 'ignore', 'missing'] as const;

const alarmSchema = z.object({
  name: z.string(),
  arn: z.string(),
  description: z.string(),
  queries: z.array(querySchema).min(1),
  periodS: z.int().positive(),
  comparison: z.enum(COMPARISONS),
  threshold: z.number(),
  datapointsToAlarm: z.int().positive(),
  evaluationPeriods: z.int().positive(),
  treatMissing: z.enum(MISSING_TREATMENTS),
});

export type AlarmDefinition = z.infer<typeof alarmSchema>;

const monitoringSchema = z.object({
  schema: z.literal(1),
  alarms: z.array(alarmSchema),
  /** Each with its DashboardBody as the template has it, references resolved. */
  dashboards: z.array(z.object({ name: z.string(), body: z.string() })),
});

export type Monitoring = z.infer<typeof monitoringSchema>;

/** @throws Error naming every field at fault */
export function parseMonitoring(text: string): Monitoring {
  return monitoringSchema.parse(JSON.parse(text));
}

/** @returns undefined for a line that is no whole one: whoever writes it may be at it, or was killed */
export function parseMetricValues(line: string): MetricValues | undefined {
  try {
    return valuesSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** One text per metric, whatever the order of its dimensions. */
export function metricKey({ namespace, name, dimensions }: MetricIdentity): string {
  return JSON.stringify([
    namespace,
    name,
    ...Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}
