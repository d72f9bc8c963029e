import { assign } from '../../shared/assignment.ts';
import { addDecimals, type Decimal, isZero } from '../../shared/decimal.ts';
import { openStrategiesByContract } from '../../shared/replica.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { Strategy } from '../../shared/strategy.ts';
import { compareText } from '../output/compare.ts';
import { unrealized } from './unrealized.ts';

/** A position joined with the strategies that hold or watch it. */
export interface PositionRow {
  readonly account: string;
  readonly conId: number;
  /** The newest; absent where a strategy claims what no snapshot has shown. */
  readonly snapshot?: Snapshot;
  /** Of the account with all of its models. */
  readonly quantity: Decimal;
  /** Absent where no model holds it; without a model code: the account itself. */
  readonly models?: readonly {
    readonly modelCode?: string;
    readonly quantity: Decimal;
    readonly averageCost: Decimal;
  }[];
  readonly claims: readonly { readonly strategy: string; readonly quantity: Decimal }[];
  /** Open strategies that watch it, in text order. */
  readonly watchedBy: readonly string[];
  readonly unassigned: Decimal;
  readonly overAssigned: boolean;
  /** In the contract's currency; absent where no current mark can tell. */
  readonly unrealized?: Decimal;
}

export interface RowFilter {
  readonly account?: (account: string) => boolean;
  readonly symbol?: string;
  readonly strategy?: string;
  /** Closed positions that nobody claims, too. */
  readonly closed?: boolean;
}

/**
 * Joins, filters and sorts by account, symbol and contract. What is filtered out is joined all the same: a position
 * that another strategy shares shows all of its claims.
 */
export function positionRows(
  snapshots: readonly Snapshot[],
  strategies: readonly Strategy[],
  filter: RowFilter,
): PositionRow[] {
  const byKey = Map.groupBy(snapshots, ({ account, contract }) => keyOf(account, contract.conId));
  const holdings = snapshots.map(({ account, contract, quantity }) => ({
    account,
    conId: contract.conId,
    quantity,
  }));
  const accounts = new Set([...holdings, ...strategies].map((each) => each.account));
  const owners = new Map(
    [...accounts].map((account) => [account, openStrategiesByContract(strategies, account)]),
  );
  return assign(holdings, strategies)
    .map(({ account, conId, quantity, claims, unassigned, overAssigned }): PositionRow => {
      const held = byKey.get(keyOf(account, conId)) ?? [];
      const snapshot = held.toSorted((left, right) => compareText(right.observedAt, left.observedAt))[0];
      const open = held.filter((each) => !isZero(each.quantity));
      const gain = sumOf((open.length === 0 ? held : open).map(unrealized));
      return {
        account,
        conId,
        ...(snapshot === undefined ? {} : { snapshot }),
        quantity,
        ...modelsOf(held),
        claims: [...claims].map(([strategy, claimed]) => ({ strategy, quantity: claimed })),
        watchedBy: (owners.get(account)?.get(conId) ?? []).filter((id) => !claims.has(id)),
        unassigned,
        overAssigned,
        ...(gain === undefined ? {} : { unrealized: gain }),
      };
    })
    .filter((row) => passes(row, filter))
    .sort(byAccountAndContract);
}

function modelsOf(held: readonly Snapshot[]): Pick<PositionRow, 'models'> {
  const open = held.filter(({ quantity }) => !isZero(quantity));
  if (open.every(({ modelCode }) => modelCode === undefined)) return {};
  const models = open.map(({ modelCode, quantity, averageCost }) => ({
    ...(modelCode === undefined ? {} : { modelCode }),
    quantity,
    averageCost,
  }));
  return { models: models.sort((left, right) => compareText(left.modelCode ?? '', right.modelCode ?? '')) };
}

/** @returns undefined for nothing, and where one of them cannot tell */
function sumOf(gains: readonly (Decimal | undefined)[]): Decimal | undefined {
  const known = gains.filter((gain) => gain !== undefined);
  return known.length === 0 || known.length < gains.length ? undefined : addDecimals(...known);
}

function passes(row: PositionRow, filter: RowFilter): boolean {
  const isClosed = isZero(row.quantity) && row.claims.length === 0;
  if (isClosed && filter.closed !== true) return false;
  if (filter.account !== undefined && !filter.account(row.account)) return false;
  if (filter.symbol !== undefined) {
    if (row.snapshot?.contract.symbol.toUpperCase() !== filter.symbol.toUpperCase()) return false;
  }
  if (filter.strategy === undefined) return true;
  const owners = [...row.claims.map((claim) => claim.strategy), ...row.watchedBy];
  return owners.includes(filter.strategy);
}

function byAccountAndContract(left: PositionRow, right: PositionRow): number {
  return (
    compareText(left.account, right.account) ||
    compareText(sortText(left), sortText(right)) ||
    left.conId - right.conId
  );
}

function sortText({ snapshot }: PositionRow): string {
  if (snapshot === undefined) return '~';
  const { symbol, secType, lastTradeDate, right, strike } = snapshot.contract;
  return [symbol, secType, lastTradeDate ?? '', right ?? '', (strike ?? '').padStart(20, '0')].join(' ');
}

function keyOf(account: string, conId: number): string {
  return `${account} ${conId}`;
}
