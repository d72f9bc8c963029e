import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  activeContracts,
  applyImage,
  applyScan,
  EMPTY_REPLICA,
  hasGap,
  type Replica,
} from '../../shared/replica.ts';
import type { Strategy } from '../../shared/strategy.ts';
import { strategy } from '../support/strategies.ts';

/** A registry's life: every write takes the next n and makes a new version of one strategy. */
const history = fc
  .array(
    fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), active: fc.boolean(), deleted: fc.boolean() }),
    {
      maxLength: 40,
    },
  )
  .map((writes) => {
    const versions = new Map<string, number>();
    return writes.map(({ id, active, deleted }, index) => {
      const version = (versions.get(id) ?? 0) + 1;
      versions.set(id, version);
      return strategy({
        id,
        version,
        registryVersion: index + 1,
        status: active ? 'ACTIVE' : 'INACTIVE',
        ...(deleted ? { deletedAt: '2026-11-20T15:00:00.000Z' } : {}),
      });
    });
  });

function tableAsOf(images: readonly Strategy[]): Map<string, Strategy> {
  return new Map(images.map((image) => [image.id, image]));
}

function scanOf(images: readonly Strategy[], contiguousBefore: number) {
  return { strategies: [...tableAsOf(images).values()], head: images.length, contiguousBefore };
}

/** Feed deliveries: any subset, any order, any number of times. */
function deliveries(images: readonly Strategy[]) {
  return images.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...images), { maxLength: 80 });
}

describe('the replica', () => {
  it('is the table once every image came, in any order and any number of times', () => {
    const scenario = history.chain((images) =>
      fc.tuple(
        fc.constant(images),
        deliveries(images),
        fc.shuffledSubarray(images, { minLength: images.length }),
      ),
    );
    fc.assert(
      fc.property(scenario, ([images, noise, all]) => {
        const replica = [...noise, ...all].reduce<Replica>(applyImage, EMPTY_REPLICA);
        expect(replica.strategies).toEqual(tableAsOf(images));
        expect(replica.contiguous).toBe(images.length);
        expect(hasGap(replica)).toBe(false);
      }),
    );
  });

  it('converges to the table by one scan from any state, feed messages before and after it included', () => {
    const scenario = history.chain((images) =>
      fc.tuple(fc.constant(images), deliveries(images), deliveries(images), fc.nat(images.length)),
    );
    fc.assert(
      fc.property(scenario, ([images, before, after, scannedUpTo]) => {
        const start = before
          .filter((image) => image.registryVersion <= scannedUpTo)
          .reduce<Replica>(applyImage, EMPTY_REPLICA);
        const during = before.reduce<Replica>(applyImage, start);
        const scanned = applyScan(during, scanOf(images.slice(0, scannedUpTo), start.contiguous));
        const late = images.slice(scannedUpTo);
        const replica = [...after, ...late].reduce<Replica>(applyImage, scanned);
        expect(replica.strategies).toEqual(tableAsOf(images));
        expect(replica.contiguous).toBe(images.length);
      }),
    );
  });

  it('never claims a version below which it misses something', () => {
    const scenario = history.chain((images) => fc.tuple(fc.constant(images), deliveries(images)));
    fc.assert(
      fc.property(scenario, ([images, some]) => {
        const replica = some.reduce<Replica>(applyImage, EMPTY_REPLICA);
        const known = tableAsOf(images.slice(0, replica.contiguous));
        for (const [id, image] of known) {
          expect(replica.strategies.get(id)?.registryVersion).toBeGreaterThanOrEqual(image.registryVersion);
        }
        expect(hasGap(replica)).toBe(some.some((image) => image.registryVersion > replica.contiguous));
      }),
    );
  });

  it('starts again from a table that was restored from a backup', () => {
    const images = [
      strategy({ registryVersion: 1 }),
      strategy({ version: 2, registryVersion: 2, priority: 9 }),
    ];
    const ahead = images.reduce<Replica>(applyImage, EMPTY_REPLICA);
    const restored = applyScan(ahead, scanOf(images.slice(0, 1), ahead.contiguous));
    expect(restored).toEqual({ strategies: tableAsOf(images.slice(0, 1)), contiguous: 1, ahead: new Set() });
  });

  it('is the same object when an image brings nothing new', () => {
    const replica = applyImage(EMPTY_REPLICA, strategy({ registryVersion: 1 }));
    expect(applyImage(replica, strategy({ registryVersion: 1 }))).toBe(replica);
  });
});

describe('active contracts', () => {
  it('stay active until the last strategy lets go', () => {
    const legs = [{ conId: 7, quantity: '1' }];
    const both = [strategy({ id: 'a', legs }), strategy({ id: 'b', legs })];
    const one = [strategy({ id: 'a', legs, status: 'INACTIVE' }), strategy({ id: 'b', legs })];
    const none = [
      strategy({ id: 'a', legs, status: 'INACTIVE' }),
      strategy({ id: 'b', legs, status: 'INACTIVE' }),
    ];
    expect(activeContracts(both)).toEqual(new Map([[7, ['a', 'b']]]));
    expect(activeContracts(one)).toEqual(new Map([[7, ['b']]]));
    expect(activeContracts(none).size).toBe(0);
  });

  it('leave out strategies that were closed or deleted', () => {
    const ended = '2026-11-20T15:00:00.000Z';
    expect(
      activeContracts([strategy({ closedAt: ended }), strategy({ id: 'b', deletedAt: ended })]).size,
    ).toBe(0);
  });
});
