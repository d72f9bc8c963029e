import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isZero } from '../../../shared/decimal.ts';
import { row } from '../positions/rows.ts';
import { tableRow, World } from './table-model.ts';

const SEED = 20_261_121;
const conIds = Array.from({ length: 12 }, (_, at) => at + 1);
const quantities = fc.integer({ min: -5, max: 5 });
const holdings = fc.array(quantities.filter((quantity) => quantity !== 0).map(String), {
  minLength: 1,
  maxLength: 8,
});

const OLDER = { epoch: '1795100000000-aaaaaa', observedAt: '2026-11-19T10:00:00.000Z' };
const ANOTHERS = { bridge: 'away', observedAt: '2026-11-20T14:30:10.000Z' };
/** Beyond anything that this bridge will send in these tests. */
const NEWER = [{ epoch: '1999999999999-zzzzzz' }, { bridge: 'away', observedAt: '2027-01-01T00:00:00.000Z' }];

const tampering = fc.record({
  conId: fc.constantFrom(...conIds),
  deed: fc.oneof(
    fc.constant('delete' as const),
    fc.record({ quantity: quantities.map(String), by: fc.constantFrom({}, OLDER, ANOTHERS, ...NEWER) }),
  ),
});

type Tampering = typeof tampering extends fc.Arbitrary<infer T> ? T : never;

function tamper(world: World, { conId, deed }: Tampering): void {
  if (deed === 'delete') world.table.delete(conId);
  else world.table.set(conId, tableRow(conId, deed.quantity, deed.by));
}

/** Long enough for every guard: a look each drain period, sweeps and keyframes in between. */
function settle(world: World, looks = 20): void {
  for (let look = 0; look < looks; look += 1) {
    for (let sweep = 0; sweep < 3; sweep += 1) world.sweep();
    world.look();
  }
}

describe(`a table that was tampered with (seed ${SEED})`, () => {
  it('ends as the sweep has it, but for rows that are newer than anything to be sent, which never go back', () => {
    fc.assert(
      fc.property(holdings, fc.array(tampering, { maxLength: 12 }), (held, deeds) => {
        const rows = held.map((quantity, at) => row(at + 1, quantity));
        const world = new World(rows);
        for (const deed of deeds) tamper(world, deed);
        const before = new Map(world.table);
        settle(world);
        for (const conId of conIds) {
          const [was, is] = [before.get(conId), world.table.get(conId)];
          if (
            was !== undefined &&
            NEWER.some((place) => Object.entries(place).every(([k, v]) => was[k as 'epoch'] === v))
          ) {
            expect(is).toBe(was);
          } else expect(is?.quantity ?? '0').toBe(held[conId - 1] ?? '0');
        }
        for (const conId of world.closed) expect(conId).toBeGreaterThan(held.length);
        const left = world.findings.differences.map(({ kind }) => kind);
        expect(new Set(left).difference(new Set(['newer']))).toEqual(new Set());
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it('closes nothing that the account itself still shows, nor anything that the gateway lists again', () => {
    fc.assert(
      fc.property(holdings, fc.subarray(conIds), fc.nat(30), (held, lost, backAfter) => {
        const rows = held.map((quantity, at) => row(at + 1, quantity));
        const world = new World([]);
        for (const { contract, quantity } of rows) world.put(tableRow(contract.conId, quantity, OLDER));
        world.window = rows;
        for (let sweep = 0; sweep <= backAfter; sweep += 1) {
          world.sweep();
          world.look();
        }
        world.rows = rows.filter(({ contract }) => !lost.includes(contract.conId));
        settle(world, 12);
        expect(world.closed).toEqual([]);
        for (const { contract, quantity } of rows) {
          expect(world.table.get(contract.conId)?.quantity).toBe(quantity);
        }
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  it('is not asked for more while the drain stands still', () => {
    const world = new World([row(1), row(2)]);
    world.table.clear();
    world.isDrainAway = true;
    for (let look = 0; look < 10; look += 1) {
      for (let sweep = 0; sweep < 3; sweep += 1) world.sweep();
      expect(world.look()).toEqual([]);
    }
    expect(world.findings.counts.missing).toBe(2);
    world.isDrainAway = false;
    settle(world, 2);
    expect([...world.table.values()].every(({ quantity }) => !isZero(quantity))).toBe(true);
    expect(world.table.size).toBe(2);
  });
});
