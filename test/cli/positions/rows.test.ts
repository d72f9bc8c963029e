import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { positionRows } from '../../../cli/positions/rows.ts';
import { totalsByCurrency, unrealized } from '../../../cli/positions/unrealized.ts';
import { positionTable, totalLines } from '../../../cli/positions/view.ts';
import { addDecimals } from '../../../shared/decimal.ts';
import type { Snapshot } from '../../../shared/snapshot.ts';
import { snapshot } from '../../support/snapshots.ts';
import { strategy } from '../../support/strategies.ts';

function position(conId: number, quantity: string, overrides: Partial<Snapshot> = {}): Snapshot {
  const base = snapshot(overrides);
  return { ...base, quantity, contract: { ...base.contract, ...overrides.contract, conId } };
}

function share(conId: number, quantity: string, overrides: Partial<Snapshot> = {}): Snapshot {
  const contract = { conId, symbol: 'SAP', secType: 'STK', currency: 'EUR' };
  return { ...snapshot(overrides), quantity, contract };
}

const live = { quality: 'live', mark: { price: 20 } } as const;

describe('the positions of an account', () => {
  it('are joined with the strategies that hold or watch them', () => {
    const rows = positionRows(
      [position(1, '-3'), position(2, '4')],
      [
        strategy({ id: 'a', legs: [{ conId: 1, quantity: '-1' }] }),
        strategy({
          id: 'b',
          status: 'INACTIVE',
          legs: [
            { conId: 1, quantity: '-1' },
            { conId: 2, quantity: '0' },
          ],
        }),
        strategy({ id: 'over', closedAt: '2026-11-20T15:00:00.000Z', legs: [{ conId: 2, quantity: '4' }] }),
      ],
      {},
    );
    expect(rows).toMatchObject([
      {
        conId: 1,
        claims: [
          { strategy: 'a', quantity: '-1' },
          { strategy: 'b', quantity: '-1' },
        ],
        watchedBy: [],
        unassigned: '-1',
        overAssigned: false,
      },
      { conId: 2, claims: [], watchedBy: ['b'], unassigned: '4', overAssigned: false },
    ]);
  });

  it('flag what is claimed beyond what is there, even where nothing is there', () => {
    const rows = positionRows(
      [position(1, '1')],
      [
        strategy({
          legs: [
            { conId: 1, quantity: '2' },
            { conId: 7, quantity: '1' },
          ],
        }),
      ],
      {},
    );
    expect(rows).toMatchObject([
      { conId: 1, unassigned: '-1', overAssigned: true },
      { conId: 7, quantity: '0', unassigned: '-1', overAssigned: true },
    ]);
    expect(rows[1]).not.toHaveProperty('snapshot');
    const text = positionTable(rows, false);
    expect(text).toMatch(/not seen.*-1 OVER-ASSIGNED/);
    expect(text).not.toContain('DU9000001');
  });

  it('are filtered by account, symbol and strategy, and closed ones are left out until asked for', () => {
    const snapshots = [
      position(1, '1'),
      share(2, '5'),
      position(3, '0'),
      position(4, '1', { account: 'DU9000077' }),
    ];
    const strategies = [strategy({ legs: [{ conId: 1, quantity: '1' }] })];
    const conIds = (filter: Parameters<typeof positionRows>[2]) =>
      positionRows(snapshots, strategies, filter).map((row) => row.conId);
    expect(conIds({})).toEqual([1, 2, 4]);
    expect(conIds({ closed: true })).toEqual([1, 3, 2, 4]);
    expect(conIds({ symbol: 'sap' })).toEqual([2]);
    expect(conIds({ strategy: 'condor' })).toEqual([1]);
    expect(conIds({ account: (account) => account.endsWith('77') })).toEqual([4]);
  });

  it('add up to what is held, whatever strategies claim', () => {
    const quantity = fc.integer({ min: -5, max: 5 }).map(String);
    const legs = fc.uniqueArray(fc.record({ conId: fc.integer({ min: 1, max: 4 }), quantity }), {
      selector: (leg) => leg.conId,
      minLength: 1,
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ conId: fc.integer({ min: 1, max: 4 }), quantity }), {
          selector: (held) => held.conId,
        }),
        fc.array(legs, { maxLength: 4 }),
        (held, plans) => {
          const snapshots = held.map((each) => position(each.conId, each.quantity));
          const strategies = plans.map((plan, index) => strategy({ id: `s${index}`, legs: plan }));
          for (const row of positionRows(snapshots, strategies, { closed: true })) {
            const claimed = addDecimals(...row.claims.map((claim) => claim.quantity));
            expect(addDecimals(claimed, row.unassigned)).toBe(row.quantity);
          }
        },
      ),
    );
  });
});

describe('the positions of models', () => {
  const contract = { ...snapshot().contract, conId: 1 };
  const own = position(1, '-3', { ...live, contract, averageCost: '2100' });
  const ofModel = position(1, '5', { ...live, contract, averageCost: '1900', modelCode: 'GROWTH' });
  const rows = () =>
    positionRows([own, ofModel], [strategy({ id: 'a', legs: [{ conId: 1, quantity: '2' }] })], {});

  it('are one row with their account’s own, which strategies are measured by', () => {
    expect(rows()).toMatchObject([
      {
        quantity: '2',
        unassigned: '0',
        overAssigned: false,
        models: [
          { quantity: '-3', averageCost: '2100' },
          { modelCode: 'GROWTH', quantity: '5', averageCost: '1900' },
        ],
        unrealized: '800',
      },
    ]);
  });

  it('are shown with their codes, and only where there are any', () => {
    const [head, line] = positionTable(rows(), false).split('\n');
    expect(head).toContain('MODELS');
    expect(line).toContain('-3, GROWTH 5');
    expect(positionTable(positionRows([own], [], {}), false)).not.toContain('MODELS');
  });

  it('are what is left when the account’s own closed', () => {
    const closed = { ...own, quantity: '0', observedAt: '2026-11-21T15:00:00.000Z' };
    const [row] = positionRows([closed, ofModel], [], {});
    expect(row).toMatchObject({ quantity: '5', models: [{ modelCode: 'GROWTH' }], unrealized: '500' });
    expect(positionRows([closed, { ...ofModel, quantity: '0' }], [], {})).toEqual([]);
  });
});

describe('what a position gained', () => {
  it('takes the multiplier into the price only: averageCost contains it already', () => {
    expect(unrealized(position(1, '-3', { ...live, averageCost: '2100.5' }))).toBe('301.5');
    expect(unrealized(share(1, '10', { ...live, averageCost: '12.345' }))).toBe('76.55');
  });

  it('is unknown without a current mark, without a multiplier, and for what is quoted otherwise', () => {
    for (const quality of ['stale', 'none', 'no-line', 'no-permission', 'competing-session'] as const) {
      expect(unrealized(position(1, '1', { ...live, quality }))).toBeUndefined();
    }
    expect(unrealized(position(1, '1', { quality: 'live' }))).toBeUndefined();
    const { multiplier: _, ...contract } = snapshot().contract;
    expect(unrealized({ ...snapshot(live), contract })).toBeUndefined();
    expect(unrealized({ ...snapshot(live), contract: { ...contract, secType: 'BOND' } })).toBeUndefined();
  });

  it('is summed per currency, and says what the sum lacks', () => {
    const rows = positionRows(
      [
        position(1, '1', { ...live, averageCost: '1000' }),
        position(2, '1', { quality: 'stale' }),
        share(3, '1', { ...live, averageCost: '10.1' }),
        share(4, '1', { ...live, averageCost: '10.2' }),
        position(5, '0'),
      ],
      [],
      { closed: true },
    );
    const totals = totalsByCurrency(rows);
    expect(totals).toEqual([
      { currency: 'EUR', positions: 2, valued: 2, unrealized: '19.7' },
      { currency: 'USD', positions: 2, valued: 1, unrealized: '1000' },
    ]);
    expect(totalLines(totals)).toEqual([
      'EUR: unrealized 19.70 over 2 of 2 positions',
      'USD: unrealized 1000.00 over 1 of 2 positions, 1 without a current mark left out',
    ]);
  });
});
