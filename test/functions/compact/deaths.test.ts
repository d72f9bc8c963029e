import { PutObjectCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { s3Target } from '../../../local/aws/call-s3.ts';
import type { EmulatorRequest } from '../../../local/aws/emulators.ts';
import { startServices, type TestServices } from '../../support/services.ts';
import { GRACE_MS, LakeUnderTest, range } from './lake-under-test.ts';

let services: TestServices;
let lake: LakeUnderTest;
/** A table of nine commits, and an object that it does not have yet. */
let bucket: readonly (readonly [key: string, bytes: Uint8Array])[];
let before: readonly unknown[];

const readSnapshots = () => lake.query('SELECT * EXCLUDE (object_key) FROM snapshots ORDER BY seq');

beforeAll(async () => {
  services = await startServices();
  lake = new LakeUnderTest(services);
  for (const seq of range(1, 9)) {
    await lake.put(seq);
    await lake.pass('hourly');
  }
  await lake.put(10, 11);
  const keys = await services.objectKeys();
  bucket = await Promise.all(keys.map(async (key) => [key, await services.objectBytes(key)] as const));
  before = await readSnapshots();
  expect(before).toHaveLength(11);
  await services.reset();
}, 60_000);

afterEach(() => services.reset());

afterAll(() => services[Symbol.asyncDispose]());

const FILES = /^table\/v1\/dt=/;
const COMMITS = /^table\/v1\/_delta_log\/\d+\.json$/;

/** Long enough after everything that was stored by the embedded S3's own clock. */
const MUCH_LATER_MS = Date.now() + 3 * GRACE_MS;

describe('a compactor that dies', () => {
  it.each([
    ['before it has read a raw object', 'GET', /^raw\//, 1],
    ['before the upload', 'PUT', FILES, 1],
    ['after the upload and before the commit', 'PUT', COMMITS, 1],
    ['before the rearranged file is uploaded', 'PUT', FILES, 2],
    ['before the rearrangement is committed', 'PUT', COMMITS, 2],
    ['between the last commit and the checkpoint', 'PUT', /\.checkpoint\.parquet$/, 1],
    ['between the checkpoint and what points at it', 'PUT', /_last_checkpoint$/, 1],
    ['before the first raw object goes', 'DELETE', /^raw\//, 1],
    ['among the raw objects that go', 'DELETE', /^raw\//, 3],
    ['before the first file is vacuumed', 'DELETE', FILES, 1],
    ['among the files that are vacuumed', 'DELETE', FILES, 4],
  ] as const)(
    '%s changes nothing that readers see, and the next one ends its work',
    async (_, method, key, nth) => {
      for (const [Key, Body] of bucket) {
        await services.clients.s3.send(new PutObjectCommand({ Bucket: services.bucket, Key, Body }));
      }
      const dying = dieAt(method, key, nth);
      // A night that appends, rearranges and makes a checkpoint, and one that lets go of what is old.
      await lake.pass('nightly').catch(expectDeath);
      await lake.pass('nightly', { nowMs: MUCH_LATER_MS }).catch(expectDeath);
      expect(dying.isDead()).toBe(true);
      services.refuse('s3', undefined);
      expect(await readSnapshots()).toEqual(before);
      await lake.pass('nightly', { nowMs: MUCH_LATER_MS });
      await lake.pass('nightly', { nowMs: MUCH_LATER_MS + 2 * GRACE_MS });
      expect(await readSnapshots()).toEqual(before);
      expect(await services.objectKeys('raw/')).toEqual([]);
      expect(await services.objectKeys('table/v1/dt=')).toHaveLength(1);
    },
  );

  it('leaves readers each id once, whatever came in whichever order and wherever it died', async () => {
    const deliver = fc
      .uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 })
      .map((seqs) => ({ kind: 'deliver' as const, seqs }));
    const pass = fc.record({
      kind: fc.constant('pass' as const),
      pass: fc.constantFrom('hourly' as const, 'nightly' as const),
      batchObjects: fc.integer({ min: 1, max: 3 }),
      openObjects: fc.integer({ min: 1, max: 3 }),
      /** Of its writes; 0 lives. */
      diesAt: fc.integer({ min: 0, max: 4 }),
      graces: fc.integer({ min: 0, max: 2 }),
    });
    const steps = fc.array(fc.oneof(deliver, pass), { minLength: 3, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        await services.reset();
        const delivered = new Set<number>();
        let nowMs = Date.now();
        for (const step of plan) {
          if (step.kind === 'deliver') {
            await lake.put(...step.seqs);
            for (const seq of step.seqs) delivered.add(seq);
          } else {
            nowMs += step.graces * (GRACE_MS + 1);
            if (step.diesAt > 0) dieAt('PUT DELETE', /./, step.diesAt);
            const { pass: kind, batchObjects, openObjects } = step;
            await lake.pass(kind, { nowMs, batchObjects, openObjects }).catch(expectDeath);
            services.refuse('s3', undefined);
          }
          const expected = [...delivered].toSorted((left, right) => left - right);
          expect(await lake.seqs('snapshots')).toEqual(expected);
        }
        await lake.pass('nightly', { nowMs: nowMs + 1 });
        expect(await lake.seqs('compacted')).toEqual([...delivered].toSorted((left, right) => left - right));
      }),
      { numRuns: 3 },
    );
  }, 60_000);
});

/** From the nth such request on nothing is answered any more, as for somebody who is gone. */
function dieAt(methods: string, key: RegExp, nth: number): { isDead: () => boolean } {
  let count = 0;
  const isDead = () => count >= nth;
  services.refuse('s3', (request: EmulatorRequest) => {
    if (isDead()) return true;
    if (methods.includes(request.method) && key.test(s3Target(request.url).key)) count += 1;
    return isDead();
  });
  return { isDead };
}

function expectDeath(cause: unknown): void {
  expect(String(cause)).toContain('refused by the test');
}
