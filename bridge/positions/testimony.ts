import type { Contract } from '../../shared/contract.ts';
import { addDecimals, compareDecimals, type Decimal, isZero } from '../../shared/decimal.ts';

/** What an account's own window showed: the second witness of an absence. */
export interface Testimony {
  /** `performance.now()` when it was asked for: it knows nothing of what vanished later. */
  readonly askedTick: number;
  /** By conId, over all models of the account; what is not held is not in it. */
  readonly quantities: ReadonlyMap<number, Decimal>;
}

/** silent: nothing was said since, or by a witness that does not see the whole account either. */
export type Verdict = 'agrees' | 'contradicts' | 'silent';

/** What a sweep has of one account, beside what the account's own window showed. */
export interface Comparison {
  readonly testimony: Testimony | undefined;
  /** By conId, over all models: as it is committed, what the sweep lacks included. */
  readonly committed: ReadonlyMap<number, Decimal>;
  /** By conId, over all models, as the sweep has it. */
  readonly listed: ReadonlyMap<number, Decimal>;
  /** IB security types of which the sweep has contracts that the window does not show. */
  readonly unseenTypes: ReadonlySet<string>;
}

interface Holding {
  readonly contract: Contract;
  readonly quantity: Decimal;
}

export function testimonyOf(rows: readonly Holding[], askedTick: number): Testimony {
  return { askedTick, quantities: sumByContract(rows) };
}

/** All of one account. */
export function compare(of: {
  readonly committed: readonly Holding[];
  readonly rows: readonly Holding[];
  readonly testimony: Testimony | undefined;
}): Comparison {
  const { testimony } = of;
  const listed = sumByContract(of.rows);
  const unseen = of.rows.filter(({ contract: { conId } }) => {
    return listed.has(conId) && testimony?.quantities.has(conId) === false;
  });
  return {
    testimony,
    committed: sumByContract(of.committed),
    listed,
    unseenTypes: new Set(unseen.map(({ contract }) => contract.secType)),
  };
}

/**
 * What the witness says of a contract that sweeps lack. It agrees where it shows of the contract what the sweep still
 * does under other models, which is nothing as a rule. A witness that lacks contracts of the same type that the sweep
 * has is a list that is still loading; other types are not compared, because the window and the list need not have
 * the same ones (currencies).
 * @param sinceTick from when on it has to know: the sweep that made the absence one to be confirmed
 */
export function verdictOf(
  { conId, secType }: Contract,
  sinceTick: number,
  { testimony, committed, listed, unseenTypes }: Comparison,
): Verdict {
  if (testimony === undefined || testimony.askedTick < sinceTick) return 'silent';
  const left = listed.get(conId) ?? '0';
  if (compareDecimals(testimony.quantities.get(conId) ?? '0', left) !== 0) return 'contradicts';
  // Models that cancel each other out look to the witness as if they were not there, before and after.
  if (compareDecimals(committed.get(conId) ?? '0', left) === 0) return 'silent';
  return unseenTypes.has(secType) ? 'silent' : 'agrees';
}

/** What adds up to nothing is not held. */
function sumByContract(rows: readonly Holding[]): ReadonlyMap<number, Decimal> {
  const sums = new Map<number, Decimal>();
  for (const { contract, quantity } of rows) {
    const before = sums.get(contract.conId);
    sums.set(contract.conId, before === undefined ? quantity : addDecimals(before, quantity));
  }
  for (const [conId, quantity] of sums) if (isZero(quantity)) sums.delete(conId);
  return sums;
}
