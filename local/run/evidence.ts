import { existsSync, readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { readEpochs } from '../../bridge/outbox/epochs.ts';
import { openLake } from '../../cli/lake/lake.ts';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { decodeMessage } from '../../shared/message.ts';
import { LAKE } from '../../shared/names.ts';
import type { ProducedEpoch, SeqRange } from './reconcile.ts';
import type { StateDirectory } from './state-directory.ts';

/** As bridge/bridge.ts names it in its state directory. */
const OUTBOX_FILE = 'outbox.db';

const FETCHES_AT_ONCE = 8;

export interface OutboxEvidence {
  readonly produced: readonly ProducedEpoch[];
  /** Snapshots that were not sent yet, or whose sending was not acknowledged. */
  readonly waiting: number;
}

/** Reads the outboxes of all bridges that this directory ever had. No bridge may run: each holds its own exclusively. */
export function readOutboxes(directory: StateDirectory): OutboxEvidence {
  const produced: ProducedEpoch[] = [];
  let waiting = 0;
  const root = directory.file('bridge');
  for (const bridge of existsSync(root) ? readdirSync(root) : []) {
    const file = directory.file('bridge', bridge, OUTBOX_FILE);
    if (!existsSync(file)) continue;
    produced.push(...readEpochs(file));
    waiting += countWaiting(file);
  }
  return { produced, waiting };
}

export interface LakeEvidence {
  readonly stored: readonly SeqRange[];
  readonly duplicateRows: number;
  readonly rawDuplicates: number;
  readonly conflicts: number;
}

/** Reads every Parquet file: what is stored is what stands in them, not what anybody reported as stored. */
export async function readLake(
  s3: S3Client,
  bucket: string,
  directory: StateDirectory,
): Promise<LakeEvidence> {
  const cacheDirectory = directory.file(LOCAL_RUN.lakeCacheDirectory);
  await using lake = await openLake({ s3, bucket, cacheDirectory });
  const { viewDuplicates, rawDuplicates, conflictIds } = await lake.counts();
  const { rows } = await lake.query(STORED_RANGES);
  return {
    stored: rows.map(([bridge, epoch, first, last]) => ({
      bridge: String(bridge),
      epoch: String(epoch),
      first: Number(first),
      last: Number(last),
    })),
    duplicateRows: viewDuplicates,
    rawDuplicates,
    conflicts: conflictIds,
  };
}

/** Neighbours make one row: a lake without holes is one row per epoch, however large it is. */
const STORED_RANGES = `
  WITH ids AS (
    SELECT DISTINCT
      split_part(snapshot_id, ':', 1) AS bridge,
      split_part(snapshot_id, ':', 2) AS epoch,
      CAST(split_part(snapshot_id, ':', 3) AS BIGINT) AS seq
    FROM raw
  ), runs AS (
    SELECT *, seq - row_number() OVER (PARTITION BY bridge, epoch ORDER BY seq) AS run FROM ids
  )
  SELECT bridge, epoch, min(seq), max(seq) FROM runs GROUP BY bridge, epoch, run`;

/** @returns the snapshot ids that the bodies under `dead/v1/` name; a body that names none stands for no snapshot */
export async function readDeadIds(s3: S3Client, bucket: string): Promise<string[]> {
  const bodies = await readObjects(s3, bucket, LAKE.dead);
  return bodies.flatMap(({ body }) => idOf(body) ?? []);
}

/** @returns what the bridges' outboxes declared given up */
export async function readDrops(s3: S3Client, bucket: string): Promise<SeqRange[]> {
  const bodies = await readObjects(s3, bucket, LAKE.ledger, (key) => /\/drop-[^/]+$/.test(key));
  return bodies.flatMap(({ body }) => {
    const decoded = decodeMessage(body);
    return decoded.ok && decoded.message.kind === 'drop' ? [decoded.message] : [];
  });
}

async function readObjects(
  s3: S3Client,
  bucket: string,
  prefix: string,
  wanted: (key: string) => boolean = () => true,
): Promise<{ key: string; body: string }[]> {
  const keys: string[] = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key: key } of page.Contents ?? []) if (key !== undefined && wanted(key)) keys.push(key);
  }
  const found: { key: string; body: string }[] = [];
  const queue = keys.values();
  const fetchNext = async () => {
    for (const key of queue) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      found.push({ key, body: (await Body?.transformToString()) ?? '' });
    }
  };
  await Promise.all(Array.from({ length: FETCHES_AT_ONCE }, fetchNext));
  return found;
}

/** Also of a body that does not decode: whatever made it die, its id says which snapshot it was. */
function idOf(body: string): string | undefined {
  try {
    const { id } = JSON.parse(body) as { id?: unknown };
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

function countWaiting(file: string): number {
  const database = new DatabaseSync(file, { timeout: 1000 });
  try {
    return Number(database.prepare(`SELECT count(*) AS n FROM pending WHERE kind = 'snapshot'`).get()?.n);
  } finally {
    database.close();
  }
}
