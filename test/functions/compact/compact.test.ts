import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rowsOf } from '../../../functions/compact/plan.ts';
import { sha256 } from '../../../shared/digest.ts';
import { rawKey } from '../../../shared/names.ts';
import { startServices, type TestServices } from '../../support/services.ts';
import { DAY, GRACE_MS, LakeUnderTest, NEXT_NIGHT_MS, range, snapshotAt } from './lake-under-test.ts';

let services: TestServices;
let lake: LakeUnderTest;

beforeAll(async () => {
  services = await startServices();
  lake = new LakeUnderTest(services);
});

afterEach(() => services.reset());

afterAll(() => services[Symbol.asyncDispose]());

describe('an hourly pass', () => {
  it('brings what is new into the table, each id once, with every column as it was in raw', async () => {
    await lake.put(...range(1, 40));
    await lake.put(...range(30, 60));
    expect(await lake.pass('hourly')).toMatchObject({ rows: 60, commits: 1, conflicts: [], unfinished: [] });
    expect(await lake.seqs('compacted')).toEqual(range(1, 60));
    expect(await lake.query('FROM compacted EXCEPT FROM raw')).toEqual([]);
    expect(await lake.seqs('snapshots')).toEqual(range(1, 60));
  });

  it('puts any number of objects together, some at a time', async () => {
    for (const first of range(0, 6)) await lake.put(...range(first * 5 + 1, first * 5 + 8));
    expect(await lake.pass('hourly', { openObjects: 2 })).toMatchObject({ rows: 38, commits: 1 });
    expect(await lake.seqs('compacted')).toEqual(range(1, 38));
    expect(await lake.query('FROM compacted EXCEPT FROM raw')).toEqual([]);
  });

  it('says which object is no Parquet, and goes on when it is gone', async () => {
    await lake.put(1);
    const { s3 } = services.clients;
    const Key = rawKey(DAY, sha256('no Parquet'));
    await s3.send(new PutObjectCommand({ Bucket: services.bucket, Key, Body: 'no Parquet' }));
    await expect(lake.pass('hourly')).rejects.toThrow(`${Key} cannot be read: no Parquet file`);
    await s3.send(new DeleteObjectCommand({ Bucket: services.bucket, Key }));
    expect(await lake.pass('hourly')).toMatchObject({ rows: 1 });
  });

  it('commits nothing when nothing is new, and only what is new when something is', async () => {
    await lake.put(...range(1, 10));
    await lake.pass('hourly');
    expect(await lake.pass('hourly')).toMatchObject({ rows: 0, commits: 0, version: 0 });
    await lake.put(...range(8, 15));
    expect(await lake.pass('hourly')).toMatchObject({ rows: 5, commits: 1, version: 1 });
    expect(await lake.seqs('compacted')).toEqual(range(1, 15));
  });

  it('sorts by account, time and id', async () => {
    await lake.put(...range(1, 50).toReversed());
    await lake.pass('hourly');
    const [file = ''] = await services.objectKeys(`table/v1/dt=${DAY}/`);
    const rows = await lake.query(`SELECT account, observed_at::VARCHAR, snapshot_id FROM compacted`);
    const key = (row: readonly unknown[]) => row.join(' ');
    expect(file).toMatch(/^table\/v1\/dt=2026-11-20\/[0-9a-f-]{36}\.parquet$/);
    expect(rows.map(key)).toEqual(rows.map(key).toSorted());
  });

  it('takes the copy that SQS took first, and names the object that brought it', async () => {
    const early = { snapshot: snapshotAt(1), receivedAt: '2026-11-20T15:00:02.000Z' };
    const late = { snapshot: snapshotAt(1), receivedAt: '2026-11-20T15:00:09.000Z' };
    await lake.deliver(late, { snapshot: snapshotAt(2) });
    const key = await lake.deliver(early, { snapshot: snapshotAt(3) });
    await lake.pass('hourly');
    const row = ['2026-11-20T15:00:02.000Z', key];
    expect(await lake.query('SELECT received_at, object_key FROM compacted WHERE seq = 1')).toEqual([row]);
    expect(await lake.query('SELECT received_at, object_key FROM snapshots WHERE seq = 1')).toEqual([row]);
  });

  it('takes today and yesterday, and leaves earlier days to the night', async () => {
    for (const days of [0, 1, 2]) {
      const observedAt = new Date(Date.parse(`${DAY}T12:00:00.000Z`) - days * 86_400_000).toISOString();
      await lake.deliver({ snapshot: { ...snapshotAt(days + 1), observedAt } });
    }
    expect(await lake.pass('hourly')).toMatchObject({ days: 2, rows: 2 });
    expect(await lake.pass('nightly')).toMatchObject({ days: 3, rows: 1 });
    expect(await lake.seqs('compacted')).toEqual([1, 2, 3]);
    const ofDay = (day: string) => lake.query('SELECT seq FROM compacted', { first: day, last: day });
    expect(await ofDay('2026-11-19')).toEqual([[2]]);
  });

  it('goes on where its time ended, and never takes an object twice', async () => {
    for (const first of [1, 11, 21, 31, 41]) await lake.put(...range(first, first + 9));
    let batches = 0;
    const hasTime = () => {
      batches += 1;
      return batches <= 2;
    };
    const first = await lake.pass('hourly', { batchObjects: 1, hasTime });
    expect(first).toMatchObject({ rows: 20, commits: 2, unfinished: [DAY] });
    expect(await lake.seqs('snapshots')).toEqual(range(1, 50));
    expect(await lake.pass('hourly', { batchObjects: 2 })).toMatchObject({
      rows: 30,
      commits: 2,
      unfinished: [],
    });
    expect(await lake.seqs('compacted')).toEqual(range(1, 50));
  });

  it('leaves alone what the drain would not have written', async () => {
    await lake.put(1);
    const { s3 } = services.clients;
    const Key = `raw/v1/dt=${DAY}/notes.txt`;
    await s3.send(new PutObjectCommand({ Bucket: services.bucket, Key, Body: 'no Parquet' }));
    expect(await lake.pass('hourly')).toMatchObject({ rows: 1 });
  });
});

describe('an id with two bodies', () => {
  const other = { snapshot: { ...snapshotAt(1), quantity: '9' }, body: 'another' };

  it('has no row in the table, is reported by every pass, and stays in raw as long as it takes', async () => {
    await lake.put(1, 2, 3);
    await lake.deliver(other, { snapshot: snapshotAt(4) });
    expect(await lake.pass('hourly')).toMatchObject({ rows: 3, conflicts: [{ day: DAY, ids: 1 }] });
    expect(await lake.seqs('compacted')).toEqual([2, 3, 4]);
    expect(await lake.seqs('snapshots')).toEqual([2, 3, 4]);
    expect(await lake.seqs('conflicts')).toEqual([1, 1]);
    expect(await lake.pass('hourly')).toMatchObject({ rows: 0, conflicts: [{ day: DAY, ids: 1 }] });
    const later = { nowMs: NEXT_NIGHT_MS + 2 * GRACE_MS };
    expect(await lake.pass('nightly', later)).toMatchObject({
      rows: 0,
      rawRetired: 0,
      conflicts: [{ ids: 1 }],
    });
    expect(await lake.seqs('conflicts')).toEqual([1, 1]);
  });

  it('keeps the row that readers had, where the second body comes later, and is shown with both', async () => {
    await lake.put(1, 2);
    await lake.pass('hourly');
    await lake.deliver(other, { snapshot: snapshotAt(3) });
    expect(await lake.pass('hourly')).toMatchObject({ rows: 1, conflicts: [{ day: DAY, ids: 1 }] });
    expect(await lake.query('SELECT seq, quantity FROM compacted ORDER BY seq')).toEqual([
      [1, '-3'],
      [2, '-3'],
      [3, '-3'],
    ]);
    expect(await lake.pass('nightly', { nowMs: NEXT_NIGHT_MS + GRACE_MS + 1 })).toMatchObject({
      rawRetired: 1,
    });
    expect(await lake.seqs('snapshots')).toEqual([2, 3]);
    expect(await lake.query('SELECT quantity FROM conflicts ORDER BY quantity')).toEqual([['-3'], ['9']]);
  });
});

describe('a nightly pass', () => {
  it('puts the files of a day together: the same rows, and no reader takes them for new', async () => {
    for (const first of [1, 11, 21]) {
      await lake.put(...range(first, first + 9));
      await lake.pass('hourly');
    }
    await lake.put(31);
    const before = await lake.query('FROM snapshots ORDER BY seq');
    expect(await lake.pass('nightly')).toMatchObject({ rows: 1, commits: 2, filesReplaced: 4 });
    expect(await lake.query('FROM snapshots ORDER BY seq')).toEqual(before);
    const commits = await lake.commits();
    const changes = commits.map((actions) =>
      actions.flatMap(({ add, remove }) => (add ?? remove)?.dataChange ?? []),
    );
    expect(changes).toEqual([[true], [true], [true], [true], [false, false, false, false, false]]);
    const last = commits.at(-1)?.flatMap(({ add }) => (add ? rowsOf(add) : []));
    expect(last).toEqual([31]);
    expect(await lake.pass('nightly')).toMatchObject({ commits: 0 });
  });

  it('lets raw objects go a grace period after their last new row, and the table then has all of it', async () => {
    await lake.put(...range(1, 10));
    await lake.put(...range(5, 15));
    await lake.pass('nightly');
    const before = await lake.query('SELECT * EXCLUDE (object_key) FROM snapshots ORDER BY seq');
    expect(await lake.pass('nightly', { nowMs: NEXT_NIGHT_MS + GRACE_MS })).toMatchObject({ rawRetired: 0 });
    expect(await lake.pass('nightly', { nowMs: NEXT_NIGHT_MS + GRACE_MS + 1 })).toMatchObject({
      rawRetired: 2,
    });
    expect(await services.objectKeys('raw/')).toEqual([]);
    expect(await lake.query('SELECT * EXCLUDE (object_key) FROM snapshots ORDER BY seq')).toEqual(before);
  });

  it('starts the grace period anew for a day that has a late row', async () => {
    await lake.put(1);
    await lake.pass('nightly');
    await lake.put(2);
    const later = NEXT_NIGHT_MS + GRACE_MS + 1;
    expect(await lake.pass('nightly', { nowMs: later })).toMatchObject({ rows: 1, rawRetired: 0 });
    expect(await lake.pass('nightly', { nowMs: later + GRACE_MS + 1 })).toMatchObject({ rawRetired: 2 });
    expect(await lake.seqs('snapshots')).toEqual([1, 2]);
  });

  it('vacuums files that were replaced a grace period ago, never the log, and nothing that is read', async () => {
    await lake.put(1);
    await lake.pass('hourly');
    await lake.put(2);
    await lake.pass('nightly');
    const files = () => services.objectKeys(`table/v1/dt=${DAY}/`);
    expect(await files()).toHaveLength(3);
    // The embedded S3 stamps objects with today's date, whatever a pass takes for now.
    const nowMs = Date.now() + GRACE_MS + 60_000;
    expect(await lake.pass('nightly', { nowMs })).toMatchObject({ filesVacuumed: 2 });
    expect(await files()).toHaveLength(1);
    expect(await lake.seqs('compacted')).toEqual([1, 2]);
    expect(await lake.commits()).toHaveLength(3);
  });
});

describe('the log', () => {
  it('gets a checkpoint, from which the table reads the same as from its first commit', async () => {
    for (const seq of range(1, 12)) {
      await lake.put(seq);
      await lake.pass('hourly');
    }
    const checkpoint = 'table/v1/_delta_log/00000000000000000010.checkpoint.parquet';
    expect(await services.objectKeys('table/v1/_delta_log/')).toContain(checkpoint);
    expect(await lake.seqs('compacted')).toEqual(range(1, 12));
    // What lies before it is not read any more.
    for (const version of range(0, 10)) {
      const Key = `table/v1/_delta_log/${String(version).padStart(20, '0')}.json`;
      await services.clients.s3.send(new DeleteObjectCommand({ Bucket: services.bucket, Key }));
    }
    expect(await lake.seqs('compacted')).toEqual(range(1, 12));
    await lake.put(13);
    expect(await lake.pass('hourly')).toMatchObject({ rows: 1, version: 12 });
  });
});
