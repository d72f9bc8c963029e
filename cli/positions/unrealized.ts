import { Big } from 'big.js';
import { type Decimal, decimal, isZero } from '../../shared/decimal.ts';
import type { Quality, Snapshot } from '../../shared/snapshot.ts';

/** Marks that say what a position is worth now; the others are old, or missing for a reason. */
const CURRENT: ReadonlySet<Quality> = new Set<Quality>(['live', 'delayed', 'frozen', 'no-bid']);

/** Of options and futures averageCost contains the multiplier already; a share's multiplier is 1. */
const PER_CONTRACT: ReadonlySet<string> = new Set(['OPT', 'FOP', 'FUT']);

/**
 * @returns quantity x (price x multiplier - averageCost) in the contract's currency; undefined where the mark is not
 *   current, the multiplier unknown or the kind of contract is quoted otherwise, as bonds are
 */
export function unrealized(snapshot: Snapshot): Decimal | undefined {
  const { contract, quantity, averageCost, mark, quality } = snapshot;
  const multiplier = PER_CONTRACT.has(contract.secType)
    ? contract.multiplier
    : plainMultiplier(contract.secType);
  if (mark?.price === undefined || multiplier === undefined || !CURRENT.has(quality)) return undefined;
  const value = new Big(mark.price).times(multiplier);
  return decimal(value.minus(averageCost).times(quantity).toFixed());
}

/** What a sum needs of a row. */
interface Valued {
  readonly snapshot?: Snapshot;
  readonly quantity: Decimal;
  readonly unrealized?: Decimal;
}

export interface CurrencyTotal {
  readonly currency: string;
  readonly positions: number;
  /** Of the positions, how many the sum contains. */
  readonly valued: number;
  readonly unrealized: Decimal;
}

/** One sum per currency, in text order: amounts of two currencies are never added. */
export function totalsByCurrency(rows: readonly Valued[]): CurrencyTotal[] {
  const totals = new Map<string, { positions: number; valued: number; sum: Big }>();
  for (const { snapshot, quantity, unrealized: gain } of rows) {
    if (snapshot === undefined || isZero(quantity)) continue;
    const { currency } = snapshot.contract;
    const total = totals.get(currency) ?? { positions: 0, valued: 0, sum: new Big(0) };
    total.positions += 1;
    if (gain !== undefined) {
      total.valued += 1;
      total.sum = total.sum.plus(gain);
    }
    totals.set(currency, total);
  }
  return [...totals]
    .map(([currency, { positions, valued, sum }]) => ({
      currency,
      positions,
      valued,
      unrealized: decimal(sum.toFixed()),
    }))
    .sort((left, right) => (left.currency < right.currency ? -1 : 1));
}

function plainMultiplier(secType: string): Decimal | undefined {
  return secType === 'STK' ? '1' : undefined;
}
