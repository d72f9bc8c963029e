import { RAW_COLUMNS } from '../../shared/columns.ts';

/**
 * The views of the lake as SQL:
 *
 *   raw        every row of every object: what was delivered twice may be here twice
 *   snapshots  every snapshot id once
 *   conflicts  rows of ids that have two bodies: an error of whoever wrote them, and in no other view
 *
 * @param files absolute paths of copies of raw objects below `cacheDirectory`
 */
export function viewStatements(files: readonly string[], cacheDirectory: string): string[] {
  const columns = Object.entries(RAW_COLUMNS).map(([name, type]) => `${quoted(name)} ${type}`);
  const list = files.map(literal).join(', ');
  const objects =
    files.length === 0
      ? ''
      : `UNION ALL BY NAME
         SELECT * EXCLUDE (filename), filename[${cacheDirectory.length + 2}:] AS object_key
         FROM read_parquet([${list}], union_by_name = true, hive_partitioning = true, filename = true)`;
  return [
    // The database answers in the zone that the lake is written in, whatever the machine's.
    `SET TimeZone = 'UTC'`,
    `CREATE TABLE raw_columns (${columns.join(', ')}, dt DATE, object_key VARCHAR)`,
    `CREATE VIEW raw AS SELECT * FROM raw_columns ${objects}`,
    `CREATE VIEW snapshots AS
       SELECT * FROM raw
       WINDOW copies AS (PARTITION BY snapshot_id)
       QUALIFY min(body_digest) OVER copies IS NOT DISTINCT FROM max(body_digest) OVER copies
         AND row_number() OVER (copies ORDER BY received_at, object_key) = 1`,
    `CREATE VIEW conflicts AS
       SELECT * FROM raw
       WINDOW copies AS (PARTITION BY snapshot_id)
       QUALIFY min(body_digest) OVER copies <> max(body_digest) OVER copies`,
  ];
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
