import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GetObjectCommand, NoSuchKey, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { loadTable } from '../../shared/delta/load.ts';
import { fileKey } from '../../shared/delta/log.ts';
import { PARTITION } from '../../shared/delta/schema.ts';
import { LAKE, utcDay } from '../../shared/names.ts';

/** Downloads at once: enough to hide the latency of S3, few enough for a home line. */
const FETCHES_MAX = 16;

/** `raw/v1/dt=<day>/<digest>.parquet`; anything else under the prefix is not ours to read. */
const RAW_KEY = new RegExp(`^${LAKE.raw}dt=\\d{4}-\\d{2}-\\d{2}/[0-9a-f]{64}\\.parquet$`);

export interface LakeObject {
  readonly key: string;
  readonly sizeBytes: number;
}

export interface Listing {
  readonly objects: readonly LakeObject[];
  /** Keys that the drain would not have written. */
  readonly foreign: readonly string[];
}

/** UTC days, `YYYY-MM-DD`, both of them part of it; open where one is not said. */
export interface DayRange {
  readonly first?: string;
  readonly last?: string;
}

/** @returns the days that an instant of this time can be in */
export function daysOfTime(time: { readonly fromMs?: number; readonly toMs?: number }): DayRange {
  const { fromMs, toMs } = time;
  return {
    ...(fromMs !== undefined && { first: utcDay(new Date(fromMs).toISOString()) }),
    // Its end is not part of it.
    ...(toMs !== undefined && { last: utcDay(new Date(toMs - 1).toISOString()) }),
  };
}

export async function listRawObjects(
  s3: S3Client,
  options: { readonly bucket: string; readonly days?: DayRange; readonly signal?: AbortSignal },
): Promise<Listing> {
  const { bucket, signal, days: { first, last } = {} } = options;
  const objects: LakeObject[] = [];
  const foreign: string[] = [];
  const input = {
    Bucket: bucket,
    Prefix: LAKE.raw,
    ...(first !== undefined && { StartAfter: `${LAKE.raw}dt=${first}` }),
  };
  // Behind every key of that day: a slash comes before a digit.
  const end = last === undefined ? undefined : `${LAKE.raw}dt=${last}0`;
  for await (const page of paginateListObjectsV2({ client: s3 }, input)) {
    signal?.throwIfAborted();
    for (const { Key: key, Size: sizeBytes } of page.Contents ?? []) {
      if (key === undefined || sizeBytes === undefined) continue;
      // Keys come in text order: days that follow are not listed any more.
      if (end !== undefined && key >= end) return { objects, foreign };
      if (RAW_KEY.test(key)) objects.push({ key, sizeBytes });
      else foreign.push(key);
    }
  }
  return { objects, foreign };
}

/** @returns the files that the newest version of the Delta table has; none before the first compaction */
export async function listTableFiles(
  s3: S3Client,
  options: { readonly bucket: string; readonly days?: DayRange; readonly signal?: AbortSignal },
): Promise<LakeObject[]> {
  const { bucket, signal, days: { first, last } = {} } = options;
  const { state } = await loadTable({
    listKeys: async (prefix, after) => {
      const keys: string[] = [];
      const input = { Bucket: bucket, Prefix: prefix, ...(after !== undefined && { StartAfter: after }) };
      for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, input)) {
        signal?.throwIfAborted();
        keys.push(...Contents.flatMap(({ Key }) => Key ?? []));
      }
      return keys;
    },
    bytes: (key) => objectBytes(key, { s3, bucket, ...(signal && { signal }) }),
  });
  const isAsked = (day: string) => (first ?? day) <= day && day <= (last ?? day);
  return [...state.files.values()]
    .filter(({ partitionValues }) => isAsked(partitionValues[PARTITION.name] ?? ''))
    .map((file) => ({ key: fileKey(file), sizeBytes: file.size }));
}

export interface FetchOptions {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly cacheDirectory: string;
  readonly signal?: AbortSignal;
  /** Called before the first and after each download; never when everything was there already. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Brings copies of the objects that the cache does not have. A key names its content and never changes what it holds,
 * so a copy is good for ever; it appears under its name only once it is whole.
 * @returns keys that the bucket no longer has
 */
export async function fetchObjects(
  objects: readonly LakeObject[],
  options: FetchOptions,
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  const missing: LakeObject[] = [];
  for (const object of objects) {
    if (!(await isCached(object, options.cacheDirectory))) missing.push(object);
  }
  if (missing.length === 0) return gone;
  options.onProgress?.(0, missing.length);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  let done = 0;
  const queue = missing.values();
  const fetchInTurn = async () => {
    for (const object of queue) {
      signal.throwIfAborted();
      const isThere = await fetchObject(object, { ...options, signal });
      if (!isThere) gone.add(object.key);
      done += 1;
      options.onProgress?.(done, missing.length);
    }
  };
  const fetches = Array.from({ length: FETCHES_MAX }, fetchInTurn);
  try {
    await Promise.all(fetches);
  } finally {
    // The first that fails ends the others: nothing goes on behind the caller's back.
    stop.abort();
    await Promise.allSettled(fetches);
  }
  return gone;
}

export function cachePath(key: string, cacheDirectory: string): string {
  return join(cacheDirectory, key);
}

async function isCached(object: LakeObject, cacheDirectory: string): Promise<boolean> {
  try {
    return (await stat(cachePath(object.key, cacheDirectory))).size === object.sizeBytes;
  } catch {
    return false;
  }
}

/** @returns false when the bucket no longer has it */
async function fetchObject(
  object: LakeObject,
  options: FetchOptions & { readonly signal: AbortSignal },
): Promise<boolean> {
  const bytes = await objectBytes(object.key, options);
  if (bytes === undefined) return false;
  if (bytes.length !== object.sizeBytes) {
    throw new Error(`${object.key}: ${bytes.length} bytes came, ${object.sizeBytes} were listed: try again`);
  }
  const path = cachePath(object.key, options.cacheDirectory);
  const temporary = `${path}.${randomUUID()}.part`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await writeFile(temporary, bytes, { mode: 0o600 });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
  return true;
}

/** @returns undefined when the bucket has no such object */
async function objectBytes(
  key: string,
  { s3, bucket, signal }: Pick<FetchOptions, 's3' | 'bucket' | 'signal'>,
): Promise<Uint8Array | undefined> {
  try {
    const response = await s3.send(
      new GetObjectCommand({ Bucket: bucket, Key: key }),
      signal === undefined ? {} : { abortSignal: signal },
    );
    return (await response.Body?.transformToByteArray()) ?? new Uint8Array();
  } catch (cause) {
    if (cause instanceof NoSuchKey) return undefined;
    throw cause;
  }
}
