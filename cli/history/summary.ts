import type { Field, HistoryRow } from './rows.ts';

/**
 * Qualities whose prices are no prices of that moment: an average over them would be one over the silence of a line,
 * or over one close repeated all night.
 */
const DEAD = new Set(['frozen', 'stale', 'no-line', 'no-permission', 'competing-session', 'none']);

/** The price over the rows that can be trusted, and what was left out of it. */
export interface Summary {
  readonly rows: number;
  /** Rows that the aggregates are over: of a quality that is not dead, with a price. */
  readonly priced: number;
  /** Rows of dead quality, by quality: in no aggregate. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Rows of good quality without a price: in no aggregate. */
  readonly unpriced: number;
  /** Absent where no row has a price that can be trusted. */
  readonly price?: {
    readonly first: number;
    readonly last: number;
    readonly low: number;
    readonly high: number;
    readonly mean: number;
  };
}

/** @param rows of one account, oldest first */
export function summarize(rows: readonly HistoryRow[]): Summary {
  const leftOut: Record<string, number> = {};
  let unpriced = 0;
  const prices: number[] = [];
  for (const { quality, price } of rows) {
    if (DEAD.has(quality)) leftOut[quality] = (leftOut[quality] ?? 0) + 1;
    else if (price === undefined) unpriced += 1;
    else prices.push(price);
  }
  const [first] = prices;
  const last = prices.at(-1);
  const counts = { rows: rows.length, priced: prices.length, leftOut, unpriced };
  if (first === undefined || last === undefined) return counts;
  let low = first;
  let high = first;
  let sum = 0;
  for (const price of prices) {
    low = Math.min(low, price);
    high = Math.max(high, price);
    sum += price;
  }
  return { ...counts, price: { first, last, low, high, mean: sum / prices.length } };
}

/**
 * What a plot of one field draws. A quantity is as good as the sweep that brought it; everything else is as good as
 * its quality says.
 */
export function pointsOf(rows: readonly HistoryRow[], field: Field): [at: number, value: number][] {
  return rows.flatMap((row) => {
    if (field !== 'quantity' && DEAD.has(row.quality)) return [];
    const value = row[field];
    return value === undefined ? [] : [[Date.parse(row.observedAt), Number(value)]];
  });
}
