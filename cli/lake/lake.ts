import { resolve } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { type Answer, toCell } from './cells.ts';
import { countConflicts, countStored, type StoredCounts } from './counts.ts';
import {
  cachePath,
  type DayRange,
  fetchObjects,
  type LakeObject,
  listRawObjects,
  listTableFiles,
} from './objects.ts';
import { viewStatements } from './views.ts';

export interface LakeOptions {
  readonly s3: S3Client;
  readonly bucket: string;
  /** Copies of objects are kept here, and fetched once. */
  readonly cacheDirectory: string;
  /**
   * Only what was observed on these days; default all. Whatever lies on others is neither fetched nor opened, so an id
   * whose two bodies are of two days is not known as such.
   */
  readonly days?: DayRange;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** The lake as it was when it was opened, to be asked in SQL. One question at a time. */
export interface Lake extends AsyncDisposable {
  /** Objects that the views read. */
  readonly objects: number;
  /** Keys under the prefix that the drain would not have written: they are left out. */
  readonly foreign: readonly string[];
  /** @throws QueryError with one line on what is wrong with the SQL */
  query(sql: string, options?: { readonly signal?: AbortSignal }): Promise<Answer>;
  counts(): Promise<StoredCounts>;
  /** How many ids have two bodies: must be 0. */
  conflicts(): Promise<number>;
}

/** The database refused the question: the person who asked can mend it. */
export class QueryError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'QueryError';
  }
}

/**
 * Lists the raw objects, then the files of the table, brings copies of those that are new, and opens an in-memory
 * database over them. A raw object that goes meanwhile is no loss: its rows have been in the table for a week.
 * @throws what S3 answers, as it came
 */
export async function openLake(options: LakeOptions): Promise<Lake> {
  const { s3 } = options;
  const cacheDirectory = resolve(options.cacheDirectory);
  const { objects, foreign } = await listRawObjects(s3, options);
  const tableFiles = await listTableFiles(s3, options);
  const gone = await fetchObjects([...objects, ...tableFiles], { ...options, cacheDirectory });
  const lacking = tableFiles.find(({ key }) => gone.has(key));
  if (lacking !== undefined) throw new Error(`${lacking.key} is missing, and the table needs it`);
  const present = objects.filter(({ key }) => !gone.has(key));

  const instance = await DuckDBInstance.create(':memory:', {
    // Nothing is fetched behind the user's back: what the views need is built in.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  const copies = (listed: readonly LakeObject[]) =>
    listed.map((object) => cachePath(object.key, cacheDirectory));
  const files = { raw: copies(present), table: copies(tableFiles), cacheDirectory };
  for (const statement of viewStatements(files)) await connection.run(statement);
  const query = (sql: string, { signal: stop }: { readonly signal?: AbortSignal } = {}) =>
    ask(connection, sql, stop);
  return {
    objects: present.length + tableFiles.length,
    foreign,
    query,
    counts: () => countStored(query),
    conflicts: () => countConflicts(query),
    async [Symbol.asyncDispose]() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** An interrupt that comes before the database has begun is lost, so it is repeated until the question ends. */
const INTERRUPT_PERIOD_MS = 20;

async function ask(
  connection: DuckDBConnection,
  sql: string,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  signal?.throwIfAborted();
  let repeated: NodeJS.Timeout | undefined;
  const interrupt = () => {
    repeated = setInterval(() => connection.interrupt(), INTERRUPT_PERIOD_MS);
  };
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    const reader = await connection.runAndReadAll(sql);
    return { columns: reader.columnNames(), rows: reader.getRows().map((row) => row.map(toCell)) };
  } catch (cause) {
    signal?.throwIfAborted();
    throw new QueryError(describeRefusal(cause), { cause });
  } finally {
    signal?.removeEventListener('abort', interrupt);
    clearInterval(repeated);
  }
}

/** DuckDB answers in paragraphs: what is wrong, a proposal, and where. One line keeps the first two. */
function describeRefusal(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const [paragraphs = ''] = text.split(/\n\s*LINE \d+:/);
  return paragraphs.trim().replace(/\s*\n\s*/g, ' ');
}
