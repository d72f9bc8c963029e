import Table from 'cli-table3';
import { paint } from './style.ts';

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  readonly align?: 'left' | 'right';
}

const NO_RULES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const;

/** @returns a table without rules, its lines without trailing blanks: to be read, and to be cut and sorted */
export function table<Row>(rows: Iterable<Row>, columns: readonly Column<Row>[]): string {
  const grid = new Table({
    head: columns.map((column) => paint('bold', column.head)),
    colAligns: columns.map((column) => column.align ?? 'left'),
    chars: NO_RULES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  for (const row of rows) grid.push(columns.map((column) => column.cell(row)));
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
