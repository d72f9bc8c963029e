/** How the same type is called: by Glue, in Hive's words, and in a view of Athena, in Trino's. */
interface CatalogType {
  readonly hive: string;
  readonly trino: string;
}

/** https://docs.aws.amazon.com/athena/latest/ug/data-types.html */
const TYPES: Readonly<Record<string, CatalogType>> = {
  VARCHAR: { hive: 'string', trino: 'varchar' },
  INTEGER: { hive: 'int', trino: 'integer' },
  BIGINT: { hive: 'bigint', trino: 'bigint' },
  DOUBLE: { hive: 'double', trino: 'double' },
  DATE: { hive: 'date', trino: 'date' },
  /** In UTC: neither Hive nor a view of Glue has a timestamp with a zone. */
  'TIMESTAMP WITH TIME ZONE': { hive: 'timestamp', trino: 'timestamp(3)' },
};

/** @param type as DuckDB has it @throws RangeError for one that no column had so far */
export function catalogType(type: string): CatalogType {
  if (type.endsWith('[]')) {
    const { hive, trino } = catalogType(type.slice(0, -2));
    return { hive: `array<${hive}>`, trino: `array(${trino})` };
  }
  const known = TYPES[type];
  if (known !== undefined) return known;
  const decimal = type.toLowerCase();
  if (/^decimal\(\d+,\d+\)$/.test(decimal)) return { hive: decimal, trino: decimal };
  throw new RangeError(`the catalog has no word for the type ${type}`);
}
