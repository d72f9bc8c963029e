import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { encodeRows, toRow } from '../../../functions/drain/parquet.ts';
import { batchDigest, sha256 } from '../../../shared/digest.ts';
import { rawKey, utcDay } from '../../../shared/names.ts';
import type { Snapshot } from '../../../shared/snapshot.ts';

/** One delivery of a snapshot; `body` stands for another body under the same id. */
export interface Delivery {
  readonly snapshot: Snapshot;
  readonly body?: string;
  readonly receivedAt?: string;
}

/** Writes a raw object of one day as the drain does, and says where. */
export async function putRawObject(
  s3: S3Client,
  bucket: string,
  deliveries: readonly Delivery[],
): Promise<string> {
  const rows = deliveries.map(({ snapshot, body, receivedAt = '2026-11-20T15:00:01.000Z' }) => ({
    id: snapshot.id,
    digest: sha256(body ?? JSON.stringify(snapshot)),
    snapshot,
    receivedAt,
  }));
  const day = utcDay(deliveries[0]?.snapshot.observedAt ?? '2026-11-20');
  const key = rawKey(day, batchDigest(rows));
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: encodeRows(rows.map(toRow)) }));
  return key;
}
