import type { Cell } from '../lake/cells.ts';
import type { Lake } from '../lake/lake.ts';

/** What can be drawn over time: numbers of a snapshot. */
export const FIELDS = [
  'quantity',
  'price',
  'bid',
  'ask',
  'last',
  'iv',
  'delta',
  'gamma',
  'vega',
  'theta',
  'underlying',
] as const;

export type Field = (typeof FIELDS)[number];

/** One snapshot of the contract; what was unknown is absent. */
export type HistoryRow = {
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  readonly account: string;
  /** The model of the account that holds it. */
  readonly modelCode?: string;
  readonly reason: string;
  readonly quality: string;
  /** Exact. */
  readonly quantity: string;
  /** Exact; of an option or future it already contains the multiplier. */
  readonly averageCost: string;
} & { readonly [field in Exclude<Field, 'quantity'>]?: number };

export interface HistoryRange {
  /** Part of it. */
  readonly fromMs?: number;
  /** Not part of it. */
  readonly toMs?: number;
}

const COLUMNS = [
  'observed_at',
  'account',
  'model_code',
  'reason',
  'quality',
  'quantity',
  'average_cost',
] as const;
const MARK = FIELDS.filter((field) => field !== 'quantity');

/** Every snapshot of the contract in the lake, oldest first, each id once. */
export async function readHistory(
  lake: Pick<Lake, 'query'>,
  about: HistoryRange & { readonly conId: number },
  signal: AbortSignal,
): Promise<HistoryRow[]> {
  const { conId, fromMs, toMs } = about;
  const conditions = [
    `con_id = ${conId}`,
    ...(fromMs === undefined ? [] : [`epoch_ms(observed_at) >= ${fromMs}`]),
    ...(toMs === undefined ? [] : [`epoch_ms(observed_at) < ${toMs}`]),
  ];
  const sql = `SELECT ${[...COLUMNS, ...MARK].join(', ')} FROM snapshots
    WHERE ${conditions.join(' AND ')} ORDER BY observed_at, bridge, epoch, seq`;
  const { rows } = await lake.query(sql, { signal });
  return rows.map(toHistoryRow);
}

function toHistoryRow(cells: readonly Cell[]): HistoryRow {
  const [observedAt, account, modelCode, reason, quality, quantity, averageCost, ...mark] = cells;
  const known = MARK.flatMap((field, index) => {
    const cell = mark[index];
    return typeof cell === 'number' ? [[field, cell] as const] : [];
  });
  return {
    observedAt: String(observedAt),
    account: String(account),
    ...(typeof modelCode === 'string' ? { modelCode } : {}),
    reason: String(reason),
    quality: String(quality),
    quantity: String(quantity),
    averageCost: String(averageCost),
    ...Object.fromEntries(known),
  };
}
