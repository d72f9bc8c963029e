import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { LAKE } from '../../shared/names.ts';
import { instantSchema } from '../../shared/snapshot.ts';

/** As the dead-letter function writes it: what it adds later is let through. */
const letterSchema = z.object({
  schema: z.literal(1),
  messageId: z.string().min(1),
  /** When the queue took it. */
  sentAt: instantSchema,
  snapshotId: z.string().optional(),
  bodyDigest: z.string(),
  causes: z.array(z.object({ at: z.string(), attempt: z.number(), text: z.string() })),
  /** Byte for byte what was sent. */
  body: z.string(),
});

export interface DeadLetter extends z.infer<typeof letterSchema> {
  readonly objectKey: string;
}

export interface DeadLetters {
  /** Oldest first. */
  readonly letters: readonly DeadLetter[];
  /** Keys of objects that are no dead letters: they are left out. */
  readonly foreign: readonly string[];
}

const READS_MAX = 16;

/** Everything under `dead/v1/`. */
export async function readDeadLetters(
  s3: S3Client,
  bucket: string,
  signal?: AbortSignal,
): Promise<DeadLetters> {
  const keys = (await listObjects(s3, { bucket, prefix: LAKE.dead, signal })).map(({ key }) => key);
  const texts = await readObjects(s3, bucket, keys, signal);
  const letters: DeadLetter[] = [];
  const foreign: string[] = [];
  for (const [objectKey, text] of texts) {
    const letter = letterSchema.safeParse(parsed(text));
    if (letter.success) letters.push({ ...letter.data, objectKey });
    else foreign.push(objectKey);
  }
  return {
    letters: letters.toSorted((left, right) => Date.parse(left.sentAt) - Date.parse(right.sentAt)),
    foreign,
  };
}

export interface ListedObject {
  readonly key: string;
  readonly modifiedMs: number;
}

export async function listObjects(
  s3: S3Client,
  place: { readonly bucket: string; readonly prefix: string; readonly signal?: AbortSignal | undefined },
): Promise<ListedObject[]> {
  const found: ListedObject[] = [];
  const pages = paginateListObjectsV2({ client: s3 }, { Bucket: place.bucket, Prefix: place.prefix });
  for await (const page of pages) {
    place.signal?.throwIfAborted();
    for (const { Key: key, LastModified: modified } of page.Contents ?? []) {
      if (key !== undefined && modified !== undefined) found.push({ key, modifiedMs: modified.getTime() });
    }
  }
  return found;
}

/** @returns key and text in the order of the keys */
export async function readObjects(
  s3: S3Client,
  bucket: string,
  keys: readonly string[],
  signal?: AbortSignal,
): Promise<[key: string, text: string][]> {
  const texts: [string, string][] = [];
  const queue = keys.entries();
  const readInTurn = async () => {
    for (const [index, key] of queue) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
        ...(signal === undefined ? {} : { abortSignal: signal }),
      });
      texts[index] = [key, (await Body?.transformToString()) ?? ''];
    }
  };
  await Promise.all(Array.from({ length: READS_MAX }, readInTurn));
  return texts;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
