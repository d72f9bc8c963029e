import * as z from 'zod';

/**
 * The actions of a Delta log that a table of protocol 1/2 has: one JSON object a line in a commit, one row each in a
 * checkpoint. https://github.com/delta-io/delta/blob/master/PROTOCOL.md#actions
 */

/** A checkpoint brings 64-bit integers as bigint. All of ours are times and sizes, far below 2^53. */
const long = z.coerce.number().int();
const texts = z.record(z.string(), z.string().nullish());

const addSchema = z.object({
  /** Relative to the table, URI-encoded. */
  path: z.string(),
  partitionValues: texts,
  size: long,
  /** Epoch milliseconds. */
  modificationTime: long,
  dataChange: z.boolean(),
  /** JSON text: see statistics.ts of the compactor. */
  stats: z.string().optional(),
});

const removeSchema = z.object({
  path: z.string(),
  deletionTimestamp: long,
  dataChange: z.boolean(),
  extendedFileMetadata: z.boolean().optional(),
  partitionValues: texts.optional(),
  size: long.optional(),
});

const metaDataSchema = z.object({
  id: z.string(),
  format: z.object({ provider: z.literal('parquet'), options: texts.default({}) }),
  schemaString: z.string(),
  partitionColumns: z.array(z.string()),
  configuration: texts.default({}),
  createdTime: long.optional(),
});

/** Whatever asks for more than these was written by a tool that this code knows nothing of. */
const protocolSchema = z.object({
  minReaderVersion: z.coerce.number().pipe(z.literal(1, 'the table needs a newer reader')),
  minWriterVersion: z.coerce.number().pipe(z.literal([1, 2], 'the table needs a newer writer')),
});

const txnSchema = z.object({ appId: z.string(), version: long, lastUpdated: long.optional() });

const commitInfoSchema = z.looseObject({ txnId: z.string().optional() });

const actionSchema = z.object({
  add: addSchema.nullish(),
  remove: removeSchema.nullish(),
  metaData: metaDataSchema.nullish(),
  protocol: protocolSchema.nullish(),
  txn: txnSchema.nullish(),
  commitInfo: commitInfoSchema.nullish(),
});

export type Add = z.infer<typeof addSchema>;
export type Remove = z.infer<typeof removeSchema>;
export type MetaData = z.infer<typeof metaDataSchema>;
export type Txn = z.infer<typeof txnSchema>;
/** Exactly one of its fields is there. */
export type Action = z.infer<typeof actionSchema>;

export const PROTOCOL = { minReaderVersion: 1, minWriterVersion: 2 } as const;

/** @throws Error naming what is wrong: a log that is not understood must not be taken for an empty one */
export function readActions(source: string, rows: readonly unknown[]): Action[] {
  return rows.map((row) => {
    const parsed = actionSchema.safeParse(row);
    if (parsed.success) return parsed.data;
    throw new Error(`${source} is no Delta log of slotwise: ${z.prettifyError(parsed.error)}`);
  });
}

/** @throws Error as readActions, or SyntaxError */
export function readCommit(source: string, text: string): Action[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return readActions(
    source,
    lines.map((line): unknown => JSON.parse(line)),
  );
}

export function writeCommit(actions: readonly Action[]): string {
  return `${actions.map((action) => JSON.stringify(action)).join('\n')}\n`;
}
