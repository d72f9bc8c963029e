import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Lake, type LakeOptions, openLake, QueryError } from '../../../cli/lake/lake.ts';
import { cachePath, type DayRange, daysOfTime } from '../../../cli/lake/objects.ts';
import { parseTradingDate } from '../../../cli/trading-date.ts';
import { RAW_COLUMNS } from '../../../shared/columns.ts';
import type { Snapshot } from '../../../shared/snapshot.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';
import { snapshot } from '../../support/snapshots.ts';
import { putRawObject } from './rows.ts';

let aws: TestS3;
let cacheDirectory: string;
const opened: Lake[] = [];

beforeAll(async () => {
  aws = await startS3();
});

beforeEach(async () => {
  cacheDirectory = await mkdtemp(join(tmpdir(), "slotwise lake's-"));
});

afterEach(async () => {
  for (const lake of opened.splice(0)) await lake[Symbol.asyncDispose]();
  aws.empty();
  await rm(cacheDirectory, { recursive: true, force: true });
});

afterAll(async () => {
  await aws[Symbol.asyncDispose]();
});

async function open(options: Pick<LakeOptions, 'days' | 'onProgress'> = {}): Promise<Lake> {
  const lake = await openLake({ s3: aws.client, bucket: aws.bucket, cacheDirectory, ...options });
  opened.push(lake);
  return lake;
}

function snapshots(count: number, overrides: Partial<Snapshot> = {}): Snapshot[] {
  return Array.from({ length: count }, (_, index) => snapshot({ seq: index + 1, ...overrides }));
}

async function put(...batches: Snapshot[][]): Promise<string[]> {
  const keys = [];
  for (const batch of batches) {
    keys.push(
      await putRawObject(
        aws.client,
        aws.bucket,
        batch.map((each) => ({ snapshot: each })),
      ),
    );
  }
  return keys;
}

describe('the lake', () => {
  it('has its views with every column while there are no objects', async () => {
    const lake = await open();
    expect(await lake.query('from snapshots')).toMatchObject({ rows: [] });
    const { rows } = await lake.query('select column_name, column_type from (describe raw)');
    expect(Object.fromEntries(rows)).toEqual({ ...RAW_COLUMNS, dt: 'DATE', object_key: 'VARCHAR' });
    expect(await lake.counts()).toEqual({
      rawRows: 0,
      ids: 0,
      rawDuplicates: 0,
      viewRows: 0,
      viewDuplicates: 0,
      conflictIds: 0,
    });
  });

  it('knows the columns that the drain writes, their order and their types', async () => {
    const [key = ''] = await put(snapshots(1));
    const lake = await open();
    const file = cachePath(key, cacheDirectory).replaceAll("'", "''");
    const { rows } = await lake.query(
      `select column_name, column_type from (describe from read_parquet('${file}', hive_partitioning = false))`,
    );
    expect(rows).toEqual(Object.entries(RAW_COLUMNS));
  });

  it('gives exact decimals, whole numbers as numbers, times in UTC and lists, all of which survive JSON', async () => {
    const mark = { bid: 1.5, price: 1.55, delta: -0.25, at: '2026-11-20T14:59:59.123Z' };
    const [key] = await put([
      snapshot({ seq: 7, mark, strategyIds: ['a', 'b'], averageCost: '2100.6321', quantity: '-0.5' }),
    ]);
    const lake = await open();
    const { columns, rows } = await lake.query('from snapshots');
    const row = JSON.parse(
      JSON.stringify(Object.fromEntries(columns.map((name, i) => [name, rows[0]?.[i]]))),
    );
    expect(row).toMatchObject({
      snapshot_id: 'home:1785300000000-k3x9qa:7',
      seq: 7,
      con_id: 728937835,
      strike: '500',
      last_trade_date: '2027-01-15',
      quantity: '-0.5',
      average_cost: '2100.6321',
      bid: 1.5,
      ask: null,
      delta: -0.25,
      mark_at: '2026-11-20T14:59:59.123Z',
      greeks_at: null,
      strategy_ids: ['a', 'b'],
      observed_at: '2026-11-20T15:00:00.000Z',
      dt: '2026-11-20',
      object_key: key,
    });
  });

  it('shows a snapshot once, however often and in whatever company it was delivered', async () => {
    const [first, second, third] = snapshots(3);
    if (!first || !second || !third) throw new Error('three were asked for');
    await put([first, second], [second, third], [first, second, third]);
    const lake = await open();
    expect(lake.objects).toBe(3);
    expect(await lake.counts()).toEqual({
      rawRows: 7,
      ids: 3,
      rawDuplicates: 4,
      viewRows: 3,
      viewDuplicates: 0,
      conflictIds: 0,
    });
  });

  it('takes the copy that SQS took first', async () => {
    const once = snapshot();
    for (const receivedAt of ['2026-11-20T15:00:09.000Z', '2026-11-20T15:00:02.000Z']) {
      const padding = snapshot({ seq: receivedAt.endsWith('9.000Z') ? 2 : 3 });
      await putRawObject(aws.client, aws.bucket, [{ snapshot: once, receivedAt }, { snapshot: padding }]);
    }
    const lake = await open();
    const { rows } = await lake.query('select received_at from snapshots where seq = 1');
    expect(rows).toEqual([['2026-11-20T15:00:02.000Z']]);
  });

  it('never chooses between two bodies of one id: they are conflicts and in no other view', async () => {
    const [one, two] = snapshots(2);
    if (!one || !two) throw new Error('two were asked for');
    await put([one, two]);
    await putRawObject(aws.client, aws.bucket, [{ snapshot: { ...one, quantity: '9' }, body: 'another' }]);
    const lake = await open();
    expect((await lake.query('select seq from snapshots')).rows).toEqual([[2]]);
    const { rows } = await lake.query('select seq, quantity from conflicts order by quantity');
    expect(rows).toEqual([
      [1, '-3'],
      [1, '9'],
    ]);
    expect(await lake.conflicts()).toBe(1);
    expect(await lake.counts()).toMatchObject({ ids: 2, viewRows: 1, conflictIds: 1 });
  });

  it('counts as a set would, whatever was delivered in whichever batches', async () => {
    const batches = fc.array(
      fc.uniqueArray(fc.record({ seq: fc.integer({ min: 1, max: 12 }), epoch: fc.constantFrom('a', 'b') }), {
        selector: ({ seq, epoch }) => `${epoch}${seq}`,
        minLength: 1,
        maxLength: 8,
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(batches, async (plan) => {
        aws.empty();
        const epochOf = (letter: string) => `1785300000000-aaaaa${letter}`;
        await put(
          ...plan.map((batch) => batch.map(({ seq, epoch }) => snapshot({ seq, epoch: epochOf(epoch) }))),
        );
        // The same rows in another order are the same object.
        const objects = new Set(
          plan.map((batch) =>
            batch
              .map(({ seq, epoch }) => `${epoch}${seq}`)
              .sort()
              .join(),
          ),
        );
        const rawRows = [...objects].reduce((sum, object) => sum + object.split(',').length, 0);
        const ids = new Set([...objects].flatMap((object) => object.split(',')));
        await using lake = await openLake({ s3: aws.client, bucket: aws.bucket, cacheDirectory });
        expect(await lake.counts()).toEqual({
          rawRows,
          ids: ids.size,
          rawDuplicates: rawRows - ids.size,
          viewRows: ids.size,
          viewDuplicates: 0,
          conflictIds: 0,
        });
      }),
      { numRuns: 12 },
    );
  });

  it('fetches an object once, and again when its copy is not whole', async () => {
    const [key = ''] = await put(snapshots(2));
    const progress: string[] = [];
    const note = (done: number, total: number) => progress.push(`${done}/${total}`);
    await open({ onProgress: note });
    expect(progress).toEqual(['0/1', '1/1']);
    await open({ onProgress: note });
    expect(progress).toHaveLength(2);
    await truncate(cachePath(key, cacheDirectory), 10);
    const lake = await open({ onProgress: note });
    expect(progress).toHaveLength(4);
    expect(await lake.counts()).toMatchObject({ rawRows: 2 });
    const names = await readdir(cacheDirectory, { recursive: true });
    expect(names.filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('brings many objects, each of them whole', async () => {
    await put(...snapshots(60).map((each) => [each]));
    const lake = await open();
    expect(lake.objects).toBe(60);
    expect((await lake.query('select count(*), sum(seq) from snapshots')).rows).toEqual([[60, 1830]]);
  });

  it('opens the days that it is asked about, and nothing of any other', async () => {
    const days = ['2026-11-18', '2026-11-19', '2026-11-20', '2026-11-21'];
    const keys = await put(
      ...days.map((day, index) => [snapshot({ seq: index + 1, observedAt: `${day}T15:00:00.000Z` })]),
    );
    // Who opened them would fail.
    for (const Key of [keys[0], keys[3]]) {
      await aws.client.send(new PutObjectCommand({ Bucket: aws.bucket, Key, Body: 'no Parquet' }));
    }
    const { startMs, endMs } = parseTradingDate('2026-11-20');
    expect(await open({ days: daysOfTime({ fromMs: startMs, toMs: endMs }) })).toMatchObject({ objects: 2 });
    const names = await readdir(cacheDirectory, { recursive: true });
    const found = names.filter((name) => name.endsWith('.parquet'));
    expect(found.toSorted()).toEqual(keys.slice(1, 3));
    const seqs = async (range: DayRange) =>
      (await (await open({ days: range })).query('select seq from snapshots order by 1')).rows.flat();
    expect(await seqs({ first: '2026-11-19', last: '2026-11-19' })).toEqual([2]);
    expect(await seqs({ first: '2026-11-22' })).toEqual([]);
    expect(await seqs({ last: '2026-11-17' })).toEqual([]);
    await expect(seqs({ first: '2026-11-19' })).rejects.toThrow('Parquet file');
  });

  it('stops fetching at the first failure, and goes on from there the next time', async () => {
    await put(...snapshots(40).map((each) => [each]));
    const controller = new AbortController();
    const opening = openLake({
      s3: aws.client,
      bucket: aws.bucket,
      cacheDirectory,
      signal: controller.signal,
      onProgress: (done) => {
        if (done === 5) controller.abort();
      },
    });
    await expect(opening).rejects.toThrow('aborted');
    const copies = async () => {
      const names = await readdir(cacheDirectory, { recursive: true });
      return names.filter((name) => /\.(parquet|part)$/.test(name)).length;
    };
    const copied = await copies();
    expect(copied).toBeLessThan(40);
    let fetched = 0;
    const lake = await open({
      onProgress: (_, total) => {
        fetched = total;
      },
    });
    expect(fetched).toBe(40 - copied);
    expect(await lake.counts()).toMatchObject({ viewRows: 40 });
  });

  it('leaves out what the drain would not have written, and says so', async () => {
    await put(snapshots(1));
    const foreign = ['raw/v1/dt=2026-11-20/notes.txt', 'raw/v1/../../etc/x.parquet'];
    for (const Key of foreign) {
      await aws.client.send(new PutObjectCommand({ Bucket: aws.bucket, Key, Body: 'no Parquet' }));
    }
    const lake = await open();
    expect(lake.objects).toBe(1);
    expect(lake.foreign.toSorted()).toEqual(foreign.toSorted());
    expect(await lake.counts()).toMatchObject({ rawRows: 1 });
  });

  it('forgets objects that the lake no longer has, though their copies are still there', async () => {
    await put(snapshots(1));
    await open();
    aws.empty();
    await put([snapshot({ seq: 2 })]);
    const lake = await open();
    expect((await lake.query('select seq from raw')).rows).toEqual([[2]]);
  });

  it('says what is wrong with a question in one line', async () => {
    const lake = await open();
    for (const [sql, fault] of [
      ['selec 1', /^Parser Error: syntax error at or near "selec"$/],
      ['from snapshot', /^Catalog Error: Table with name snapshot does not exist! Did you mean .*snapshots/],
      ['select nix from snapshots', /^Binder Error: .*"nix"/],
    ] as const) {
      const refusal = await lake.query(sql).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(QueryError);
      expect((refusal as Error).message).toMatch(fault);
      expect((refusal as Error).message).not.toContain('\n');
    }
  });

  it('stops a question when it is told to', async () => {
    const lake = await open();
    const controller = new AbortController();
    const endless = lake.query(
      'select count(*) from range(1000000) a, range(1000000) b where a.range * b.range = 7',
      {
        signal: controller.signal,
      },
    );
    queueMicrotask(() => controller.abort());
    await expect(endless).rejects.toThrow('aborted');
    expect((await lake.query('select 1')).rows).toEqual([[1]]);
  });
});
