/**
 * The part of a Parquet footer that says names and types of the columns, as it stands there: files of one writer have
 * the same bytes, so that thousands of them are compared without parsing any.
 * FileMetaData in Thrift's compact protocol: field 1 the version, field 2 the schema, then what differs.
 * https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 * @throws RangeError when it is no Parquet file
 */
export function schemaBytes(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const end = file.length - TRAILER_BYTES;
  if (end < 0 || view.getUint32(file.length - 4) !== MAGIC) throw new RangeError('no Parquet file');
  const start = end - view.getUint32(end, true);
  if (start < 0) throw new RangeError('no Parquet file: its footer is longer than the file');
  const footer = file.subarray(start, end);
  return footer.subarray(0, endOfSchema(footer));
}

/** Length of the footer and `PAR1`. */
const TRAILER_BYTES = 8;
const MAGIC = 0x50415231;

const LAST_FIELD = 2;

function endOfSchema(footer: Uint8Array): number {
  const cursor = { bytes: footer, at: 0 };
  for (let field = 0; ; ) {
    const before = cursor.at;
    const header = byte(cursor);
    field += header >> 4;
    if (header === 0 || field > LAST_FIELD) return before;
    skip(cursor, header & 15);
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** @throws RangeError on a type that no schema has, or at the end */
function skip(cursor: Cursor, type: number): void {
  switch (type) {
    case TYPE.true:
    case TYPE.false:
      return;
    case TYPE.i8:
      cursor.at += 1;
      return;
    case TYPE.i16:
    case TYPE.i32:
    case TYPE.i64:
      varint(cursor);
      return;
    case TYPE.binary: {
      const length = varint(cursor);
      cursor.at += length;
      return;
    }
    case TYPE.list: {
      const header = byte(cursor);
      const size = header >> 4 === 15 ? varint(cursor) : header >> 4;
      for (let index = 0; index < size; index += 1) skip(cursor, header & 15);
      return;
    }
    case TYPE.struct:
      for (let header = byte(cursor); header !== 0; header = byte(cursor)) {
        if (header >> 4 === 0) varint(cursor);
        skip(cursor, header & 15);
      }
      return;
    default:
      throw new RangeError(`no Parquet file: a field of type ${type} in its schema`);
  }
}

const TYPE = { true: 1, false: 2, i8: 3, i16: 4, i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;

function varint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const next = byte(cursor);
    value += (next & 127) * 2 ** shift;
    if (next < 128) return value;
  }
  throw new RangeError('no Parquet file: a number in its schema has no end');
}

function byte(cursor: Cursor): number {
  const value = cursor.bytes[cursor.at];
  if (value === undefined) throw new RangeError('no Parquet file: its schema has no end');
  cursor.at += 1;
  return value;
}
