import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { LAKE } from '../../shared/names.ts';
import { GRACE_MS, LakeUnderTest, NEXT_NIGHT_MS, range } from '../functions/compact/lake-under-test.ts';
import { startServices } from '../support/services.ts';

/**
 * `node test/delta/write-table.ts <directory>`: a table as it is after each step of its life, each a copy of the bucket
 * in a directory of its own, and beside it every raw object that there ever was.
 */
const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('usage: write-table.ts <directory>');
await using services = await startServices();
const lake = new LakeUnderTest(services);
/** Keys of all raw objects up to now, those that are gone included. */
const raw = new Set<string>();
let steps = 0;

await lake.put(...range(1, 50));
await lake.put(...range(40, 80));
await lake.pass('hourly');
await keep('first-append');

for (const first of [81, 101, 121]) {
  await lake.put(...range(first, first + 19));
  await lake.pass('hourly');
}
await keep('appends');

await lake.pass('nightly');
await keep('rearranged');

await lake.put(...range(141, 145), ...range(10, 20));
await lake.pass('nightly', { nowMs: NEXT_NIGHT_MS + 86_400_000 });
await keep('late-rows');

await lake.putAs(150, "*, 'CBOE' AS venue");
await lake.putAs(151, '* EXCLUDE (model_code)');
await lake.pass('nightly', { nowMs: NEXT_NIGHT_MS + 86_400_000 });
await keep('new-column');

for (const first of range(0, 11).map((index) => 200 + 5 * index)) {
  await lake.put(...range(first, first + 4));
  await lake.pass('hourly');
}
await keep('checkpoint');

const later = Date.now() + GRACE_MS + 60_000;
await lake.pass('nightly', { nowMs: later });
await lake.pass('nightly', { nowMs: later + GRACE_MS + 60_000 });
await lake.pass('nightly', { nowMs: later + 2 * (GRACE_MS + 60_000) });
if ((await services.objectKeys('raw/')).length > 0) throw new Error('raw objects are still there');
await keep('vacuumed');

async function keep(name: string): Promise<void> {
  steps += 1;
  const step = join(String(target), `${steps}-${name}`);
  for (const key of await services.objectKeys()) {
    const isRaw = key.startsWith(LAKE.raw);
    if (isRaw) raw.add(key);
    const path = join(isRaw ? String(target) : step, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, await services.objectBytes(key));
  }
  await writeFile(join(step, 'raw.json'), JSON.stringify([...raw]));
}
