import type { Lake } from '../lake/lake.ts';
import type { StoredRow } from './trail.ts';

const SELECT = `SELECT snapshot_id, con_id, priority, body_digest, object_key,
  strftime(observed_at, '%Y-%m-%dT%H:%M:%S.%gZ'), strftime(received_at, '%Y-%m-%dT%H:%M:%S.%gZ')`;

/** The rows of the lake about one contract, or of one id, newest first. */
export async function readRows(
  lake: Pick<Lake, 'query'>,
  about:
    | { readonly conId: number; readonly time?: { readonly startMs: number; readonly endMs: number } }
    | { readonly id: string },
  signal?: AbortSignal,
): Promise<StoredRow[]> {
  const sql = `${SELECT} FROM snapshots WHERE ${conditionOf(about)} ORDER BY observed_at DESC, seq DESC`;
  const { rows } = await lake.query(sql, signal === undefined ? {} : { signal });
  return rows.map(([id, conId, priority, bodyDigest, objectKey, observedAt, receivedAt]) => ({
    id: String(id),
    conId: Number(conId),
    priority: Number(priority),
    bodyDigest: String(bodyDigest),
    objectKey: String(objectKey),
    observedAt: String(observedAt),
    receivedAt: String(receivedAt),
  }));
}

function conditionOf(about: Parameters<typeof readRows>[1]): string {
  if ('id' in about) return `snapshot_id = '${about.id.replaceAll("'", "''")}'`;
  const { conId, time } = about;
  if (time === undefined) return `con_id = ${conId}`;
  return `con_id = ${conId} AND epoch_ms(observed_at) >= ${time.startMs} AND epoch_ms(observed_at) < ${time.endMs}`;
}
