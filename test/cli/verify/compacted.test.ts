import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gatherEvidence } from '../../../cli/verify/gather.ts';
import { type Verification, verify } from '../../../cli/verify/verify.ts';
import { declarationKey } from '../../../functions/drain/declarations.ts';
import { sha256 } from '../../../shared/digest.ts';
import { encodeMessage } from '../../../shared/message.ts';
import { DAY, GRACE_MS, LakeUnderTest, range, snapshotAt } from '../../functions/compact/lake-under-test.ts';
import { ledger } from '../../support/messages.ts';
import { startServices, type TestServices } from '../../support/services.ts';

let services: TestServices;
let lake: LakeUnderTest;

beforeAll(async () => {
  services = await startServices();
  lake = new LakeUnderTest(services);
});

afterAll(() => services[Symbol.asyncDispose]());

it('the proof holds when raw objects are gone after compaction, and never passes over a file that the table lacks', async () => {
  await lake.put(...range(1, 30));
  await lake.put(...range(25, 60));
  await putLedger(60);
  expect(await proof()).toMatchObject({ verdict: 'balanced', epochs: [{ produced: 60, stored: 60 }] });

  const nowMs = Date.now();
  await lake.pass('nightly', { nowMs });
  expect(await lake.pass('nightly', { nowMs: nowMs + GRACE_MS + 1 })).toMatchObject({ rawRetired: 2 });
  expect(await lake.seqs('raw')).toEqual([]);
  expect(await proof()).toMatchObject({
    verdict: 'balanced',
    epochs: [{ produced: 60, stored: 60 }],
    mismatches: [],
  });

  await lake.put(...range(61, 70));
  await lake.pass('nightly', { nowMs: nowMs + GRACE_MS + 2 });
  await putLedger(75);
  expect(await proof()).toMatchObject({
    verdict: 'lost',
    epochs: [{ stored: 70, lostRanges: [{ first: 71, last: 75 }] }],
  });

  for (const Key of await services.objectKeys(`table/v1/dt=${DAY}/`)) {
    await services.clients.s3.send(new DeleteObjectCommand({ Bucket: services.bucket, Key }));
  }
  await expect(proof()).rejects.toThrow(/is missing, and the table needs it/);
});

/** Says that the queue had taken so many, long ago. */
async function putLedger(last: number): Promise<void> {
  const ids = range(1, last).map((seq) => `${snapshotAt(seq).id}\n`);
  const message = ledger({
    day: DAY,
    first: 1,
    last,
    count: last,
    acknowledged: last,
    digest: sha256(ids.join('')),
    at: '2026-11-20T23:00:00.000Z',
  });
  const Key = declarationKey(message);
  await services.clients.s3.send(
    new PutObjectCommand({ Bucket: services.bucket, Key, Body: encodeMessage(message) }),
  );
}

async function proof(): Promise<Verification> {
  const cacheDirectory = await mkdtemp(join(tmpdir(), 'slotwise-lake-'));
  try {
    const evidence = await gatherEvidence({
      s3: services.clients.s3,
      bucket: services.bucket,
      cacheDirectory,
    });
    return verify(evidence, { nowMs: Date.parse('2026-12-20T00:00:00.000Z'), horizonMs: 1000 });
  } finally {
    await rm(cacheDirectory, { recursive: true, force: true });
  }
}
