import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { LogStore } from '../../shared/delta/load.ts';
import { COMPACT } from '../../shared/limits.ts';
import { SmallObjects } from './small-objects.ts';

export interface Listed {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** The bucket as the compactor needs it. */
export class Objects implements LogStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #small: SmallObjects;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
    this.#small = new SmallObjects(client, bucket);
  }

  /** @param after only keys behind it in text order */
  async list(prefix: string, after?: string): Promise<Listed[]> {
    const found: Listed[] = [];
    const input = { Bucket: this.#bucket, Prefix: prefix, ...(after !== undefined && { StartAfter: after }) };
    for await (const { Contents = [] } of paginateListObjectsV2({ client: this.#client }, input)) {
      for (const { Key: key, Size: sizeBytes = 0, LastModified } of Contents) {
        if (key !== undefined) found.push({ key, sizeBytes, modifiedMs: LastModified?.getTime() ?? 0 });
      }
    }
    return found;
  }

  /** @returns the prefixes one level below, such as `raw/v1/dt=2026-11-20/` */
  async prefixes(prefix: string): Promise<string[]> {
    const found: string[] = [];
    const input = { Bucket: this.#bucket, Prefix: prefix, Delimiter: '/' };
    for await (const { CommonPrefixes = [] } of paginateListObjectsV2({ client: this.#client }, input)) {
      for (const { Prefix } of CommonPrefixes) if (Prefix !== undefined) found.push(Prefix);
    }
    return found;
  }

  /** @returns undefined when there is none */
  bytes(key: string): Promise<Uint8Array | undefined> {
    return this.#small.read(key);
  }

  async listKeys(prefix: string, after?: string): Promise<string[]> {
    return (await this.list(prefix, after)).map(({ key }) => key);
  }

  /**
   * Brings the objects as files, under `directory/<last part of the key>`, unless they are there: no key of ours ever
   * changes what it holds.
   * @throws when one of them is gone
   */
  async fetch(keys: readonly string[], directory: string): Promise<string[]> {
    await mkdir(directory, { recursive: true });
    const paths = keys.map((key) => join(directory, key.slice(key.lastIndexOf('/') + 1)));
    await inParallel([...keys.entries()], async ([index, key]) => {
      const path = paths[index];
      if (path === undefined || existsSync(path)) return;
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
      if (Body === undefined) throw new Error(`${key} has no body`);
      await pipeline(Body as Readable, createWriteStream(`${path}.part`));
      await rename(`${path}.part`, path);
    });
    return paths;
  }

  /**
   * Reads small objects, many at once, in no order.
   * @throws when one of them is gone
   */
  async each(keys: readonly string[], take: (key: string, bytes: Uint8Array) => void): Promise<void> {
    await inParallel(keys, async (key) => {
      const bytes = await this.#small.read(key);
      if (bytes === undefined) throw new Error(`${key} is gone`);
      take(key, bytes);
    });
  }

  /** Overwrites: for what says the same whoever writes it. */
  async put(key: string, body: Uint8Array | string): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.#bucket, Key: key, Body: body }));
  }

  /** @returns its size in bytes */
  async putFile(key: string, path: string): Promise<number> {
    const bytes = await readFile(path);
    await this.put(key, bytes);
    return bytes.length;
  }

  /** One by one, so that the permission can be for these objects alone; deleting costs nothing. */
  async delete(keys: readonly string[]): Promise<void> {
    await inParallel(keys, async (key) => {
      await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }));
    });
  }
}

/** The first that fails ends the others after what they have in hand. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  let failed = false;
  const inTurn = async () => {
    for (const item of queue) {
      if (failed) return;
      try {
        await work(item);
      } catch (fault) {
        failed = true;
        throw fault;
      }
    }
  };
  await Promise.all(Array.from({ length: COMPACT.requestsMax }, inTurn));
}
