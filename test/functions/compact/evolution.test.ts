import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RAW_COLUMNS } from '../../../shared/columns.ts';
import { startServices, type TestServices } from '../../support/services.ts';
import { LakeUnderTest } from './lake-under-test.ts';

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
    await lake.putAs(2, "* EXCLUDE (theta), 'CBOE' AS venue");
    await lake.putAs(3, '* EXCLUDE (model_code)');
    const read = (view: string) =>
      lake.query(`SELECT seq, venue, theta, model_code, quantity FROM ${view} ORDER BY seq`);
    const rows = [
      [1, null, null, null, '-3'],
      [2, 'CBOE', null, null, '-3'],
      [3, null, null, null, '-3'],
    ];
    expect(await read('snapshots')).toEqual(rows);
    expect(await lake.pass('hourly')).toMatchObject({ rows: 3 });
    expect(await read('compacted')).toEqual(rows);
    expect(await read('snapshots')).toEqual(rows);
  });

  it('compacts when the column comes to a table that lacks it, and when it is absent again', async () => {
    await lake.put(1);
    await lake.pass('hourly');
    await lake.putAs(2, '*, 7::BIGINT AS depth');
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

  it("reads the same by columns that yesterday's reader names, whatever came to the files", async () => {
    const names = Object.keys(RAW_COLUMNS).map((name) => `"${name}"`);
    const asked = `SELECT ${names.join(', ')} FROM snapshots ORDER BY seq`;
    for (const seq of [1, 2]) await lake.putAs(seq, '*');
    const before = await lake.query(asked);
    await services.reset();
    await lake.putAs(1, "7 AS depth, *, 'CBOE' AS venue");
    await lake.putAs(2, "*, 'CBOE' AS venue");
    expect(await lake.query(asked)).toEqual(before);
    await lake.pass('hourly');
    expect(await lake.query(asked)).toEqual(before);
  });

  it('stays in raw, and says why, when a column has come back as another type', async () => {
    await lake.put(1);
    await lake.putAs(2, '* REPLACE (CAST(seq AS VARCHAR) AS seq)');
    await expect(lake.pass('hourly')).rejects.toThrow(
      /column seq came as VARCHAR, the table has it as BIGINT/,
    );
    expect(await services.objectKeys('table/')).toEqual([]);
    expect(await services.objectKeys('raw/')).toHaveLength(2);
  });
});
