import { parquetMetadata } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { encodeRows } from '../../functions/drain/parquet.ts';
import { RAW_COLUMNS } from '../../shared/columns.ts';
import { LAKE } from '../../shared/names.ts';
import { qualitySchema, snapshotSchema } from '../../shared/snapshot.ts';
import { codedRows, readPage } from './page.ts';

const page = readPage('docs/lake.md');

/** The columns of an object as the drain writes it: nested elements of a list are no columns. */
function writtenColumns(): { name: string; isNullable: boolean }[] {
  const { buffer } = encodeRows([]);
  const [root, ...elements] = parquetMetadata(buffer as ArrayBuffer).schema;
  const nested = new Set(['list', 'element']);
  const columns = elements.filter(({ name }) => !nested.has(name));
  expect(columns).toHaveLength(root?.num_children ?? 0);
  return columns.map(({ name, repetition_type }) => ({ name, isNullable: repetition_type === 'OPTIONAL' }));
}

describe('docs/lake.md', () => {
  it('lists the columns that the drain writes, in their order, as DuckDB types them', () => {
    const documented = codedRows(page).map(([name, type, isNullable]) => ({ name, type, isNullable }));
    const types: Readonly<Record<string, string>> = RAW_COLUMNS;
    expect(documented).toEqual(
      writtenColumns().map(({ name, isNullable }) => ({
        name,
        type: types[name],
        isNullable: isNullable ? 'yes' : 'no',
      })),
    );
  });

  it('explains every quality and every reason', () => {
    const words = [...qualitySchema.options, ...snapshotSchema.shape.reason.options];
    for (const word of words) expect(page).toContain(`\`${word}\``);
  });

  it('names the prefixes of the bucket', () => {
    for (const prefix of Object.values(LAKE)) expect(page).toContain(`| ${prefix}dt=YYYY-MM-DD/`);
  });
});
