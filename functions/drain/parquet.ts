import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { calendarDay, float, instant, type RowSource, scaled } from './row.ts';

type Value = string | number | bigint | readonly string[] | null;

interface Column {
  readonly name: string;
  /** The column's own element first, what is nested in it after. */
  readonly elements: readonly SchemaElement[];
  readonly of: (source: RowSource) => Value;
}

/** The values of one row in the order of COLUMNS. */
export type Row = readonly Value[];

const SCHEMA_VERSION = 1;

const TYPES = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  date: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
  decimal: {
    type: 'INT64',
    converted_type: 'DECIMAL',
    scale: 8,
    precision: 18,
    logical_type: { type: 'DECIMAL', scale: 8, precision: 18 },
  },
  timestamp: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
} as const satisfies Record<string, Omit<SchemaElement, 'name'>>;

/**
 * The rows of the lake. Columns are only ever added, at the end and nullable; one that changes its meaning or type
 * begins `raw/v2/`. IB's own figures keep IB's meaning: average_cost already contains the multiplier.
 */
const COLUMNS: readonly Column[] = [
  required('snapshot_id', 'text', ({ snapshot }) => snapshot.id),
  required('schema_version', 'int32', () => SCHEMA_VERSION),
  required('bridge', 'text', ({ snapshot }) => snapshot.bridge),
  required('epoch', 'text', ({ snapshot }) => snapshot.epoch),
  required('seq', 'int64', ({ snapshot }) => BigInt(snapshot.seq)),
  optional('sweep_id', 'text', ({ snapshot }) => snapshot.sweepId),
  required('lane', 'text', ({ snapshot }) => snapshot.lane),
  required('priority', 'int32', ({ snapshot }) => snapshot.priority),
  required('reason', 'text', ({ snapshot }) => snapshot.reason),
  required('account', 'text', ({ snapshot }) => snapshot.account),
  required('con_id', 'int64', ({ snapshot }) => BigInt(snapshot.contract.conId)),
  required('symbol', 'text', ({ snapshot }) => snapshot.contract.symbol),
  required('sec_type', 'text', ({ snapshot }) => snapshot.contract.secType),
  optional('last_trade_date', 'date', ({ snapshot }) =>
    whenKnown(snapshot.contract.lastTradeDate, (text) => calendarDay('lastTradeDate', text)),
  ),
  optional('strike', 'decimal', ({ snapshot }) =>
    whenKnown(snapshot.contract.strike, (text) => scaled('strike', text)),
  ),
  optional('right', 'text', ({ snapshot }) => snapshot.contract.right),
  optional('multiplier', 'decimal', ({ snapshot }) =>
    whenKnown(snapshot.contract.multiplier, (text) => scaled('multiplier', text)),
  ),
  optional('exchange', 'text', ({ snapshot }) => snapshot.contract.exchange),
  required('currency', 'text', ({ snapshot }) => snapshot.contract.currency),
  optional('local_symbol', 'text', ({ snapshot }) => snapshot.contract.localSymbol),
  optional('trading_class', 'text', ({ snapshot }) => snapshot.contract.tradingClass),
  required('quantity', 'decimal', ({ snapshot }) => scaled('quantity', snapshot.quantity)),
  required('average_cost', 'decimal', ({ snapshot }) => scaled('averageCost', snapshot.averageCost)),
  optional('bid', 'double', ({ snapshot }) => float(snapshot.mark?.bid)),
  optional('ask', 'double', ({ snapshot }) => float(snapshot.mark?.ask)),
  optional('last', 'double', ({ snapshot }) => float(snapshot.mark?.last)),
  optional('price', 'double', ({ snapshot }) => float(snapshot.mark?.price)),
  optional('iv', 'double', ({ snapshot }) => float(snapshot.mark?.iv)),
  optional('delta', 'double', ({ snapshot }) => float(snapshot.mark?.delta)),
  optional('gamma', 'double', ({ snapshot }) => float(snapshot.mark?.gamma)),
  optional('vega', 'double', ({ snapshot }) => float(snapshot.mark?.vega)),
  optional('theta', 'double', ({ snapshot }) => float(snapshot.mark?.theta)),
  optional('underlying', 'double', ({ snapshot }) => float(snapshot.mark?.underlying)),
  optional('mark_at', 'timestamp', ({ snapshot }) => whenKnown(snapshot.mark?.at, instant)),
  optional('greeks_at', 'timestamp', ({ snapshot }) => whenKnown(snapshot.mark?.greeksAt, instant)),
  required('quality', 'text', ({ snapshot }) => snapshot.quality),
  texts('strategy_ids', ({ snapshot }) => snapshot.strategyIds),
  required('registry_version', 'int64', ({ snapshot }) => BigInt(snapshot.registryVersion)),
  required('observed_at', 'timestamp', ({ snapshot }) => instant(snapshot.observedAt)),
  required('received_at', 'timestamp', ({ receivedAt }) => instant(receivedAt)),
  required('body_digest', 'text', ({ digest }) => digest),
  optional('model_code', 'text', ({ snapshot }) => snapshot.modelCode),
];

export const COLUMN_NAMES: readonly string[] = COLUMNS.map(({ name }) => name);

const SCHEMA: SchemaElement[] = [
  { name: 'snapshots', num_children: COLUMNS.length },
  ...COLUMNS.flatMap(({ elements }) => elements),
];

/** @throws RowFault when a value does not fit its column */
export function toRow(source: RowSource): Row {
  return COLUMNS.map((column) => column.of(source));
}

/**
 * One row group, snappy. The same rows give the same bytes, on every delivery and in every process.
 * @param rows in the order in which they shall stand: sorted, so that readers can skip
 */
export function encodeRows(rows: readonly Row[]): Uint8Array {
  const columnData = COLUMNS.map(({ name }, index) => ({
    name,
    data: rows.map((row) => row[index] ?? null),
  }));
  const kvMetadata = [{ key: 'schema_version', value: String(SCHEMA_VERSION) }];
  return new Uint8Array(
    parquetWriteBuffer({ columnData, schema: SCHEMA, kvMetadata, codec: 'SNAPPY', createdBy: 'slotwise' }),
  );
}

function required(name: string, type: keyof typeof TYPES, of: Column['of']): Column {
  return { name, of, elements: [{ name, repetition_type: 'REQUIRED', ...TYPES[type] }] };
}

function optional(
  name: string,
  type: keyof typeof TYPES,
  of: (source: RowSource) => Value | undefined,
): Column {
  return {
    name,
    of: (source) => of(source) ?? null,
    elements: [{ name, repetition_type: 'OPTIONAL', ...TYPES[type] }],
  };
}

function texts(name: string, of: Column['of']): Column {
  const list = { converted_type: 'LIST', logical_type: { type: 'LIST' } } as const;
  return {
    name,
    of,
    elements: [
      { name, repetition_type: 'REQUIRED', num_children: 1, ...list },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'REQUIRED', ...TYPES.text },
    ],
  };
}

function whenKnown<T, U>(value: T | undefined, then: (value: T) => U): U | undefined {
  return value === undefined ? undefined : then(value);
}
