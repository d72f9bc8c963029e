import type { Answer } from '../lake/cells.ts';
import { FIELDS, type HistoryRow } from './rows.ts';

const COLUMNS = [
  'observedAt',
  'account',
  'reason',
  'quality',
  'averageCost',
  ...FIELDS,
  'modelCode',
] as const;

/** Every row, with every column whether anybody filled it or not. */
export function historyAnswer(rows: readonly HistoryRow[]): Answer {
  return { columns: COLUMNS, rows: rows.map((row) => COLUMNS.map((column) => row[column] ?? null)) };
}
