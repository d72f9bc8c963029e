import { RAW_COLUMNS } from '../../shared/columns.ts';

/** Absolute paths of copies, all of them below `cacheDirectory` under their keys. */
export interface ViewFiles {
  readonly raw: readonly string[];
  /** Of the Delta table's newest version. */
  readonly table: readonly string[];
  readonly cacheDirectory: string;
}

/**
 * The views of the lake as SQL:
 *
 *   raw        every row of every raw object: what was delivered twice may be here twice
 *   compacted  the Delta table: what compaction has brought there, each id once
 *   snapshots  every snapshot id once: the table, and the raw rows that it does not have
 *   conflicts  rows of ids that have two bodies: an error of whoever wrote them, and not in `snapshots`
 */
export function viewStatements({ raw, table, cacheDirectory }: ViewFiles): string[] {
  const columns = Object.entries(RAW_COLUMNS).map(([name, type]) => `${quoted(name)} ${type}`);
  const keyOfCopy = `filename[${cacheDirectory.length + 2}:] AS object_key`;
  return [
    // The database answers in the zone that the lake is written in, whatever the machine's.
    `SET TimeZone = 'UTC'`,
    `CREATE TABLE raw_columns (${columns.join(', ')}, dt DATE, object_key VARCHAR)`,
    `CREATE VIEW raw AS ${rowsOf(raw, `* EXCLUDE (filename), ${keyOfCopy}`)}`,
    `CREATE VIEW compacted AS ${rowsOf(table, '* EXCLUDE (filename)')}`,
    `CREATE VIEW deliveries AS
       SELECT *, true AS is_compacted FROM compacted UNION ALL BY NAME SELECT *, false AS is_compacted FROM raw`,
    `CREATE VIEW snapshots AS
       SELECT * EXCLUDE (is_compacted) FROM deliveries
       WINDOW copies AS (PARTITION BY snapshot_id)
       QUALIFY min(body_digest) OVER copies IS NOT DISTINCT FROM max(body_digest) OVER copies
         AND row_number() OVER (copies ORDER BY is_compacted DESC, received_at, object_key) = 1`,
    `CREATE VIEW conflicts AS
       SELECT * EXCLUDE (is_compacted) FROM deliveries
       WINDOW copies AS (PARTITION BY snapshot_id)
       QUALIFY min(body_digest) OVER copies <> max(body_digest) OVER copies`,
  ];
}

/** Every column is there, even without a file; one that only some files have is null in the others. */
function rowsOf(files: readonly string[], selected: string): string {
  const columns = 'SELECT * FROM raw_columns';
  if (files.length === 0) return columns;
  return `${columns} UNION ALL BY NAME
    SELECT ${selected}
    FROM read_parquet([${files.map(literal).join(', ')}],
      union_by_name = true, hive_partitioning = true, filename = true)`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
