import { describe, expect, it } from 'vitest';
import { checkpointActions, planRearrangements, planVacuum } from '../../../functions/compact/plan.ts';
import type { Add, Remove } from '../../../shared/delta/actions.ts';
import { NO_TABLE } from '../../../shared/delta/log.ts';
import { COMPACT } from '../../../shared/limits.ts';

describe('planVacuum', () => {
  const BEFORE_MS = 1000;
  const files = [
    { key: 'active', modifiedMs: 1 },
    { key: 'replaced long ago', modifiedMs: 1 },
    { key: 'replaced just now', modifiedMs: 1 },
    { key: 'replaced at the bound', modifiedMs: 1 },
    { key: 'never committed, old', modifiedMs: 999 },
    { key: 'about to be committed', modifiedMs: 1000 },
  ];

  it('takes what no reader of the last grace period can need, and no upload that may still be committed', () => {
    const keys = planVacuum({
      listed: files,
      active: new Set(['active']),
      replacedMs: new Map([
        ['replaced long ago', 999],
        ['replaced just now', 2000],
        ['replaced at the bound', BEFORE_MS],
      ]),
      beforeMs: BEFORE_MS,
    });
    expect(keys).toEqual(['replaced long ago', 'never committed, old']);
  });
});

describe('planRearrangements', () => {
  const half = COMPACT.rowGroupRows / 2;

  it('puts small files together and leaves large ones, and small ones that are alone', () => {
    const files = [file('large', half + 1), file('a', half), file('b', 1), file('c', 7)];
    expect(pathsOf(planRearrangements(files))).toEqual([['b', 'c', 'a']]);
    expect(planRearrangements([file('large', half + 1), file('a', 3)])).toEqual([]);
    expect(planRearrangements([])).toEqual([]);
  });

  it('never takes more rows at once than a commit may have', () => {
    const files = Array.from({ length: 12 }, (_, index) => file(`f${index}`, half));
    const groups = planRearrangements(files);
    expect(groups.map(({ length }) => length)).toEqual([4, 4, 4]);
    expect(4 * half).toBeLessThanOrEqual(COMPACT.commitRows);
  });

  it('does not guess the rows of a file', () => {
    expect(() => planRearrangements([{ ...file('a', 1), stats: '{}' }])).toThrow(/how many rows a has/);
  });
});

describe('checkpointActions', () => {
  it('keeps tombstones while their files may be read, and every transaction', () => {
    const state = {
      ...NO_TABLE,
      version: 3,
      metaData: {
        id: 'x',
        format: { provider: 'parquet' as const, options: {} },
        schemaString: '',
        partitionColumns: [],
        configuration: {},
      },
      files: new Map([['a', file('a', 1)]]),
      tombstones: new Map([
        ['old', tombstone('old', 99)],
        ['young', tombstone('young', 100)],
      ]),
      transactions: new Map([['app', { appId: 'app', version: 2 }]]),
    };
    const actions = checkpointActions(state, 100);
    expect(actions.flatMap(({ remove }) => remove?.path ?? [])).toEqual(['young']);
    expect(actions.flatMap(({ add }) => (add ? [[add.path, add.dataChange]] : []))).toEqual([['a', false]]);
    expect(actions.flatMap(({ txn }) => txn?.version ?? [])).toEqual([2]);
    expect(actions.flatMap(({ protocol }) => protocol ?? [])).toHaveLength(1);
    expect(() => checkpointActions(NO_TABLE, 0)).toThrow(/no table/);
  });
});

function file(path: string, numRecords: number): Add {
  const stats = JSON.stringify({ numRecords });
  return { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true, stats };
}

function tombstone(path: string, deletionTimestamp: number): Remove {
  return { path, deletionTimestamp, dataChange: true };
}

function pathsOf(groups: readonly (readonly Add[])[]): string[][] {
  return groups.map((group) => group.map(({ path }) => path));
}
