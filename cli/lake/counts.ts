import type { Answer } from './cells.ts';

/** What the lake holds of snapshots, counted by reading every row. */
export interface StoredCounts {
  /** Rows of all raw objects that are still there. */
  readonly rawRows: number;
  /** Distinct snapshot ids in raw and table, those in conflict included. */
  readonly ids: number;
  /** Rows of raw beyond one per id: what redelivery wrote twice. */
  readonly rawDuplicates: number;
  /** Rows that a reader of the view sees. */
  readonly viewRows: number;
  /** Rows of the view beyond one per id: must be 0. */
  readonly viewDuplicates: number;
  /** Ids with two bodies: must be 0. */
  readonly conflictIds: number;
}

type Query = (sql: string) => Promise<Answer>;

const CONFLICTING = `SELECT count(*) FROM
  (FROM deliveries SELECT snapshot_id GROUP BY snapshot_id HAVING min(body_digest) <> max(body_digest))`;

export async function countStored(query: Query): Promise<StoredCounts> {
  const { rows } = await query(`
    SELECT
      (SELECT count(*) FROM raw),
      (SELECT count(*) - count(DISTINCT snapshot_id) FROM raw),
      (SELECT count(*) FROM (SELECT snapshot_id FROM raw UNION SELECT snapshot_id FROM compacted)),
      (SELECT count(*) FROM snapshots),
      (SELECT count(*) - count(DISTINCT snapshot_id) FROM snapshots),
      (${CONFLICTING})`);
  const [rawRows = 0, rawDuplicates = 0, ids = 0, viewRows = 0, viewDuplicates = 0, conflictIds = 0] = (
    rows[0] ?? []
  ).map(Number);
  return { rawRows, ids, rawDuplicates, viewRows, viewDuplicates, conflictIds };
}

export async function countConflicts(query: Query): Promise<number> {
  const { rows } = await query(CONFLICTING);
  return Number(rows[0]?.[0] ?? 0);
}
