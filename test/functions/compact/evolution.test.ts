import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeRows, toRow } from '../../../functions/drain/parquet.ts';
import { sha256 } from '../../../shared/digest.ts';
import { rawKey } from '../../../shared/names.ts';
import { startServices, type TestServices } from '../../support/services.ts';
import { DAY, LakeUnderTest, snapshotAt } from './lake-under-test.ts';

let services: TestServices;
let lake: LakeUnderTest;

beforeAll(async () => {
  services = await startServices();
  lake = new LakeUnderTest(services);
});

afterEach(() => services.reset());

afterAll(() => services[Symbol.asyncDispose]());

describe('a day with objects of several versions', () => {
  it('compacts: what a version lacks is null, what it has beyond becomes a column', async () => {
    await lake.put(1);
    await putAs(2, "* EXCLUDE (theta), 'CBOE' AS venue");
    expect(await lake.pass('hourly')).toMatchObject({ rows: 2 });
    expect(await lake.query('SELECT seq, venue, quantity FROM compacted ORDER BY seq')).toEqual([
      [1, null, '-3'],
      [2, 'CBOE', '-3'],
    ]);
    expect(await lake.query('SELECT seq, venue FROM snapshots ORDER BY seq')).toEqual([
      [1, null],
      [2, 'CBOE'],
    ]);
  });

  it('compacts when the column comes to a table that lacks it, and when it is absent again', async () => {
    await lake.put(1);
    await lake.pass('hourly');
    await putAs(2, '*, 7::BIGINT AS depth');
    await lake.pass('hourly');
    await lake.put(3);
    await lake.pass('hourly');
    const metaData = (await lake.commits()).map(
      (actions) => actions.filter((action) => action.metaData).length,
    );
    expect(metaData).toEqual([1, 1, 0]);
    await lake.pass('nightly');
    expect(await lake.query('SELECT seq, depth FROM compacted ORDER BY seq')).toEqual([
      [1, null],
      [2, 7],
      [3, null],
    ]);
  });

  it('stays in raw, and says why, when a column has come back as another type', async () => {
    await lake.put(1);
    await putAs(2, '* REPLACE (CAST(seq AS VARCHAR) AS seq)');
    await expect(lake.pass('hourly')).rejects.toThrow(
      /column seq came as VARCHAR, the table has it as BIGINT/,
    );
    expect(await services.objectKeys('table/')).toEqual([]);
    expect(await services.objectKeys('raw/')).toHaveLength(2);
  });
});

/** An object as a drain of another version would have written it. */
async function putAs(seq: number, selected: string): Promise<void> {
  const snapshot = snapshotAt(seq);
  const digest = sha256(JSON.stringify(snapshot));
  const directory = await mkdtemp(join(tmpdir(), 'slotwise-evolution-'));
  const [from, to] = [join(directory, 'from.parquet'), join(directory, 'to.parquet')];
  const instance = await DuckDBInstance.create();
  try {
    await writeFile(from, encodeRows([toRow({ snapshot, receivedAt: snapshot.observedAt, digest })]));
    const connection = await instance.connect();
    await connection.run(`COPY (SELECT ${selected} FROM '${from}') TO '${to}' (FORMAT parquet)`);
    connection.closeSync();
    const Key = rawKey(DAY, sha256(selected));
    const Body = await readFile(to);
    await services.clients.s3.send(new PutObjectCommand({ Bucket: services.bucket, Key, Body }));
  } finally {
    instance.closeSync();
    await rm(directory, { recursive: true, force: true });
  }
}
