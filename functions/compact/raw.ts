import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TableColumn } from '../../shared/delta/schema.ts';
import { rawPrefix } from '../../shared/names.ts';
import { columnsOfRows, rowsOfFiles, type Work } from './day.ts';
import { schemaBytes } from './parquet-schema.ts';
import { literal, literals } from './workbench.ts';

const RAW_KEY = /\/[0-9a-f]{64}\.parquet$/;

/** @returns keys of what the drain wrote for the day, the oldest first; anything else there is not ours to touch */
export async function rawObjects({ objects }: Work, day: string): Promise<string[]> {
  const listed = await objects.list(rawPrefix(day));
  return listed
    .filter(({ key }) => RAW_KEY.test(key))
    .toSorted((left, right) => left.modifiedMs - right.modifiedMs || (left.key < right.key ? -1 : 1))
    .map(({ key }) => key);
}

/**
 * Makes the view `delivered` over all rows of raw objects of one day, with every column that any of them has, and
 * `object_key`. A few hundred at a time are put together first, while the next few hundred come: the database keeps
 * the metadata of all that it has open.
 */
export async function openRaw(work: Work, keys: readonly string[]): Promise<readonly TableColumn[]> {
  const { bench } = work;
  const [first = ''] = keys;
  const prefix = literal(first.slice(0, first.lastIndexOf('/') + 1));
  const chunks = await bench.emptied('chunks');
  const paths: string[] = [];
  for await (const batch of ahead(parts(keys, work.openObjects), (part, index) => bring(work, part, index))) {
    for (const files of batch) {
      const path = join(chunks, `${paths.length}.parquet`);
      await bench.run(
        `COPY (
           SELECT * EXCLUDE (filename), ${prefix} || parse_filename(filename) AS object_key
           FROM read_parquet(${literals(files)}, filename = true, hive_partitioning = false)
         ) TO ${literal(path)} (FORMAT parquet, COMPRESSION snappy)`,
      );
      paths.push(path);
    }
  }
  await bench.run(`CREATE OR REPLACE VIEW delivered AS FROM ${rowsOfFiles(paths)}`);
  return columnsOfRows(bench, 'delivered');
}

/**
 * Brings raw objects as files.
 * @returns them by schema: those of one are read at once, which is a quarter cheaper than uniting them by name
 */
async function bring({ bench, objects }: Work, keys: readonly string[], index: number): Promise<string[][]> {
  // One is read while the next is filled.
  const directory = await bench.emptied(`raw-${index % 2}`);
  const bySchema: { readonly schema: Buffer; readonly files: string[] }[] = [];
  await objects.each(keys, (key, bytes) => {
    const path = join(directory, key.slice(key.lastIndexOf('/') + 1));
    // Of a few kilobytes: to wait for the disk costs less than to be called back.
    writeFileSync(path, bytes);
    const schema = schemaOf(key, bytes);
    const same = bySchema.find((each) => each.schema.equals(schema));
    if (same === undefined) bySchema.push({ schema, files: [path] });
    else same.files.push(path);
  });
  return bySchema.map(({ files }) => files);
}

function schemaOf(key: string, bytes: Uint8Array): Buffer {
  try {
    return Buffer.from(schemaBytes(bytes));
  } catch (cause) {
    throw new Error(`${key} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function parts<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}

/** The results in order; each is under way while the one before is in use. */
async function* ahead<T, U>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<U>,
): AsyncGenerator<U> {
  const begin = (index: number) => {
    const item = items[index];
    return item === undefined ? undefined : Promise.allSettled([work(item, index)]);
  };
  let coming = begin(0);
  try {
    for (let index = 1; coming !== undefined; index += 1) {
      const [present] = await coming;
      coming = undefined;
      if (present.status === 'rejected') throw present.reason;
      coming = begin(index);
      yield present.value;
    }
  } finally {
    await coming;
  }
}
