import { fileKey, type TableState } from '../../shared/delta/log.ts';
import { LAKE } from '../../shared/names.ts';
import { openCommitted, type Work } from './day.ts';
import { planVacuum, transactionId } from './plan.ts';
import { openRaw, rawObjects } from './raw.ts';

/** Objects of which every row, with this very body, is in the table. */
const RETIRED = `SELECT object_key
  FROM delivered LEFT JOIN (SELECT DISTINCT snapshot_id, body_digest, true AS is_there FROM committed) AS known
    USING (snapshot_id, body_digest)
  GROUP BY object_key HAVING count(*) = count(is_there)`;

/**
 * Deletes the raw objects of a day whose last new row was committed a grace period ago. Not by what the table says of
 * itself: every row is looked up, so that an id with two bodies, or whatever was overlooked, stays where it is.
 * @returns how many went
 */
export async function retireRaw(work: Work, state: TableState, day: string): Promise<number> {
  const committedMs = state.transactions.get(transactionId(day))?.lastUpdated;
  if (committedMs === undefined || committedMs >= work.nowMs - work.graceMs) return 0;
  const keys = await rawObjects(work, day);
  await openCommitted(work, state, day);
  let retired = 0;
  for (let start = 0; start < keys.length && work.hasTime(); start += work.batchObjects) {
    await openRaw(work, keys.slice(start, start + work.batchObjects));
    const found = await work.bench.rows(RETIRED);
    await work.objects.delete(found.map(([key]) => String(key)));
    retired += found.length;
  }
  return retired;
}

/** Deletes the files of the table that no reader can need any more. @returns how many went */
export async function vacuum(work: Work, state: TableState): Promise<number> {
  const { objects, nowMs, graceMs } = work;
  const listed = await objects.list(`${LAKE.table}dt=`);
  const keys = planVacuum({
    listed,
    active: new Set([...state.files.values()].map(fileKey)),
    replacedMs: new Map(
      [...state.tombstones.values()].map((each) => [fileKey(each), each.deletionTimestamp]),
    ),
    beforeMs: nowMs - graceMs,
  });
  await objects.delete(keys);
  return keys.length;
}
