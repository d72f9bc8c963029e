import type { Ledger } from '../../shared/message.ts';
import type { Lake } from '../lake/lake.ts';
import type { StoredDigest, StoredRun } from './evidence.ts';

/** Every id that a reader can find, those with two bodies included: they are stored, and a fault of their own. */
const KNOWN = `known AS (
  SELECT bridge, epoch, seq, snapshot_id, observed_at FROM snapshots
  UNION ALL
  SELECT bridge, epoch, seq, snapshot_id, min(observed_at) FROM conflicts GROUP BY ALL
)`;

/** Neighbours make one row: a lake without holes is one row per epoch, however large it is. */
export async function readStoredRuns(
  lake: Pick<Lake, 'query'>,
  time: { readonly startMs: number; readonly endMs: number } | undefined,
  signal?: AbortSignal,
): Promise<StoredRun[]> {
  const isIn =
    time === undefined
      ? 'true'
      : `epoch_ms(observed_at) >= ${time.startMs} AND epoch_ms(observed_at) < ${time.endMs}`;
  const sql = `
    WITH ${KNOWN}, runs AS (
      SELECT *, seq - row_number() OVER (PARTITION BY bridge, epoch ORDER BY seq) AS run FROM known
    )
    SELECT bridge, epoch, min(seq), max(seq),
      epoch_ms(arg_min(observed_at, seq)), epoch_ms(arg_max(observed_at, seq)), count(*) FILTER (${isIn})
    FROM runs GROUP BY bridge, epoch, run ORDER BY 1, 2, 3`;
  const { rows } = await lake.query(sql, signal === undefined ? {} : { signal });
  return rows.map(([bridge, epoch, first, last, firstAtMs, lastAtMs, countInTime]) => ({
    bridge: String(bridge),
    epoch: String(epoch),
    first: Number(first),
    last: Number(last),
    firstAtMs: Number(firstAtMs),
    lastAtMs: Number(lastAtMs),
    countInTime: Number(countInTime),
  }));
}

/** The ids of each ledger's day as the lake has them, up to the ledger's last number, digested as the outbox does. */
export async function readStoredDigests(
  lake: Pick<Lake, 'query'>,
  ledgers: readonly Ledger[],
  signal?: AbortSignal,
): Promise<StoredDigest[]> {
  if (ledgers.length === 0) return [];
  // Decoded by the schema: bridge, epoch and day hold no quote.
  const values = ledgers.map(
    ({ bridge, epoch, day, last }) => `('${bridge}', '${epoch}', DATE '${day}', ${last})`,
  );
  const sql = `
    WITH ${KNOWN}, ledgers (bridge, epoch, day, last) AS (VALUES ${values.join(', ')})
    SELECT bridge, epoch, CAST(day AS VARCHAR), count(*),
      sha256(string_agg(snapshot_id || chr(10), '' ORDER BY seq))
    FROM known JOIN ledgers USING (bridge, epoch)
    WHERE CAST(observed_at AT TIME ZONE 'UTC' AS DATE) = day AND seq <= last
    GROUP BY bridge, epoch, day`;
  const { rows } = await lake.query(sql, signal === undefined ? {} : { signal });
  return rows.map(([bridge, epoch, day, count, digest]) => ({
    bridge: String(bridge),
    epoch: String(epoch),
    day: String(day),
    count: Number(count),
    digest: String(digest),
  }));
}
