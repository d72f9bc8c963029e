import * as z from 'zod';
import type { Watched } from '../cloudwatch/series.ts';

const axisSchema = z.object({ min: z.number().optional(), label: z.string().optional() }).optional();

const optionsSchema = z.object({
  label: z.string().optional(),
  period: z.number().int().positive().default(300),
  stat: z.string().default('Average'),
  yAxis: z.enum(['left', 'right']).default('left'),
});

/** `[namespace, name, dimension, value, ..., options]`, written out. */
const lineSchema = z.array(z.union([z.string(), optionsSchema]));

const placeSchema = {
  x: z.int().nonnegative().default(0),
  y: z.int().nonnegative().default(0),
  /** Of 24 columns. */
  width: z.int().positive().default(6),
  height: z.int().positive().default(6),
};

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
const widgetSchema = z.discriminatedUnion('type', [
  z.object({
    ...placeSchema,
    type: z.literal('alarm'),
    properties: z.object({ title: z.string().default(''), alarms: z.array(z.string()) }),
  }),
  z.object({
    ...placeSchema,
    type: z.literal('metric'),
    properties: z.object({
      title: z.string().default(''),
      view: z.literal('timeSeries').default('timeSeries'),
      metrics: z.array(lineSchema),
      yAxis: z.object({ left: axisSchema, right: axisSchema }).default({ left: undefined, right: undefined }),
      annotations: z
        .object({
          horizontal: z
            .array(
              z.object({
                value: z.number(),
                label: z.string().default(''),
                color: z.string().default('#d62728'),
              }),
            )
            .default([]),
        })
        .default({ horizontal: [] }),
    }),
  }),
  z.object({ ...placeSchema, type: z.literal('text'), properties: z.object({ markdown: z.string() }) }),
  z.object({
    ...placeSchema,
    type: z.literal('log'),
    properties: z.object({ title: z.string().default('') }),
  }),
]);

const bodySchema = z.object({
  /** How far back it looks, as an ISO 8601 duration. */
  start: z
    .string()
    .regex(/^-PT\d+H$/, 'hours are understood')
    .default('-PT3H'),
  widgets: z.array(widgetSchema),
});

export interface GraphLine {
  readonly metric: Watched;
  readonly periodMs: number;
  readonly label: string;
  readonly axis: 'left' | 'right';
}

export type Widget = z.infer<typeof widgetSchema>;
export type MetricWidget = Extract<Widget, { type: 'metric' }>;

export interface DashboardBody {
  readonly spanMs: number;
  readonly widgets: readonly Widget[];
}

/**
 * Reads a DashboardBody.
 * @throws ZodError for a widget that could not be drawn as CloudWatch draws it
 */
export function parseDashboard(text: string): DashboardBody {
  const { start, widgets } = bodySchema.parse(JSON.parse(text));
  return { spanMs: Number(/\d+/.exec(start)?.[0]) * 3_600_000, widgets };
}

export function linesOf({ properties }: MetricWidget): readonly GraphLine[] {
  return properties.metrics.map((parts) => {
    const [namespace = '', name = '', ...pairs] = parts.filter((part) => typeof part === 'string');
    const given = parts.find((part) => typeof part !== 'string');
    const { label, period, stat, yAxis } = given ?? optionsSchema.parse({});
    const dimensions: Record<string, string> = {};
    for (let at = 0; at + 1 < pairs.length; at += 2) dimensions[pairs[at] ?? ''] = pairs[at + 1] ?? '';
    return {
      metric: { namespace, name, dimensions, statistic: stat },
      periodMs: period * 1000,
      label: label ?? [name, ...Object.values(dimensions)].join(' '),
      axis: yAxis,
    };
  });
}
