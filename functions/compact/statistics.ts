import type { TableColumn } from '../../shared/delta/schema.ts';
import { literal, quoted, type Workbench } from './workbench.ts';

/** Their least and greatest value tell a reader which files it may skip; of a digest they tell nothing. */
const DIGESTS = new Set(['body_digest', 'object_key']);

/** How JSON has the bound of a column; what is not listed, lists and decimals, has none. */
const BOUNDS: Readonly<Record<string, (value: string, end: 'min' | 'max') => unknown>> = {
  VARCHAR: (value) => value,
  INTEGER: Number,
  BIGINT: Number,
  DOUBLE: Number,
  DATE: (value) => value,
  'TIMESTAMP WITH TIME ZONE': instantBound,
};

/**
 * What the log says of a file: rows, nulls, least and greatest values. Left out is what JSON could not say exactly: a
 * decimal that is read back as a float may be smaller than the greatest one, and a reader would skip its row.
 * https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics
 * @param columns of the file: without the partition
 * @returns JSON text
 */
export async function statisticsOf(
  bench: Workbench,
  file: string,
  columns: readonly TableColumn[],
): Promise<{ readonly rows: number; readonly text: string }> {
  const scalar = columns.filter(({ type }) => !type.endsWith('[]'));
  const bounded = scalar.filter(({ name, type }) => type in BOUNDS && !DIGESTS.has(name));
  const selected = [
    'count(*)',
    ...scalar.map(({ name }) => `count(*) - count(${quoted(name)})`),
    ...bounded.flatMap((column) => [`min(${measured(column)})`, `max(${measured(column)})`]),
  ];
  const [found = []] = await bench.rows(
    `SELECT ${selected.map((each) => `CAST(${each} AS VARCHAR)`).join(', ')} FROM read_parquet(${literal(file)})`,
  );
  const [count, ...rest] = found.map((value) => (value === null ? undefined : String(value)));
  const rows = Number(count);
  const ends = rest.slice(scalar.length);
  const boundsOf = (end: 'min' | 'max') =>
    Object.fromEntries(
      bounded.flatMap(({ name, type }, index) => {
        const value = ends[2 * index + (end === 'min' ? 0 : 1)];
        return value === undefined ? [] : [[name, BOUNDS[type]?.(value, end)]];
      }),
    );
  const text = JSON.stringify({
    numRecords: rows,
    minValues: boundsOf('min'),
    maxValues: boundsOf('max'),
    nullCount: Object.fromEntries(scalar.map(({ name }, index) => [name, Number(rest[index])])),
  });
  return { rows, text };
}

function measured({ name, type }: TableColumn): string {
  return type === 'TIMESTAMP WITH TIME ZONE' ? `epoch_us(${quoted(name)})` : quoted(name);
}

/** Delta has milliseconds here: the least is rounded down, the greatest up, so that no row falls outside. */
function instantBound(micros: string, end: 'min' | 'max'): string {
  const value = BigInt(micros);
  const rest = ((value % 1000n) + 1000n) % 1000n;
  const floor = (value - rest) / 1000n;
  return new Date(Number(end === 'max' && rest > 0n ? floor + 1n : floor)).toISOString();
}
