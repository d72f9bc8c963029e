import { randomUUID } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileKey, filesOfDay, type TableState } from '../../shared/delta/log.ts';
import { PARTITION, type TableColumn } from '../../shared/delta/schema.ts';
import { COMPACT } from '../../shared/limits.ts';
import type { DeltaTable } from './delta-table.ts';
import type { Objects } from './objects.ts';
import type { NewFile } from './plan.ts';
import { statisticsOf } from './statistics.ts';
import { literal, literals, quoted, type Workbench } from './workbench.ts';

/** What every step of a pass works with. */
export interface Work {
  readonly objects: Objects;
  readonly table: DeltaTable;
  readonly bench: Workbench;
  readonly nowMs: number;
  readonly graceMs: number;
  /** Raw objects that one commit takes. */
  readonly batchObjects: number;
  /** Raw objects that are put together at once. */
  readonly openObjects: number;
  /** False once no further batch should begin. */
  readonly hasTime: () => boolean;
}

const COPY_OPTIONS = `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${COMPACT.rowGroupRows}, KV_METADATA {schema_version: '1'}`;

/** Tells the rows of a relation apart. */
export const PLACE = 'place_of_row';

/** @returns SQL: all rows of some Parquet files, with every column that any of them has, and PLACE */
export function rowsOfFiles(paths: readonly string[]): string {
  return `(SELECT *, (file_index << 32) + file_row_number AS ${PLACE}
    FROM read_parquet(${literals(paths)}, union_by_name = true, hive_partitioning = false))`;
}

/** @returns the columns of such a relation, without PLACE */
export async function columnsOfRows(bench: Workbench, relation: string): Promise<TableColumn[]> {
  const described = await bench.rows(`DESCRIBE FROM ${relation}`);
  return described
    .map(([name, type]) => ({ name: String(name), type: String(type) }))
    .filter(({ name }) => name !== PLACE);
}

/** Makes the view `committed` over the files of the day, copies of which are brought unless they are here. */
export async function openCommitted(work: Work, state: TableState, day: string): Promise<void> {
  const { bench, objects } = work;
  const files = filesOfDay(state, day);
  const directory = join(bench.directory, 'table');
  await mkdir(directory, { recursive: true });
  const paths = await objects.fetch(files.map(fileKey), directory);
  await bench.run(
    `CREATE OR REPLACE VIEW committed AS ${
      files.length === 0
        ? 'SELECT NULL::VARCHAR AS snapshot_id, NULL::VARCHAR AS body_digest, NULL::VARCHAR AS object_key WHERE false'
        : `SELECT snapshot_id, body_digest, object_key FROM read_parquet(${literals(paths)}, union_by_name = true)`
    }`,
  );
}

/**
 * Writes rows as files of the table, one row group each, and uploads them. Sorted over all of them, a file at a time:
 * the order is found by its narrow key, and only the rows of one file are in memory.
 *
 * Their names nobody has used and nobody will: what is there and not committed may be vacuumed at any time, so no
 * writer ever takes over what another one left.
 * @param from SQL: a relation with some of the columns, and PLACE
 */
export async function writeFiles(
  work: Work,
  options: {
    readonly day: string;
    readonly from: string;
    readonly rows: number;
    /** Those that the relation has; the others are null. */
    readonly present: ReadonlySet<string>;
    readonly columns: readonly TableColumn[];
  },
): Promise<NewFile[]> {
  const { bench } = work;
  const { from, rows, present } = options;
  const columns = options.columns.filter(({ name }) => name !== PARTITION.name);
  const count = Math.ceil(rows / COMPACT.rowGroupRows);
  await bench.run(
    `CREATE OR REPLACE TEMP TABLE ordered AS
     SELECT ${PLACE}, (row_number() OVER (ORDER BY ${SORT}) - 1) // ${Math.ceil(rows / count)} AS part
     FROM ${from}`,
  );
  const selected = columns.map(
    ({ name, type }) => `${present.has(name) ? quoted(name) : `NULL::${type}`} AS ${quoted(name)}`,
  );
  const files: NewFile[] = [];
  for (let part = 0; part < count; part += 1) {
    const sql = `SELECT ${selected.join(', ')}
      FROM ${from} SEMI JOIN (FROM ordered WHERE part = ${part}) USING (${PLACE})
      ORDER BY ${SORT}`;
    files.push(await writeFile(work, { day: options.day, sql, columns }));
  }
  const written = files.reduce((sum, file) => sum + file.rows, 0);
  if (written !== rows) throw new Error(`${options.day}: ${written} of ${rows} rows were written`);
  return files;
}

const SORT = 'account, observed_at, snapshot_id';

async function writeFile(
  work: Work,
  options: { readonly day: string; readonly sql: string; readonly columns: readonly TableColumn[] },
): Promise<NewFile> {
  const { bench, objects } = work;
  const { day, sql, columns } = options;
  const name = `${randomUUID()}.parquet`;
  const path = `${PARTITION.name}=${day}/${name}`;
  const local = join(await bench.emptied('new'), name);
  await bench.run(`COPY (${sql}) TO ${literal(local)} (${COPY_OPTIONS})`);
  const { rows, text } = await statisticsOf(bench, local, columns);
  const sizeBytes = await objects.putFile(fileKey({ path }), local);
  // The next batch compares with it: it need not come back.
  await mkdir(join(bench.directory, 'table'), { recursive: true });
  await rename(local, join(bench.directory, 'table', name));
  return { path, day, sizeBytes, statistics: text, rows };
}
