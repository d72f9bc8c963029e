import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startServices, type TestServices } from '../../support/services.ts';
import { LakeUnderTest, NEXT_NIGHT_MS, range } from './lake-under-test.ts';

let services: TestServices;
let lake: LakeUnderTest;

beforeAll(async () => {
  services = await startServices();
  lake = new LakeUnderTest(services);
});

afterEach(() => services.reset());

afterAll(() => services[Symbol.asyncDispose]());

describe('compactors at the same time', () => {
  it.each([
    ['a table', [21]],
    ['no table yet', []],
  ])('bring each row into %s once: the log takes one, the other looks again', async (_, present) => {
    if (present.length > 0) {
      await lake.put(...present);
      await lake.pass('hourly');
    }
    await lake.put(...range(1, 20));
    const prepare = together(2);
    const outcomes = await Promise.all([lake.pass('hourly', { prepare }), lake.pass('hourly', { prepare })]);
    expect(outcomes.map(({ rows }) => rows).toSorted()).toEqual([0, 20]);
    expect(await lake.seqs('compacted')).toEqual([...range(1, 20), ...present]);
    expect(await lake.commits()).toHaveLength(1 + present.length);
    expect(await services.objectKeys('table/v1/dt=')).toHaveLength(2 + present.length);
  });

  it('bring each row once where one has seen what the other has not', async () => {
    await lake.put(...range(1, 10));
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const slow = lake.pass('hourly', {
      prepare: beforeCommits(() => {
        reached.resolve();
        return released.promise;
      }),
    });
    await reached.promise;
    await lake.put(...range(5, 15));
    await lake.pass('hourly');
    released.resolve();
    expect(await slow).toMatchObject({ rows: 0 });
    expect(await lake.seqs('compacted')).toEqual(range(1, 15));
  });

  it('rearrange a day once', async () => {
    for (const seq of [1, 2, 3]) {
      await lake.put(seq);
      await lake.pass('hourly');
    }
    const prepare = together(2);
    const outcomes = await Promise.all([
      lake.pass('nightly', { prepare }),
      lake.pass('nightly', { prepare }),
    ]);
    expect(outcomes.map(({ filesReplaced }) => filesReplaced).toSorted()).toEqual([0, 3]);
    expect(await lake.seqs('compacted')).toEqual([1, 2, 3]);
  });

  it('keep a rearrangement although rows were appended meanwhile, and the rows', async () => {
    for (const seq of [1, 2, 3]) {
      await lake.put(seq);
      await lake.pass('hourly');
    }
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const night = lake.pass('nightly', {
      prepare: beforeCommits(() => {
        reached.resolve();
        return released.promise;
      }),
    });
    await reached.promise;
    await lake.put(4);
    await lake.pass('hourly', { nowMs: NEXT_NIGHT_MS });
    released.resolve();
    expect(await night).toMatchObject({ filesReplaced: 3, version: 4 });
    expect(await lake.seqs('compacted')).toEqual([1, 2, 3, 4]);
  });

  it('do no harm in any number, while rows keep coming', async () => {
    const passes: Promise<unknown>[] = [];
    for (let batch = 0; batch < 6; batch += 1) {
      await lake.put(...range(batch * 5 + 1, batch * 5 + 8));
      passes.push(lake.pass(batch % 2 === 0 ? 'hourly' : 'nightly', { nowMs: NEXT_NIGHT_MS }));
    }
    await Promise.all(passes);
    await lake.pass('nightly');
    expect(await lake.seqs('compacted')).toEqual(range(1, 33));
    expect(await lake.seqs('snapshots')).toEqual(range(1, 33));
  });

  it('know their own commit again when its answer was lost', async () => {
    await lake.put(...range(1, 5));
    const sentTwice = (client: S3Client) =>
      client.middlewareStack.add(
        (next) => async (args) => {
          if (isCommit(args.input)) await next(args);
          return next(args);
        },
        { step: 'initialize' },
      );
    expect(await lake.pass('hourly', { prepare: sentTwice })).toMatchObject({
      rows: 5,
      commits: 1,
      version: 0,
    });
    expect(await lake.seqs('compacted')).toEqual(range(1, 5));
    expect(await lake.commits()).toHaveLength(1);
  });
});

/** @returns a hook that lets the first commits of so many clients go at the same moment */
function together(count: number): (client: S3Client) => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  let waiting = 0;
  return beforeCommits(() => {
    waiting += 1;
    if (waiting >= count) resolve();
    return promise;
  });
}

function beforeCommits(wait: () => Promise<void>): (client: S3Client) => void {
  return (client) =>
    client.middlewareStack.add(
      (next) => async (args) => {
        if (isCommit(args.input)) await wait();
        return next(args);
      },
      { step: 'initialize' },
    );
}

function isCommit(input: object): boolean {
  return 'Body' in input && 'Key' in input && /_delta_log\/\d+\.json$/.test(String(input.Key));
}
