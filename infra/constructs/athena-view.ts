import type { TableColumn } from '../../shared/delta/schema.ts';
import { catalogType } from './column-types.ts';

export interface ViewSource {
  readonly database: string;
  /** Rows as they came, with `dt` as text. */
  readonly raw: string;
  /** The Delta table. */
  readonly table: string;
  /** What the view shows, and the Delta table has. */
  readonly columns: readonly TableColumn[];
}

const ZONED = 'TIMESTAMP WITH TIME ZONE';

/**
 * The view `snapshots` of `slotwise query`, in Athena's SQL: the table, and the raw rows that it does not have yet.
 * Each id once; an id with two bodies not at all.
 */
export function snapshotsSql({ database, raw, table, columns }: ViewSource): string {
  const names = columns.map(({ name }) => quoted(name)).join(', ');
  const rowsOf = (source: string, read: (column: TableColumn) => string, isRaw: number) =>
    `SELECT ${columns.map((column) => named(read(column), column.name)).join(', ')}, ${isRaw} AS is_raw
    FROM ${quoted(database)}.${quoted(source)}`;
  return `WITH deliveries AS (
    ${rowsOf(table, inTable, 0)}
    UNION ALL
    ${rowsOf(raw, inRaw, 1)}
  ), copies AS (
    SELECT *,
      min(body_digest) OVER (PARTITION BY snapshot_id) AS least_digest,
      max(body_digest) OVER (PARTITION BY snapshot_id) AS greatest_digest,
      row_number() OVER (PARTITION BY snapshot_id ORDER BY is_raw, received_at, object_key) AS copy
    FROM deliveries
  )
  SELECT ${names} FROM copies
  WHERE copy = 1 AND least_digest IS NOT DISTINCT FROM greatest_digest`;
}

/** Athena shows the timestamps of a Delta table with a zone, those of Parquet without one. */
function inTable({ name, type }: TableColumn): string {
  const value = quoted(name);
  return type === ZONED ? `CAST(${value} AT TIME ZONE 'UTC' AS ${catalogType(type).trino})` : value;
}

function inRaw({ name, type }: TableColumn): string {
  // https://docs.aws.amazon.com/athena/latest/ug/select.html on "$path": the object that the row is from.
  if (name === 'object_key') return `regexp_replace("$path", '^s3://[^/]+/', '')`;
  const value = quoted(name);
  return name === 'dt' || type === ZONED ? `CAST(${value} AS ${catalogType(type).trino})` : value;
}

/**
 * A view as Athena itself keeps it in Glue: a comment that only Trino reads.
 * https://stackoverflow.com/a/56347331 and Trino's ViewReaderUtil
 */
export function viewText(definition: {
  readonly database: string;
  readonly sql: string;
  readonly columns: readonly TableColumn[];
}): string {
  const text = JSON.stringify({
    originalSql: definition.sql,
    catalog: 'awsdatacatalog',
    schema: definition.database,
    columns: definition.columns.map(({ name, type }) => ({ name, type: catalogType(type).trino })),
  });
  return `/* Presto View: ${Buffer.from(text).toString('base64')} */`;
}

function named(value: string, name: string): string {
  return value === quoted(name) ? value : `${value} AS ${quoted(name)}`;
}

function quoted(name: string): string {
  return `"${name}"`;
}
