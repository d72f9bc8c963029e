import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from '../../shared/assignment.ts';
import { addDecimals } from '../../shared/decimal.ts';
import { strategy } from '../support/strategies.ts';

const ACCOUNT = 'DU9000001';
const quantity = fc.integer({ min: -5, max: 5 }).map(String);
const legs = fc.uniqueArray(fc.record({ conId: fc.integer({ min: 1, max: 4 }), quantity }), {
  selector: (leg) => leg.conId,
  minLength: 1,
});

describe('the assignment of positions to strategies', () => {
  it('conserves: claims plus unassigned equal the position, for every account and contract', () => {
    const holdings = fc.uniqueArray(
      fc.record({
        account: fc.constantFrom(ACCOUNT, 'DU9000002'),
        conId: fc.integer({ min: 1, max: 4 }),
        quantity,
      }),
      { selector: (holding) => `${holding.account} ${holding.conId}` },
    );
    fc.assert(
      fc.property(holdings, fc.array(legs), (held, claimed) => {
        const strategies = claimed.map((of, index) => strategy({ id: `s${index}`, legs: of }));
        const rows = assign(held, strategies);
        for (const row of rows) {
          expect(addDecimals(row.unassigned, ...row.claims.values())).toBe(row.quantity);
        }
        for (const holding of held) {
          expect(rows).toContainEqual(expect.objectContaining(holding));
        }
      }),
    );
  });

  const over = (held: string, ...claims: string[]) => {
    const strategies = claims.map((claim, index) =>
      strategy({ id: `s${index}`, legs: [{ conId: 1, quantity: claim }] }),
    );
    return assign([{ account: ACCOUNT, conId: 1, quantity: held }], strategies)[0]?.overAssigned;
  };

  it('shows legs that together claim more than is held', () => {
    expect(over('3', '3')).toBe(false);
    expect(over('3', '2')).toBe(false);
    expect(over('3', '4')).toBe(true);
    expect(over('3', '-1')).toBe(false);
    expect(over('-3', '-2', '-2')).toBe(true);
    expect(over('0', '1')).toBe(true);
    expect(over('5', '10', '-5')).toBe(false);
  });

  it('shows a leg without any position as over-assigned', () => {
    const [row] = assign([], [strategy({ legs: [{ conId: 9, quantity: '1' }] })]);
    expect(row).toMatchObject({ conId: 9, quantity: '0', unassigned: '-1', overAssigned: true });
  });

  it('takes watched legs and ended strategies for what they are: owners of nothing', () => {
    const strategies = [
      strategy({ id: 'watching', legs: [{ conId: 1, quantity: '0' }] }),
      strategy({ id: 'ended', legs: [{ conId: 1, quantity: '5' }], closedAt: '2026-11-20T15:00:00.000Z' }),
    ];
    const [row] = assign([{ account: ACCOUNT, conId: 1, quantity: '2' }], strategies);
    expect(row).toMatchObject({ unassigned: '2', overAssigned: false });
  });
});
