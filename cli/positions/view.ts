import type { Decimal } from '../../shared/decimal.ts';
import { isZero } from '../../shared/decimal.ts';
import { shownAccount } from '../output/account.ts';
import { contractName } from '../output/contract.ts';
import { paint } from '../output/style.ts';
import { table } from '../output/table.ts';
import type { PositionRow } from './rows.ts';
import type { CurrencyTotal } from './unrealized.ts';

/** What `slotwise positions` prints for a person. Pure but for colours. */
export function positionTable(rows: readonly PositionRow[], showAccounts: boolean): string {
  return table(rows, [
    { head: 'ACCOUNT', cell: (row) => shownAccount(row.account, showAccounts) },
    { head: 'CONID', cell: (row) => String(row.conId), align: 'right' },
    {
      head: 'CONTRACT',
      cell: ({ snapshot }) => (snapshot === undefined ? 'not seen' : contractName(snapshot.contract)),
    },
    { head: 'QUANTITY', cell: (row) => row.quantity, align: 'right' },
    ...(rows.some(({ models }) => models !== undefined) ? [{ head: 'MODELS', cell: shownModels }] : []),
    { head: 'AVG COST', cell: averageCost, align: 'right' },
    { head: 'MARK', cell: ({ snapshot }) => price(snapshot?.mark?.price), align: 'right' },
    { head: 'QUALITY', cell: shownQuality },
    { head: 'UNREALIZED', cell: (row) => money(row.unrealized), align: 'right' },
    { head: 'CCY', cell: ({ snapshot }) => snapshot?.contract.currency ?? '' },
    { head: 'STRATEGIES', cell: shownOwners },
    { head: 'UNASSIGNED', cell: shownUnassigned, align: 'right' },
  ]);
}

export function totalLines(totals: readonly CurrencyTotal[]): string[] {
  return totals.map(({ currency, positions, valued, unrealized }) => {
    const missing = positions - valued;
    const rest = missing === 0 ? '' : `, ${missing} without a current mark left out`;
    return `${currency}: unrealized ${money(unrealized)} over ${valued} of ${positions} positions${rest}`;
  });
}

/** The same for a program: accounts in full, figures exact. */
export function positionDocument(rows: readonly PositionRow[], totals: readonly CurrencyTotal[]): unknown {
  return {
    positions: rows.map(({ snapshot, ...row }) => ({
      ...row,
      ...(snapshot === undefined
        ? {}
        : {
            contract: snapshot.contract,
            ...(row.models === undefined ? { averageCost: snapshot.averageCost } : {}),
            mark: snapshot.mark,
            quality: snapshot.quality,
            observedAt: snapshot.observedAt,
            bridge: snapshot.bridge,
          }),
    })),
    totals,
  };
}

/** `GROWTH 5, 2`: what has no code is the account's own. */
function shownModels({ models = [] }: PositionRow): string {
  return models.map(({ modelCode, quantity }) => [modelCode, quantity].join(' ').trim()).join(', ');
}

/** Models have a cost each, which the JSON tells. */
function averageCost({ snapshot, models }: PositionRow): string {
  return models === undefined || models.length === 1
    ? money(models?.[0]?.averageCost ?? snapshot?.averageCost)
    : '';
}

function shownOwners(row: PositionRow): string {
  const holders = row.claims.map(({ strategy, quantity }) => `${strategy} ${quantity}`);
  const watchers = row.watchedBy.map((strategy) => `${strategy} watched`);
  return [...holders, ...watchers].join(', ');
}

function shownUnassigned(row: PositionRow): string {
  if (row.overAssigned) return paint('red', `${row.unassigned} OVER-ASSIGNED`);
  return isZero(row.unassigned) ? '' : row.unassigned;
}

function shownQuality({ snapshot }: PositionRow): string {
  if (snapshot === undefined) return '';
  return snapshot.quality === 'live' ? paint('green', 'live') : paint('yellow', snapshot.quality);
}

/** Two digits for a person; the exact figure is in the JSON. */
function money(amount: Decimal | undefined): string {
  return amount === undefined ? '' : Number(amount).toFixed(2);
}

function price(value: number | undefined): string {
  return value === undefined ? '' : String(Number(value.toFixed(6)));
}
