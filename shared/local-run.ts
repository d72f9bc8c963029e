import * as z from 'zod';
import { describeFaults } from './message.ts';
import { bridgeIdSchema, instantSchema } from './snapshot.ts';

/**
 * `run.json` in the state directory of a local run: its lock, and where its parts listen. The run writes it, the
 * command line reads it. It stays when the run ends: whether the run lives is read off the recorded process.
 */

/** Names inside the state directory. */
export const LOCAL_RUN = {
  file: 'run.json',
  /** A SQLite file whose exclusive lock whoever runs, or opens the stores of, the directory holds. */
  lockFile: 'run.lock',
  outputsFile: 'slotwise.outputs.json',
  /** The embedded stores' files. */
  awsDirectory: 'aws',
  /** In the directory of the embedded stores: what they were used for. */
  usageFile: 'usage.json',
  /** Copies of lake objects that the command line has read. */
  lakeCacheDirectory: 'lake-cache',
  /** In a bridge's state directory. */
  statusFile: 'status.json',
} as const;

/** A pid alone may be someone else's by now: pid and start time together name one process. */
const processSchema = z.object({
  pid: z.int().positive(),
  /** As the operating system tells it, compared as text and never as time; see `startTimeOf` in cli/process.ts. */
  startTime: z.string().min(1),
});

export type ProcessIdentity = z.infer<typeof processSchema>;

const localRunSchema = z.object({
  schema: z.literal(1),
  ...processSchema.shape,
  startedAt: instantSchema,
  /** What the run started and what must not outlive it. */
  children: z.array(processSchema.extend({ name: z.string().min(1) })),
  /** Loopback URLs; absent until the embedded AWS answers. */
  endpoints: z.object({ sqs: z.url(), s3: z.url(), dynamodb: z.url() }).optional(),
  /** The key that the person at the command line uses; worth nothing anywhere else. */
  credentials: z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) }).optional(),
  gateway: z.object({ host: z.string().min(1), port: z.int().positive(), simulated: z.boolean() }).optional(),
  bridges: z.array(
    z.object({
      id: bridgeIdSchema,
      /** Base of the status server, for example `http://127.0.0.1:40123`; absent until it listens. */
      statusUrl: z.url().optional(),
      /** Relative to the state directory, so that the whole may be moved. */
      stateDir: z.string().min(1),
    }),
  ),
});

export type LocalRun = z.infer<typeof localRunSchema>;

/**
 * @param text the content of run.json
 * @throws Error naming every field at fault
 */
export function parseLocalRun(text: string): LocalRun {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${LOCAL_RUN.file} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = localRunSchema.safeParse(json);
  if (!parsed.success)
    throw new Error(`${LOCAL_RUN.file} has another shape: ${describeFaults(parsed.error)}`);
  return parsed.data;
}
