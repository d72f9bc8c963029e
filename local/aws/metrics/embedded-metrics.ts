import { z } from 'zod';
import type { MetricIdentity } from '../../../shared/local-metrics.ts';
import type { MetricClock } from './clock.ts';

/** Two weeks back, two hours ahead: CloudWatch takes no other times. */
const PAST_MAX_MS = 14 * 24 * 3_600_000;
const FUTURE_MAX_MS = 2 * 3_600_000;

const documentSchema = z.looseObject({
  _aws: z.object({
    Timestamp: z.number(),
    CloudWatchMetrics: z.array(
      z.object({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string(), Unit: z.string().optional() })),
      }),
    ),
  }),
});

export interface EmbeddedValue {
  readonly metric: MetricIdentity;
  /** Epoch milliseconds: the document's own time, whenever it was written. */
  readonly at: number;
  readonly value: number;
}

/**
 * The metrics that CloudWatch makes of a line of a function's log. What it cannot use it leaves out without a word: a
 * line of another kind, a metric without a value, a dimension without a text, a time too far away.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embeddedValues(line: string, clock: MetricClock): readonly EmbeddedValue[] {
  if (!line.includes('"_aws"')) return [];
  const document = parse(line);
  if (document === undefined) return [];
  const at = clock.at(document._aws.Timestamp);
  const now = clock.now();
  if (at < now - PAST_MAX_MS || at > now + FUTURE_MAX_MS) return [];
  return document._aws.CloudWatchMetrics.flatMap(({ Namespace: namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = dimensionsOf(document, names);
      if (dimensions === undefined) return [];
      return Metrics.flatMap(({ Name: name }) =>
        numbersOf(document[name]).map((value) => ({ metric: { namespace, name, dimensions }, at, value })),
      );
    }),
  );
}

function parse(line: string): z.infer<typeof documentSchema> | undefined {
  try {
    return documentSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function dimensionsOf(
  document: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, string> | undefined {
  const dimensions: Record<string, string> = {};
  for (const name of names) {
    const value = document[name];
    if (typeof value !== 'string') return undefined;
    dimensions[name] = value;
  }
  return dimensions;
}

function numbersOf(value: unknown): readonly number[] {
  const values = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === 'number');
}
