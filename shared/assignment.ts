import { addDecimals, compareDecimals, type Decimal, isZero, negateDecimal } from './decimal.ts';
import { isOpen, type Strategy } from './strategy.ts';

export interface Holding {
  readonly account: string;
  readonly conId: number;
  readonly quantity: Decimal;
}

export interface Assignment extends Holding {
  /** Strategy id -> the signed quantity that its leg claims. */
  readonly claims: ReadonlyMap<string, Decimal>;
  /** quantity - sum of claims: with the claims it always adds up to the position. */
  readonly unassigned: Decimal;
  /** The strategies together claim more than is there: what is left has the other sign. */
  readonly overAssigned: boolean;
}

/**
 * Conservation: per account and conId, over all models of the account, the leg quantities of all open strategies plus *unassigned* equal the
 * position. A leg without a position shows up as a holding of 0 that is over-assigned.
 */
export function assign(holdings: readonly Holding[], strategies: Iterable<Strategy>): Assignment[] {
  const rows = new Map<string, { holding: Holding; claims: Map<string, Decimal> }>();
  const rowOf = (account: string, conId: number) => {
    const key = `${account} ${conId}`;
    const row = rows.get(key) ?? { holding: { account, conId, quantity: '0' }, claims: new Map() };
    rows.set(key, row);
    return row;
  };
  for (const { account, conId, quantity } of holdings) {
    const row = rowOf(account, conId);
    row.holding = { ...row.holding, quantity: addDecimals(row.holding.quantity, quantity) };
  }
  for (const strategy of strategies) {
    if (!isOpen(strategy)) continue;
    for (const leg of strategy.legs) {
      if (!isZero(leg.quantity)) rowOf(strategy.account, leg.conId).claims.set(strategy.id, leg.quantity);
    }
  }
  return [...rows.values()].map(({ holding, claims }) => {
    // Most of a portfolio: nothing to compute, and the live page asks each second.
    if (claims.size === 0) return { ...holding, claims, unassigned: holding.quantity, overAssigned: false };
    const unassigned = addDecimals(holding.quantity, ...[...claims.values()].map(negateDecimal));
    return { ...holding, claims, unassigned, overAssigned: isOverAssigned(holding.quantity, unassigned) };
  });
}

function isOverAssigned(quantity: Decimal, unassigned: Decimal): boolean {
  const left = compareDecimals(unassigned, '0');
  return left !== 0 && left !== compareDecimals(quantity, '0');
}
