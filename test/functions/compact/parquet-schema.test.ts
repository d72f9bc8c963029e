import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { schemaBytes } from '../../../functions/compact/parquet-schema.ts';
import { encodeRows, toRow } from '../../../functions/drain/parquet.ts';
import { snapshot } from '../../support/snapshots.ts';

function drained(...seqs: readonly number[]): Uint8Array {
  const observedAt = '2026-11-20T15:00:00.000Z';
  const sources = seqs.map((seq) => ({ snapshot: snapshot({ seq, observedAt }), receivedAt: observedAt }));
  return encodeRows(sources.map((source) => toRow({ ...source, digest: 'a'.repeat(64) })));
}

interface Column {
  readonly name: string;
  readonly type: 'INT32' | 'DOUBLE' | 'STRING';
  readonly nullable: boolean;
}

const column: fc.Arbitrary<Column> = fc.record({
  name: fc.constantFrom('a', 'b', 'a_rather_long_name_of_a_column'),
  type: fc.constantFrom('INT32' as const, 'DOUBLE' as const, 'STRING' as const),
  nullable: fc.boolean(),
});

function fileOf(columns: readonly Column[], rows: number): Uint8Array {
  const columnData = columns.map(({ type, ...each }) => ({
    ...each,
    type,
    data: Array.from({ length: rows }, (_, row) => (type === 'STRING' ? `${row}` : row)),
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData, kvMetadata: [{ key: 'rows', value: `${rows}` }] }));
}

describe('the bytes of a schema', () => {
  it('are those of every object of one drain, whatever is in it', () => {
    const schema = Buffer.from(schemaBytes(drained(1)));
    expect(schema.equals(schemaBytes(drained(2, 3, 4)))).toBe(true);
    expect(schema.length).toBeGreaterThan(800);
  });

  it('are equal where names, types and their order are, and nowhere else', () => {
    const columns = fc.uniqueArray(column, { minLength: 1, maxLength: 3, selector: ({ name }) => name });
    const rows = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(columns, rows, columns, rows, (left, leftRows, right, rightRows) => {
        const files = [fileOf(left, leftRows), fileOf(right, rightRows)] as const;
        const [first, second] = files.map((file) => Buffer.from(schemaBytes(file)).toString('hex'));
        const [one, other] = files.map((file) => JSON.stringify(schemaOf(file)));
        expect(first === second).toBe(one === other);
      }),
    );
  });

  it('are of no file that is none: whatever it is, it is refused', () => {
    const good = drained(1);
    const broken = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      // A footer of the right length whose beginning is anything.
      fc.uint8Array({ minLength: 40, maxLength: 40 }).map((noise) => {
        const file = good.slice();
        const length = new DataView(file.buffer).getUint32(file.length - 8, true);
        file.set(noise, file.length - 8 - length);
        return file;
      }),
    );
    fc.assert(
      fc.property(broken, (file) => {
        try {
          expect(schemaBytes(file).length).toBeLessThanOrEqual(file.length);
        } catch (fault) {
          expect(fault).toBeInstanceOf(RangeError);
        }
      }),
    );
    expect(() => schemaBytes(good.subarray(0, 500))).toThrow('no Parquet file');
    expect(() => schemaBytes(good.subarray(good.length - 100))).toThrow('longer than the file');
  });
});

function schemaOf(file: Uint8Array): unknown {
  return parquetMetadata(file.slice().buffer).schema;
}
