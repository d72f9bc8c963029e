import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Action, readActions, readCommit, writeCommit } from '../../../shared/delta/actions.ts';
import { applied, checkpointKey, commitKey, NO_TABLE, planLog } from '../../../shared/delta/log.ts';
import {
  columnsOf,
  evolved,
  FIRST_COLUMNS,
  SchemaFault,
  schemaString,
} from '../../../shared/delta/schema.ts';

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('planLog', () => {
  it('begins with the newest checkpoint, whatever else lies there', () => {
    const keys = [...range(0, 25).map(commitKey), checkpointKey(10), checkpointKey(20)];
    expect(planLog([...keys, 'table/v1/_delta_log/_last_checkpoint', 'table/v1/_delta_log/notes'])).toEqual({
      checkpoint: 20,
      commits: range(21, 25),
    });
    expect(planLog(range(0, 2).map(commitKey))).toEqual({ commits: [0, 1, 2] });
    expect(planLog([])).toEqual({ commits: [] });
  });

  it('never jumps a version: rows that another commit took away would be back', () => {
    expect(() => planLog([0, 1, 3].map(commitKey))).toThrow(`${commitKey(2)} is missing`);
    expect(() => planLog([1, 2].map(commitKey))).toThrow(`${commitKey(0)} is missing`);
    expect(() => planLog([checkpointKey(5), commitKey(7)])).toThrow(`${commitKey(6)} is missing`);
  });
});

describe('the state of a table', () => {
  it('has the files that were added and not removed, in whatever order that was', () => {
    const step = fc.record({ path: fc.constantFrom('a', 'b', 'c'), isAdd: fc.boolean() });
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 8 }), (commits) => {
        const expected = new Map<string, boolean>();
        let state = NO_TABLE;
        for (const [version, steps] of commits.entries()) {
          for (const { path, isAdd } of steps) expected.set(path, isAdd);
          state = applied(
            state,
            version,
            readCommit(
              'test',
              writeCommit(steps.map(({ path, isAdd }) => (isAdd ? add(path) : remove(path)))),
            ),
          );
        }
        const paths = (isAdd: boolean) =>
          [...expected].flatMap(([path, value]) => (value === isAdd ? [path] : [])).toSorted();
        expect([...state.files.keys()].toSorted()).toEqual(paths(true));
        expect([...state.tombstones.keys()].toSorted()).toEqual(paths(false));
        expect(state.version).toBe(commits.length - 1);
      }),
    );
  });

  it.each([
    [{ protocol: { minReaderVersion: 3, minWriterVersion: 7 } }, /newer reader/],
    [{ add: { path: 'a' } }, /partitionValues/],
    [
      { metaData: { id: 'x', format: { provider: 'orc' }, schemaString: '', partitionColumns: [] } },
      /provider/,
    ],
  ])('is not guessed from %j', (row, fault) => {
    expect(() => readActions('commit 1', [row])).toThrow(fault);
  });
});

describe('the schema of a table', () => {
  it('reads back as it was written', () => {
    expect(columnsOf(schemaString(FIRST_COLUMNS))).toEqual(FIRST_COLUMNS);
  });

  it('takes a new column at its end, and keeps one that rows do not have', () => {
    const columns = evolved(FIRST_COLUMNS, [
      { name: 'seq', type: 'BIGINT' },
      { name: 'venue', type: 'VARCHAR' },
    ]);
    expect(columns).toEqual([...FIRST_COLUMNS, { name: 'venue', type: 'VARCHAR' }]);
    expect(columnsOf(schemaString(columns))).toEqual(columns);
  });

  it('refuses another type for a column, and types that a table cannot have', () => {
    expect(() => evolved(FIRST_COLUMNS, [{ name: 'seq', type: 'VARCHAR' }])).toThrow(SchemaFault);
    expect(() => schemaString([{ name: 'x', type: 'HUGEINT' }])).toThrow(/HUGEINT cannot be kept/);
  });
});

function add(path: string): Action {
  return { add: { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true } };
}

function remove(path: string): Action {
  return { remove: { path, deletionTimestamp: 1, dataChange: true } };
}
