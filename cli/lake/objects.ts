import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { LAKE } from '../../shared/names.ts';

/** Downloads at once: enough to hide the latency of S3, few enough for a home line. */
const FETCHES_MAX = 16;

/** `raw/v1/dt=<day>/<digest>.parquet`; anything else under the prefix is not ours to read. */
const RAW_KEY = new RegExp(`^${LAKE.raw}dt=\\d{4}-\\d{2}-\\d{2}/[0-9a-f]{64}\\.parquet$`);

export interface RawObject {
  readonly key: string;
  readonly sizeBytes: number;
}

export interface Listing {
  readonly objects: readonly RawObject[];
  /** Keys that the drain would not have written. */
  readonly foreign: readonly string[];
}

export async function listRawObjects(s3: S3Client, bucket: string, signal?: AbortSignal): Promise<Listing> {
  const objects: RawObject[] = [];
  const foreign: string[] = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: LAKE.raw })) {
    signal?.throwIfAborted();
    for (const { Key: key, Size: sizeBytes } of page.Contents ?? []) {
      if (key === undefined || sizeBytes === undefined) continue;
      if (RAW_KEY.test(key)) objects.push({ key, sizeBytes });
      else foreign.push(key);
    }
  }
  return { objects, foreign };
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
 */
export async function fetchObjects(objects: readonly RawObject[], options: FetchOptions): Promise<void> {
  const missing: RawObject[] = [];
  for (const object of objects) {
    if (!(await isCached(object, options.cacheDirectory))) missing.push(object);
  }
  if (missing.length === 0) return;
  options.onProgress?.(0, missing.length);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  let done = 0;
  const queue = missing.values();
  const fetchInTurn = async () => {
    for (const object of queue) {
      signal.throwIfAborted();
      await fetchObject(object, { ...options, signal });
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
}

export function cachePath(key: string, cacheDirectory: string): string {
  return join(cacheDirectory, key);
}

async function isCached(object: RawObject, cacheDirectory: string): Promise<boolean> {
  try {
    return (await stat(cachePath(object.key, cacheDirectory))).size === object.sizeBytes;
  } catch {
    return false;
  }
}

async function fetchObject(
  object: RawObject,
  options: FetchOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { s3, bucket, cacheDirectory, signal } = options;
  const response = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: object.key }), {
    abortSignal: signal,
  });
  const bytes = await response.Body?.transformToByteArray();
  if (bytes?.length !== object.sizeBytes) {
    throw new Error(
      `${object.key}: ${bytes?.length ?? 0} bytes came, ${object.sizeBytes} were listed: try again`,
    );
  }
  const path = cachePath(object.key, cacheDirectory);
  const temporary = `${path}.${randomUUID()}.part`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await writeFile(temporary, bytes, { mode: 0o600 });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}
