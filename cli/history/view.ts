import { plot } from 'simple-ascii-chart';
import { holderOf } from '../../shared/account.ts';
import { shownAccount } from '../output/account.ts';
import { type Column, table } from '../output/table.ts';
import type { Field, HistoryRow } from './rows.ts';
import { pointsOf, summarize } from './summary.ts';

export interface HistoryView {
  readonly showAccounts: boolean;
}

/** One account after the other, and each of its models for itself: its snapshots, oldest first, and what they come to. */
export function historyText(rows: readonly HistoryRow[], view: HistoryView): string {
  return sections(rows, view, (own) => `${table(own, COLUMNS)}\n\n${summaryText(own)}`);
}

/** @param width columns of the terminal */
export function historyPlot(
  rows: readonly HistoryRow[],
  { field, width, ...view }: HistoryView & { readonly field: Field; readonly width: number },
): string {
  return sections(rows, view, (own) => `${chart(own, field, width)}\n${summaryText(own)}`);
}

function sections(
  rows: readonly HistoryRow[],
  view: HistoryView,
  draw: (own: readonly HistoryRow[]) => string,
): string {
  const byHolder = Map.groupBy(rows, (row) => holderOf(row));
  return [...byHolder.values()]
    .map((own) => `${shownHolder(own[0], view.showAccounts)}\n${draw(own)}`)
    .join('\n\n');
}

function shownHolder(row: HistoryRow | undefined, showAccounts: boolean): string {
  if (row === undefined) return '';
  return holderOf({ ...row, account: shownAccount(row.account, showAccounts) });
}

const right = (head: string, field: Field): Column<HistoryRow> => ({
  head,
  cell: (row) => figure(row[field]),
  align: 'right',
});

const COLUMNS: readonly Column<HistoryRow>[] = [
  { head: 'OBSERVED', cell: (row) => row.observedAt },
  { head: 'REASON', cell: (row) => row.reason },
  right('QTY', 'quantity'),
  right('PRICE', 'price'),
  right('BID', 'bid'),
  right('ASK', 'ask'),
  right('IV', 'iv'),
  right('DELTA', 'delta'),
  right('GAMMA', 'gamma'),
  right('VEGA', 'vega'),
  right('THETA', 'theta'),
  right('UNDERLYING', 'underlying'),
  { head: 'QUALITY', cell: (row) => row.quality },
];

function figure(value: number | string | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : String(Number(value.toFixed(4)));
}

function summaryText(rows: readonly HistoryRow[]): string {
  const { priced, leftOut, unpriced, price } = summarize(rows);
  const dead = Object.entries(leftOut).map(([quality, count]) => `${count} ${quality}`);
  const left = [...dead, ...(unpriced > 0 ? [`${unpriced} without a price`] : [])];
  return [
    price === undefined
      ? `no price that can be trusted in ${counted(rows.length)}`
      : `price over ${counted(priced)}: first ${figure(price.first)}, last ${figure(price.last)}, ` +
        `low ${figure(price.low)}, high ${figure(price.high)}, mean ${figure(price.mean)}`,
    ...(left.length > 0 ? [`left out: ${left.join(', ')}`] : []),
  ].join('\n');
}

function counted(rows: number): string {
  return rows === 1 ? '1 row' : `${rows} rows`;
}

const HEIGHT = 12;
/** Room for the figures left of the axis. */
const MARGIN = 16;
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const DAY_MS = 86_400_000;

function chart(rows: readonly HistoryRow[], field: Field, width: number): string {
  const points = pointsOf(rows, field);
  const begin = points[0]?.[0];
  const end = points.at(-1)?.[0];
  if (begin === undefined || end === undefined) return `nothing to draw: no ${field} that can be trusted`;
  const shown = end - begin < DAY_MS ? ([11, 16] as const) : ([5, 16] as const);
  return plot(points, {
    title: `${field}, ${new Date(begin).toISOString().slice(0, 16)}Z to ${new Date(end).toISOString().slice(0, 16)}Z`,
    width: Math.max(20, width - MARGIN),
    height: HEIGHT,
    customXAxisTicks: TICKS.map((part) => Math.round(begin + part * (end - begin))),
    formatter: (value, { axis }) =>
      axis === 'x'
        ? new Date(value)
            .toISOString()
            .slice(...shown)
            .replace('T', ' ')
        : figure(value),
  }).trimEnd();
}
