import { describe, expect, it } from 'vitest';
import { closingReport, type Measured, remarks } from '../../../local/run/report.ts';

const reconciliation = {
  produced: 412,
  stored: 410,
  deadLettered: 1,
  dropped: 1,
  inFlight: 0,
  lost: 0,
  missingIds: [],
  strangers: 0,
};
const measured: Measured = {
  serverVersion: 193,
  lines: { cap: 100, streaming: 20, peak: 20, peakWithSnapshots: 24, refused: 0 },
  sweeps: { complete: 2, failed: 0 },
  ticks: 9000,
  reconciliation,
  duplicateRows: 0,
  rawDuplicates: 3,
  conflicts: 0,
  batches: { count: 12, maxSize: 50 },
  registry: { changes: 2, p50Ms: 310.4, p99Ms: null },
  month: undefined,
  permissions: { denied: [], unused: [] },
};

describe('the closing report', () => {
  it('has the shape that programs read', () => {
    expect(JSON.stringify(closingReport(measured))).toBe(
      '{"gateway":{"serverVersion":193},' +
        '"lines":{"cap":100,"streaming":20,"peak":20,"peakWithSnapshots":24,"refused":0},' +
        '"sweeps":{"complete":2,"failed":0},"ticks":9000,' +
        '"snapshots":{"produced":412,"stored":410,"deadLettered":1,"dropped":1,"inFlight":0,"duplicateRows":0,"rawDuplicates":3},' +
        '"batches":{"count":12,"maxSize":50},"registry":{"changes":2,"p50Ms":310.4,"p99Ms":null},' +
        '"permissions":{"denied":0,"unused":0},"cost":null,"balanced":true}',
    );
  });

  it('balances with raw duplicates, which the view hides', () => {
    expect(closingReport({ ...measured, rawDuplicates: 400 }).balanced).toBe(true);
    expect(remarks({ ...measured, rawDuplicates: 400 })).toEqual([]);
  });

  it.each<[string, Partial<Measured>, RegExp]>([
    [
      'a snapshot is lost',
      { reconciliation: { ...reconciliation, stored: 409, lost: 1, missingIds: ['home:1:7'] } },
      /1 snapshot nowhere to be found, for example home:1:7/,
    ],
    [
      'a snapshot still waits',
      { reconciliation: { ...reconciliation, stored: 409, inFlight: 1, missingIds: ['home:1:7'] } },
      /1 snapshot still on the way, for example home:1:7: the next run/,
    ],
    ['a reader sees a row twice', { duplicateRows: 1 }, /1 row seen twice/],
    ['one id has two bodies', { conflicts: 2 }, /2 snapshot ids in the lake with two bodies/],
  ])('does not balance when %s, and says so', (_, change, remark) => {
    expect(closingReport({ ...measured, ...change }).balanced).toBe(false);
    expect(remarks({ ...measured, ...change }).join('\n')).toMatch(remark);
  });

  it('names calls that the policies refuse, and grants that nothing uses', () => {
    const lake = 'arn:aws:s3:::lake/raw/v1/*';
    const permissions: Measured['permissions'] = {
      denied: [{ principal: 'drain', action: 's3:PutObject', resource: lake, denied: 3 }],
      unused: [{ principal: 'feed', sid: 'Read', action: 's3:GetObject', resource: lake }],
    };
    expect(closingReport({ ...measured, permissions }).permissions).toEqual({ denied: 3, unused: 1 });
    expect(remarks({ ...measured, permissions })).toEqual([
      `3 calls refused: drain may not s3:PutObject on ${lake}`,
      `feed may s3:GetObject on ${lake}, and nothing in this run needed it`,
    ]);
  });

  it('says null where no gateway ever answered', () => {
    expect(closingReport({ ...measured, serverVersion: undefined }).gateway.serverVersion).toBeNull();
  });
});
