import type { TableState } from '../../shared/delta/log.ts';
import { evolved } from '../../shared/delta/schema.ts';
import { COMPACT } from '../../shared/limits.ts';
import { openCommitted, PLACE, type Work, writeFiles } from './day.ts';
import { proposeAppend, tableColumns } from './plan.ts';
import { openRaw, rawObjects } from './raw.ts';

export interface Appended {
  readonly state: TableState;
  /** Rows that readers of the table did not have. */
  readonly rows: number;
  readonly commits: number;
  /** Ids with two bodies, in raw or in raw and table: they stay in raw, and a person has to look. */
  readonly conflicts: number;
  /** False when time ran out: the table itself says where to go on. */
  readonly isComplete: boolean;
}

/**
 * Of each id the copy that SQS took first. An id that came with two bodies has no row here: nobody can say which is
 * right. Narrow on purpose: the wide rows are read once more, when it is known which.
 */
const JUDGE = `CREATE OR REPLACE TEMP TABLE judged AS
  WITH ids AS (
    SELECT snapshot_id, min(body_digest) AS least, max(body_digest) AS greatest,
      arg_min(${PLACE}, received_at) AS ${PLACE}
    FROM delivered GROUP BY snapshot_id
  ), known AS (SELECT DISTINCT snapshot_id, body_digest FROM committed)
  SELECT ${PLACE}, known.snapshot_id IS NULL AS is_new,
    CASE WHEN least <> greatest OR least <> known.body_digest THEN snapshot_id END AS conflicting_id
  FROM ids LEFT JOIN known USING (snapshot_id)`;

const COUNT = `SELECT
  count(*) FILTER (is_new AND conflicting_id IS NULL), count(conflicting_id) FROM judged`;

/**
 * Rows of an object that also holds an id with two bodies do not name it, so that it is read again in every pass:
 * forgotten, it could leave its other body alone in raw, and that one would look right.
 */
const NEW_ROWS = `(
  SELECT * REPLACE (CASE WHEN object_key IN (
      SELECT object_key FROM delivered
      WHERE snapshot_id IN (SELECT conflicting_id FROM judged WHERE conflicting_id IS NOT NULL)
    ) THEN NULL ELSE object_key END AS object_key)
  FROM delivered SEMI JOIN (FROM judged WHERE is_new AND conflicting_id IS NULL) USING (${PLACE}))`;

/**
 * Brings a day's rows into the table that it does not have yet, a bounded number of raw objects at a time. How far it
 * has come is in the table: an object whose key a row there has was taken as a whole, by the commit of that row.
 */
export async function appendDay(work: Work, start: TableState, day: string): Promise<Appended> {
  const keys = await rawObjects(work, day);
  let state = start;
  let [rows, commits, conflicts, overtaken] = [0, 0, 0, 0];
  await work.bench.emptied('table');
  await openCommitted(work, state, day);
  let pending = await withoutCommitted(work, keys);
  while (pending.length > 0) {
    if (!work.hasTime()) return { state, rows, commits, conflicts, isComplete: false };
    const batch = pending.slice(0, work.batchObjects);
    const found = await openRaw(work, batch);
    await work.bench.run(JUDGE);
    const [counts = []] = await work.bench.rows(COUNT);
    const [newRows = 0, conflicting = 0] = counts.map(Number);
    if (newRows > 0) {
      const columns = evolved(tableColumns(state), found);
      const present = new Set(found.map(({ name }) => name));
      const files = await writeFiles(work, { day, from: NEW_ROWS, rows: newRows, present, columns });
      const outcome = await work.table.commit(
        state,
        proposeAppend({ state, day, files, columns, nowMs: work.nowMs }),
      );
      state = outcome.state;
      await openCommitted(work, state, day);
      if (outcome.kind === 'overtaken') {
        overtaken += 1;
        if (overtaken === COMPACT.attemptsMax) throw new Error(`${day}: ${overtaken} others came first`);
        pending = await withoutCommitted(work, pending);
        continue;
      }
      rows += newRows;
      commits += 1;
    }
    conflicts += conflicting;
    pending = pending.slice(batch.length);
  }
  return { state, rows, commits, conflicts, isComplete: true };
}

async function withoutCommitted(work: Work, keys: readonly string[]): Promise<readonly string[]> {
  const found = await work.bench.rows('SELECT DISTINCT object_key FROM committed');
  const committed = new Set(found.map(([key]) => key));
  return keys.filter((key) => !committed.has(key));
}
