import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sha256 } from '../../../shared/digest.ts';
import { rawKey } from '../../../shared/names.ts';
import type { Snapshot } from '../../../shared/snapshot.ts';
import { snapshot } from '../../support/snapshots.ts';
import { putRawObject } from '../lake/rows.ts';
import { startTestRun, type TestRun } from '../local-run.ts';
import { type Finished, slotwise } from '../run-slotwise.ts';

const CON_ID = 728937835;

let run: TestRun;

beforeAll(async () => {
  run = await startTestRun();
  const at = (seq: number, overrides: Partial<Snapshot>) =>
    snapshot({ seq, observedAt: `2026-11-20T15:0${seq}:00.000Z`, reason: 'keyframe', ...overrides });
  const other = snapshot({ seq: 9, contract: { ...snapshot().contract, conId: 1 } });
  const rows = [
    at(1, { quality: 'live', mark: { price: 4.5, bid: 4.4, ask: 4.6, delta: -0.31 } }),
    at(2, { quality: 'stale', mark: { price: 90 } }),
    at(3, { quality: 'live', mark: { price: 3.5, delta: -0.25 }, quantity: '-1', reason: 'changed' }),
    at(4, { quality: 'none', quantity: '0', reason: 'closed' }),
    at(5, { quality: 'live', mark: { price: 1.25 }, account: 'DU9000002' }),
    at(6, {
      quality: 'live',
      mark: { price: 1.5 },
      account: 'DU9000002',
      modelCode: 'GROWTH',
      quantity: '7',
    }),
    other,
  ];
  // One delivery twice: a reader sees it once.
  await putRawObject(
    run.s3.client,
    run.s3.bucket,
    rows.map((row) => ({ snapshot: row })),
  );
  await putRawObject(
    run.s3.client,
    run.s3.bucket,
    rows.slice(0, 1).map((row) => ({ snapshot: row })),
  );
});

afterAll(() => run[Symbol.asyncDispose]());

function history(...args: string[]): Promise<Finished> {
  return slotwise(['history', ...args], { cwd: run.cwd });
}

describe('slotwise history', () => {
  it('shows a contract over time, account by account, and says what no aggregate has', async () => {
    const { code, stdout, stderr } = await history(String(CON_ID));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/2026-11-20T15:01:00.000Z +keyframe +-3 +4\.5 +4\.4 +4\.6 +-0\.31 +live\n/);
    expect(stdout).toContain('price over 2 rows: first 4.5, last 3.5, low 3.5, high 4.5, mean 4\n');
    expect(stdout).toContain('left out: 1 stale, 1 none\n');
    expect(stdout).toMatch(/^DU\*\*\*02\n[^/]*price over 1 row: first 1.25/m);
    expect(stdout).toMatch(/^DU\*\*\*02\/GROWTH\n[^/]*price over 1 row: first 1.5/m);
    expect(stdout).not.toContain('DU9000001');
    expect(stdout.match(/15:01:00/g)).toHaveLength(1);
  });

  it('keeps to a range, and opens nothing of other days', async () => {
    const { client: s3, bucket: Bucket } = run.s3;
    const Key = rawKey('2026-11-18', sha256('no Parquet'));
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'no Parquet' }));
    onTestFinished(async () => void (await s3.send(new DeleteObjectCommand({ Bucket, Key }))));
    const { stdout } = await history(
      String(CON_ID),
      ...['--from', '2026-11-20T15:02Z', '--to', '2026-11-20T15:04Z', '--json'],
    );
    const rows = JSON.parse(stdout) as { observedAt: string }[];
    expect(rows.map(({ observedAt }) => observedAt.slice(14, 16))).toEqual(['02', '03']);
    expect(await history(String(CON_ID), '--from', '2026-11-21')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('no snapshot of 728937835'),
    });
  });

  it('writes every row for a spreadsheet, exact and with account numbers', async () => {
    const { stdout } = await history(String(CON_ID), '--csv');
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(7);
    expect(lines[0]).toBe(
      'observedAt,account,reason,quality,averageCost,quantity,price,bid,ask,last,iv,delta,gamma,vega,theta,underlying,modelCode',
    );
    expect(lines[1]).toBe(
      '2026-11-20T15:01:00.000Z,DU9000001,keyframe,live,2100.6321,-3,4.5,4.4,4.6,,,-0.31,,,,,',
    );
  });

  it('names the model in a spreadsheet', async () => {
    const { stdout } = await history(String(CON_ID), '--csv');
    expect(stdout.trim().split('\n').at(-1)).toMatch(/,DU9000002,.*,7,1\.5,.*,GROWTH$/);
  });

  it('draws one field in the terminal, without the dead', async () => {
    const { code, stdout } = await history(String(CON_ID), '--plot', 'delta');
    expect(code).toBe(0);
    expect(stdout).toContain('delta, 2026-11-20T15:01Z to 2026-11-20T15:03Z');
    expect(stdout).toMatch(/-0\.25┤/);
    expect(stdout).toMatch(/-0\.31┤/);
    expect(stdout).toContain('nothing to draw: no delta that can be trusted');
  });

  it.each([
    [['abc'], 'must be a contract id'],
    [[String(CON_ID), '--plot', 'colour'], 'Allowed choices are quantity, price'],
    [[String(CON_ID), '--from', '2026-11-20', '--to', '2026-11-19'], '--from must be before --to'],
  ])('refuses %j', async (args, reason) => {
    expect(await history(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) });
  });
});
