import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RegistryReplica, type RegistryState } from '../../../bridge/registry/replica.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { testDirectory } from '../../support/directory.ts';
import { recordingLog } from '../../support/log.ts';
import { strategy } from '../../support/strategies.ts';

async function open(file: string) {
  const log = recordingLog();
  const replica = new RegistryReplica({ file, log });
  const heard: [RegistryState, number][] = [];
  replica.onChange((value, state) => heard.push([state, value.contiguous]));
  await replica.load();
  return { replica, heard, log };
}

const scanOf = (strategies: readonly Strategy[], head: number, contiguousBefore = 0) => ({
  strategies,
  head,
  contiguousBefore,
});

describe('the replica on disk', () => {
  it('knows nothing without a file, and shows nothing of what the feed alone has brought', async () => {
    const file = join(testDirectory(), 'replica.json');
    const { replica, heard } = await open(file);
    replica.applyImages([strategy({ registryVersion: 7 })]);
    await replica.commit();
    expect(replica.state).toBe('none');
    expect(replica.replica.strategies.size).toBe(0);
    expect(heard).toEqual([]);
    expect((await open(file)).replica.state).toBe('none');
  });

  it('is current after a scan, and stale with the same strategies after a new start', async () => {
    const file = join(testDirectory(), 'replica.json');
    const { replica, heard } = await open(file);
    const strategies = [strategy({ id: 'a', registryVersion: 1 }), strategy({ id: 'b', registryVersion: 2 })];
    replica.applyScan(scanOf(strategies, 2));
    replica.applyImages([strategy({ id: 'c', registryVersion: 4 })]);
    await replica.commit();
    expect(heard).toEqual([
      ['current', 2],
      ['current', 2],
    ]);
    const again = await open(file);
    expect(again.replica.state).toBe('stale');
    expect(again.replica.replica).toEqual(replica.replica);
    expect(again.replica.confirmedAt).toBe(replica.confirmedAt);
    expect(again.heard).toEqual([['stale', 2]]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('tells nobody of an image that changes nothing', async () => {
    const { replica, heard } = await open(join(testDirectory(), 'replica.json'));
    const image = strategy({ registryVersion: 1 });
    replica.applyScan(scanOf([image], 1));
    replica.applyImages([image, image]);
    expect(heard).toEqual([['current', 1]]);
  });

  it('lets a listener fail without the others', async () => {
    const { replica, heard, log } = await open(join(testDirectory(), 'replica.json'));
    replica.onChange(() => {
      throw new Error('broken listener');
    });
    replica.onChange((_value, state) => heard.push([state, -1]));
    replica.applyScan(scanOf([], 0));
    expect(heard).toEqual([
      ['current', 0],
      ['current', -1],
    ]);
    expect(log.entries.at(-1)).toMatchObject({ level: 'error', fields: { fault: 'broken listener' } });
  });

  it.each([
    ['is torn', '{"schema":1,"confirmedAt":"2026-11-20T15:00'],
    ['is of a newer version', '{"schema":2}'],
    ['holds something else', '[]'],
  ])('moves a file aside that %s, and guesses nothing from it', async (_name, text) => {
    const directory = testDirectory();
    const file = join(directory, 'replica.json');
    writeFileSync(file, text);
    const { replica, log } = await open(file);
    expect(replica.state).toBe('none');
    expect(log.entries[0]).toMatchObject({ level: 'error', event: 'replica-unreadable' });
    expect(readdirSync(directory)).toEqual([expect.stringMatching(/^replica\.json\.unreadable-\d+$/)]);
  });
});

type Step =
  | { readonly do: 'deliver'; readonly picks: readonly number[] }
  | { readonly do: 'scan'; readonly begun: number; readonly meanwhile: readonly number[] }
  | { readonly do: 'restart'; readonly committed: boolean };

/** Which strategy each write of the registry changes; write n is version n. */
const historyOf = (ids: readonly number[]): Strategy[] =>
  ids.map((id, index) => {
    const isTombstone = (id + index) % 5 === 0;
    return strategy({
      id: `s${id}`,
      registryVersion: index + 1,
      version: index + 1,
      ...(isTombstone && { deletedAt: '2026-11-20T15:00:00.000Z' }),
    });
  });

const tableAt = (history: readonly Strategy[], head: number) =>
  new Map(history.slice(0, head).map((image) => [image.id, image]));

const fraction = fc.integer({ min: 0, max: 1_000_000 }).map((part) => part / 1_000_001);
const fractions = fc.array(fraction, { maxLength: 6 });

describe('convergence', () => {
  it('reaches the table from any state: duplicates, reordering, losses, restarts, a scan at the end', async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.record({ do: fc.constant('deliver' as const), picks: fractions }) },
        fc.record({ do: fc.constant('scan' as const), begun: fraction, meanwhile: fractions }),
        fc.record({ do: fc.constant('restart' as const), committed: fc.boolean() }),
      ),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { minLength: 1, maxLength: 25 }), steps, async (ids, walk) => {
        const history = historyOf(ids);
        const file = join(testDirectory(), 'replica.json');
        let { replica } = await open(file);
        for (const step of [...walk, { do: 'scan', begun: 1, meanwhile: [0, 0.3, 0.6] } as const]) {
          replica = await walkOn(replica, step, { history, file });
        }
        expect(replica.state).toBe('current');
        expect(replica.replica.contiguous).toBe(history.length);
        expect(replica.replica.ahead.size).toBe(0);
        expect(new Map(replica.replica.strategies)).toEqual(tableAt(history, history.length));
      }),
      { numRuns: 60 },
    );
  });
});

async function walkOn(
  replica: RegistryReplica,
  step: Step,
  { history, file }: { readonly history: readonly Strategy[]; readonly file: string },
): Promise<RegistryReplica> {
  const imagesAt = (picks: readonly number[]) =>
    picks.flatMap((pick) => history[Math.floor(pick * history.length)] ?? []);
  switch (step.do) {
    case 'deliver':
      replica.applyImages(imagesAt(step.picks));
      return replica;
    case 'scan': {
      // A head never runs backwards: at least what this replica knows to be complete.
      const before = replica.received.contiguous;
      const head = Math.max(before, Math.round(step.begun * history.length));
      replica.applyImages(imagesAt(step.meanwhile));
      replica.applyScan(scanOf([...tableAt(history, head).values()], head, before));
      return replica;
    }
    case 'restart':
      if (step.committed) await replica.commit();
      return (await open(file)).replica;
    default:
      return step satisfies never;
  }
}
