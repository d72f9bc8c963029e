import * as z from 'zod';
import { sha256 } from './digest.ts';
import { bridgeIdSchema, epochSchema, instantSchema, type Snapshot, snapshotSchema } from './snapshot.ts';

/**
 * The gauges of a heartbeat, each a value of one moment: what is unknown is absent. Periods in milliseconds.
 * The drain turns them into metrics stamped with the heartbeat's own time, so a duplicate changes no graph.
 */
const gaugesSchema = z.object({
  /** 1 while the session with the gateway is ready, else 0. */
  gatewayReady: z.union([z.literal(0), z.literal(1)]),
  linesCap: z.int().nonnegative(),
  linesInUse: z.int().nonnegative(),
  linesRefused: z.int().nonnegative(),
  strategiesActive: z.int().nonnegative(),
  strategiesDegraded: z.int().nonnegative(),
  positions: z.int().nonnegative(),
  outboxDepth: z.int().nonnegative(),
  outboxOldestMs: z.number().nonnegative(),
  registryVersion: z.int().nonnegative(),
  /** Versions that the replica lacks, by the head as it was last read; absent before the first reading. */
  registryLag: z.int().nonnegative().optional(),
  sweepAgeMs: z.number().nonnegative().optional(),
  keyframeAgeMs: z.number().nonnegative().optional(),
  sweepsFailed: z.int().nonnegative(),
  /** Missing from the broker's list and not closed. */
  positionsDoubted: z.int().nonnegative().optional(),
  /** Rows of the positions table that differ from the sweeps for longer than the drain takes. */
  tableDifferences: z.int().nonnegative().optional(),
  overAssigned: z.int().nonnegative(),
});

export type Gauges = z.infer<typeof gaugesSchema>;

const heartbeatSchema = z.object({
  schema: z.literal(1),
  kind: z.literal('heartbeat'),
  bridge: bridgeIdSchema,
  epoch: epochSchema,
  at: instantSchema,
  /** The accounts that this bridge streams and records: the lease by which a second bridge stays off them. */
  accounts: z.array(z.string().min(1)),
  gauges: gaugesSchema,
});

export type Heartbeat = z.infer<typeof heartbeatSchema>;

/**
 * Per epoch and UTC day what the outbox has produced so far; cumulative, sent again until stored. The day is that of
 * observedAt, under which the row lands in the lake.
 */
const ledgerSchema = z.object({
  schema: z.literal(1),
  kind: z.literal('ledger'),
  bridge: bridgeIdSchema,
  epoch: epochSchema,
  day: z.iso.date(),
  first: z.int().positive(),
  last: z.int().positive(),
  count: z.int().positive(),
  /** SHA-256 over the day's ids in order of seq, each followed by a line feed. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** At `at` the queue had taken every number of the epoch from 1 to this one, `last` at most; 0 is none. */
  acknowledged: z.int().nonnegative().optional(),
  /** How the epoch began, epochs before it that produced nothing taken together with it. */
  began: z
    .object({
      /** first: no outbox was there. restored: an older file came back. quarantined: the file was torn. */
      cause: z.enum(['first', 'start', 'restored', 'quarantined']),
      /** The epoch before and the last number that is known of it. */
      predecessor: z.object({ epoch: epochSchema, seq: z.int().nonnegative() }).optional(),
    })
    .optional(),
  at: instantSchema,
});

export type Ledger = z.infer<typeof ledgerSchema>;

/** A range that the bounded outbox gave up: declared, so that a hole in the sequence is never a riddle. */
const dropSchema = z.object({
  schema: z.literal(1),
  kind: z.literal('drop'),
  bridge: bridgeIdSchema,
  epoch: epochSchema,
  first: z.int().positive(),
  last: z.int().positive(),
  reason: z.string().min(1),
  at: instantSchema,
});

export type Drop = z.infer<typeof dropSchema>;

const kinds = {
  snapshot: snapshotSchema,
  heartbeat: heartbeatSchema,
  ledger: ledgerSchema,
  drop: dropSchema,
} as const;

export type Message = Snapshot | Heartbeat | Ledger | Drop;

export type Decoded =
  | {
      readonly ok: true;
      readonly message: Message /** SHA-256 of the body as received */;
      readonly digest: string;
    }
  | { readonly ok: false /** one line: where and why */; readonly fault: string; readonly digest: string };

const envelopeSchema = z.object({ schema: z.unknown(), kind: z.unknown() });

/**
 * Decodes one message body. Never throws: what cannot be decoded is an expected outcome with its reason.
 * Fields that this version does not know are ignored, because fields are only ever added; an unknown `schema`
 * is refused, because its meaning may have changed.
 */
export function decodeMessage(body: string): Decoded {
  const digest = sha256(body);
  const fault = (text: string): Decoded => ({ ok: false, fault: text, digest });

  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    return fault(`not JSON: ${(cause as Error).message}`);
  }
  const envelope = envelopeSchema.safeParse(json);
  if (!envelope.success) return fault('not a message: an object with "schema" and "kind" is expected');
  const { schema, kind } = envelope.data;
  if (schema !== 1) return fault(`unknown schema version ${JSON.stringify(schema)}: this decoder knows 1`);
  if (!isKind(kind)) {
    return fault(`unknown kind ${JSON.stringify(kind)}: expected ${Object.keys(kinds).join(', ')}`);
  }
  const parsed = kinds[kind].safeParse(json);
  if (!parsed.success) return fault(`${kind}: ${describeFaults(parsed.error)}`);
  return { ok: true, message: parsed.data, digest };
}

/**
 * The body that travels. Validates first: a bridge that would send what the drain refuses has a fault of its own,
 * and it shows here, before the snapshot counts as accepted.
 * @throws z.ZodError naming every field at fault
 */
export function encodeMessage(message: Message): string {
  return JSON.stringify(kinds[message.kind].parse(message));
}

/** @returns every fault of a schema check on one line: `path: message; path: message` */
export function describeFaults(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`).join('; ');
}

function isKind(kind: unknown): kind is keyof typeof kinds {
  return typeof kind === 'string' && Object.hasOwn(kinds, kind);
}
