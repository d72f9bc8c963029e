import * as z from 'zod';
import { RAW_COLUMNS } from '../columns.ts';

/** A column of the table by name and DuckDB type. */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
}

/** Rows came that do not fit the table: a column changed its type, or has one that a table cannot hold. */
export class SchemaFault extends Error {
  override readonly name = 'SchemaFault';
}

/** Not in the files: the log has its value for each file. */
export const PARTITION = { name: 'dt', type: 'DATE' } as const satisfies TableColumn;

/** The raw object that brought the row: by it the table itself knows how far it has come. */
const OBJECT_KEY = { name: 'object_key', type: 'VARCHAR' } as const satisfies TableColumn;

export const FIRST_COLUMNS: readonly TableColumn[] = [
  ...Object.entries(RAW_COLUMNS).map(([name, type]) => ({ name, type })),
  OBJECT_KEY,
  PARTITION,
];

const TYPES: Readonly<Record<string, string>> = {
  VARCHAR: 'string',
  BOOLEAN: 'boolean',
  INTEGER: 'integer',
  BIGINT: 'long',
  DOUBLE: 'double',
  DATE: 'date',
  'TIMESTAMP WITH TIME ZONE': 'timestamp',
};

const arraySchema = z.object({ type: z.literal('array'), elementType: z.string() });
const schemaSchema = z.object({
  fields: z.array(z.object({ name: z.string(), type: z.union([z.string(), arraySchema]) })),
});

/**
 * Every column is nullable, so that one more is never a fault of the files that lack it.
 * https://github.com/delta-io/delta/blob/master/PROTOCOL.md#schema-serialization-format
 */
export function schemaString(columns: readonly TableColumn[]): string {
  const fields = columns.map(({ name, type }) => ({
    name,
    type: deltaType(type),
    nullable: true,
    metadata: {},
  }));
  return JSON.stringify({ type: 'struct', fields });
}

export function columnsOf(text: string): TableColumn[] {
  const { fields } = schemaSchema.parse(JSON.parse(text));
  return fields.map(({ name, type }) => ({ name, type: duckType(type) }));
}

/**
 * Columns are only ever added. What the rows lack stays null; what they have beyond is a new column at the end.
 * @throws SchemaFault when a column came with another type than it has
 */
export function evolved(columns: readonly TableColumn[], found: readonly TableColumn[]): TableColumn[] {
  const present = new Map(columns.map(({ name, type }) => [name, type]));
  const retyped = found.find(({ name, type }) => (present.get(name) ?? type) !== type);
  if (retyped !== undefined) {
    const { name, type } = retyped;
    throw new SchemaFault(
      `the column ${name} came as ${type}, the table has it as ${present.get(name)}: nothing was compacted`,
    );
  }
  return [...columns, ...found.filter(({ name }) => !present.has(name))];
}

function deltaType(type: string): unknown {
  if (type.endsWith('[]')) {
    return { type: 'array', elementType: deltaType(type.slice(0, -2)), containsNull: true };
  }
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(type);
  if (decimal !== null) return `decimal(${decimal[1]},${decimal[2]})`;
  const known = TYPES[type];
  if (known === undefined) throw new SchemaFault(`a column of type ${type} cannot be kept in the table`);
  return known;
}

function duckType(type: string | z.infer<typeof arraySchema>): string {
  if (typeof type !== 'string') return `${duckType(type.elementType)}[]`;
  if (type.startsWith('decimal(')) return type.toUpperCase();
  const known = Object.entries(TYPES).find(([, delta]) => delta === type)?.[0];
  if (known === undefined) throw new SchemaFault(`a column of type ${type} in the table is not known here`);
  return known;
}
