import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBUnionValue,
  type DuckDBValue,
} from '@duckdb/node-api';

/** A value of a query's answer that survives JSON. */
export type Cell = null | boolean | number | string | readonly Cell[] | { readonly [name: string]: Cell };

/** What a question brings: names of columns, which may repeat, and rows of as many cells. */
export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/**
 * Exactness before convenience: integers beyond 2^53 and all decimals are text, instants are ISO 8601, and of what
 * JSON has no word for (NaN, intervals, blobs) the database's own text is given.
 */
export function toCell(value: DuckDBValue): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return toInteger(value);
  if (value instanceof DuckDBDecimalValue) return plainDecimal(value.toString());
  if (value instanceof DuckDBTimestampTZValue) return `${isoInstant(value.micros)}Z`;
  if (value instanceof DuckDBTimestampValue) return isoInstant(value.micros);
  if (value instanceof DuckDBTimestampMillisecondsValue) return isoInstant(value.millis * 1000n);
  if (value instanceof DuckDBTimestampSecondsValue) return isoInstant(value.seconds * 1_000_000n);
  if (value instanceof DuckDBTimestampNanosecondsValue) return isoInstant(value.nanos / 1000n);
  if (value instanceof DuckDBDateValue) return value.toString();
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(toCell);
  if (value instanceof DuckDBStructValue) return structCell(value.entries);
  if (value instanceof DuckDBMapValue) {
    return value.entries.map((entry) => ({ key: toCell(entry.key), value: toCell(entry.value) }));
  }
  if (value instanceof DuckDBUnionValue) return toCell(value.value);
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('hex');
  return String(value);
}

/** As a person reads it in a table, and as CSV has it. */
export function cellText(cell: Cell): string {
  if (cell === null) return '';
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}

function toInteger(value: bigint): Cell {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** No padding: the same text that the messages carry. */
function plainDecimal(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function structCell(entries: Readonly<Record<string, DuckDBValue>>): Cell {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, toCell(value)]));
}

const MILLISECOND = 1000n;

/** Milliseconds, as everywhere in slotwise; microseconds only where there are some. Infinity has no date. */
function isoInstant(micros: bigint): string {
  const rest = ((micros % MILLISECOND) + MILLISECOND) % MILLISECOND;
  const instant = new Date(Number((micros - rest) / MILLISECOND));
  if (Number.isNaN(instant.getTime())) return micros > 0n ? 'infinity' : '-infinity';
  const text = instant.toISOString().slice(0, -1);
  return rest === 0n ? text : `${text}${String(rest).padStart(3, '0')}`;
}
