import * as z from 'zod';
import { instantSchema } from './snapshot.ts';

/**
 * What a local run used of each service, as AWS would count it: the local run writes it into its state directory, the
 * command line turns it into a month in dollars. Sums only, kept over all runs of one directory.
 */

const amount = z.number().nonnegative();

const callsSchema = z.object({
  /** Who called: a role of the stacks, a bridge, the command line. */
  component: z.string(),
  service: z.enum(['sqs', 's3', 'dynamodb']),
  /** Name in the service's API; a receive that brought nothing is `ReceiveMessage (empty)`. */
  operation: z.string(),
  /** Queue, table, table/index, or first part of the object's key. */
  resource: z.string(),
  calls: amount,
  /** SQS: one for each 64 KB of a payload. Elsewhere as calls. */
  requests: amount,
  /** DynamoDB: of the table and its indexes. */
  writeUnits: amount,
  readUnits: amount,
  bytesIn: amount,
  bytesOut: amount,
  /** SQS: sent or received. */
  messages: amount,
});

export type CallUsage = z.infer<typeof callsSchema>;

const invocationsSchema = z.object({
  component: z.string(),
  invocations: amount,
  /** What they were given; 0 of a schedule. */
  records: amount,
  /** Processor time of the handlers' threads here, their start excluded. */
  cpuMs: amount,
  memoryMb: amount,
  /** What the handler wrote. */
  logBytes: amount,
});

export type InvocationUsage = z.infer<typeof invocationsSchema>;

const phaseSchema = z.object({
  durationMs: amount,
  /** How often there was one. */
  times: amount,
  calls: z.array(callsSchema),
  invocations: z.array(invocationsSchema),
  /** Messages that bridges sent, by `<kind>` or `snapshot <lane> <reason>`. */
  messages: z.record(z.string(), amount),
});

export type PhaseUsage = z.infer<typeof phaseSchema>;

/** What the templates cost by being there. */
const standingSchema = z.object({
  bridges: amount,
  customMetrics: amount,
  /** CloudWatch bills an alarm by the metrics that it looks at. */
  alarms: amount,
  alarmMetrics: amount,
  dashboards: amount,
  /** Event source mappings of queues: each is polled day and night. */
  queueMappings: amount,
  /** Of the mapping that takes the most at once: the drain's. */
  batchSize: amount,
  batchWindowMs: amount,
});

export type Standing = z.infer<typeof standingSchema>;

export const PHASES = ['startup', 'steady', 'keyframe'] as const;
/**
 * startup: until every position and every streamed leg has been recorded once. keyframe: while one is on its way.
 * steady: all else, in whole minutes, so that what comes once a minute is in there as often as there are minutes.
 */
export type PhaseName = (typeof PHASES)[number];

const usageSchema = z.object({
  schema: z.literal(1),
  startedAt: instantSchema,
  updatedAt: instantSchema,
  /** Of the largest sweep that was recorded as a whole; 0 before the first. */
  contracts: amount,
  standing: standingSchema,
  phases: z.record(z.enum(PHASES), phaseSchema),
});

export type Usage = z.infer<typeof usageSchema>;

/** @throws z.ZodError or SyntaxError when the text is no such file */
export function parseUsage(text: string): Usage {
  return usageSchema.parse(JSON.parse(text));
}
