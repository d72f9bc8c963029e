import type { TableColumn } from '../../shared/delta/schema.ts';
import { literal, quoted, type Workbench } from './workbench.ts';

/** Their least and greatest value tell a reader which files it may skip; of a digest they tell nothing. */
const DIGESTS = new Set(['body_digest', 'object_key']);

/** The bound of a column as JSON text. */
function boundText(type: string, value: string, end: 'min' | 'max'): string {
  if (type === 'TIMESTAMP WITH TIME ZONE') return JSON.stringify(instantBound(value, end));
  // The database's own digits: a decimal that went through a float could be smaller than the greatest one.
  if (/^(DECIMAL|INTEGER$|BIGINT$)/.test(type)) return value;
  return type === 'DOUBLE' ? JSON.stringify(Number(value)) : JSON.stringify(value);
}

/**
 * What the log says of a file: rows, nulls, least and greatest values. Decimals must have theirs: where a column lacks
 * them, delta-rs prunes by nothing and skips every row (tested with 1.6.6).
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
  const bounded = scalar.filter(({ name, type }) => type !== 'BOOLEAN' && !DIGESTS.has(name));
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
    objectText(
      bounded.flatMap(({ name, type }, index) => {
        const value = ends[2 * index + (end === 'min' ? 0 : 1)];
        return value === undefined ? [] : [[name, boundText(type, value, end)] as const];
      }),
    );
  const text = objectText([
    ['numRecords', String(rows)],
    ['minValues', boundsOf('min')],
    ['maxValues', boundsOf('max')],
    ['nullCount', objectText(scalar.map(({ name }, index) => [name, String(rest[index])] as const))],
  ]);
  return { rows, text };
}

/** @param fields with their values as JSON text */
function objectText(fields: readonly (readonly [name: string, value: string])[]): string {
  return `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
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
