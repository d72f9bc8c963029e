import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { parquetMetadata, type SchemaElement } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, openLake } from '../../cli/lake/lake.ts';
import { settingsOf } from '../../infra/settings.ts';
import { CatalogStack } from '../../infra/stacks/catalog.ts';
import { StateStack } from '../../infra/stacks/state.ts';
import { LOG_PREFIX } from '../../shared/delta/log.ts';
import { LakeUnderTest, snapshotAt } from '../functions/compact/lake-under-test.ts';
import { startServices, type TestServices } from '../support/services.ts';

interface Column {
  readonly Name: string;
  readonly Type: string;
}

interface TableInput {
  readonly Name: string;
  readonly TableType: string;
  readonly Parameters: Readonly<Record<string, string>>;
  readonly PartitionKeys?: readonly Column[];
  readonly ViewOriginalText?: string;
  readonly StorageDescriptor: {
    readonly Columns: readonly Column[];
    readonly Location?: string;
    readonly SerdeInfo?: { readonly Parameters?: Readonly<Record<string, string>> };
  };
}

/** Stands for what CloudFormation calls it. */
const BUCKET = 'slotwise-lake';

let catalog: Template;
let services: TestServices;
let lake: LakeUnderTest;
let rawKeys: string[];
const tables = new Map<string, TableInput>();

beforeAll(async () => {
  const settings = settingsOf({ bridges: ['home'] });
  const app = new App({ builtinCloudFormationValidation: false });
  const state = new StateStack(app, 'State', settings);
  catalog = Template.fromStack(new CatalogStack(app, 'Catalog', { state, settings }));
  for (const { Properties } of Object.values(catalog.findResources('AWS::Glue::Table'))) {
    const input = resolved(Properties.TableInput) as TableInput;
    tables.set(input.Name, input);
  }
  services = await startServices();
  lake = new LakeUnderTest(services);
  // In the table: 1, 2, 3 and 6. In raw: those, 2 more often, 4 not compacted yet and twice, 5 with two bodies in two
  // objects, 6 with another body than the table has.
  rawKeys = [await lake.put(1, 2, 3), await lake.put(2), await lake.put(6)];
  await lake.pass('hourly');
  rawKeys.push(await lake.put(4), await lake.put(5), await lake.put(2, 4));
  for (const seq of [5, 6]) rawKeys.push(await lake.deliver({ snapshot: snapshotAt(seq), body: 'another' }));
}, 60_000);

afterAll(() => services?.[Symbol.asyncDispose]());

describe('the tables of the catalog', () => {
  it('of raw rows have the columns that are in a raw object, with the types that they have there', async () => {
    const [key = ''] = rawKeys;
    const written = columnsOfParquet(await services.objectBytes(key));
    expect(table('raw').StorageDescriptor.Columns).toEqual(written);
    expect(table('raw').PartitionKeys).toEqual([{ Name: 'dt', Type: 'string' }]);
  });

  it('of raw rows find an object by its day, every day since the first', () => {
    const { Parameters, StorageDescriptor } = table('raw');
    const template = Parameters['storage.location.template'] ?? '';
    expect(template).toContain(StorageDescriptor.Location);
    const [first = '', last] = Parameters['projection.dt.range']?.split(',') ?? [];
    for (const key of rawKeys) {
      const day = /dt=(\d{4}-\d\d-\d\d)/.exec(key)?.[1] ?? '';
      const [before, name] = `s3://${BUCKET}/${key}`.split(template.replace(`\${dt}`, day));
      expect([before, name]).toEqual(['', expect.stringMatching(/^[0-9a-f]{64}\.parquet$/)]);
      expect(first <= day).toBe(true);
    }
    expect(last).toBe('NOW+1DAYS');
    expect(Parameters).toMatchObject({
      'projection.enabled': 'true',
      'projection.dt.type': 'date',
      'projection.dt.format': 'yyyy-MM-dd',
    });
  });

  it('of compacted rows are the Delta table where compaction commits, with the columns of its log', async () => {
    const { Parameters, StorageDescriptor } = table('compacted');
    const location = StorageDescriptor.Location ?? '';
    const commits = await services.objectKeys(LOG_PREFIX);
    expect(commits.length).toBeGreaterThan(0);
    for (const key of commits) expect(`s3://${BUCKET}/${key}`).toContain(`${location}_delta_log/0000`);
    expect(StorageDescriptor.SerdeInfo?.Parameters).toMatchObject({ path: location });
    expect(Parameters).toMatchObject({ table_type: 'DELTA', 'spark.sql.sources.provider': 'delta' });

    const [first = []] = await lake.commits();
    const metaData = first.find((action) => action.metaData)?.metaData;
    const { fields } = JSON.parse(metaData?.schemaString ?? '{}') as { fields: DeltaField[] };
    expect(StorageDescriptor.Columns).toEqual(
      fields.map(({ name, type }) => ({ Name: name, Type: hiveTypeOfDelta(type) })),
    );
    const file = (await services.objectKeys('table/v1/dt=')).find((key) => key.endsWith('.parquet')) ?? '';
    const written = columnsOfParquet(await services.objectBytes(file));
    // The day is in the log alone.
    expect(StorageDescriptor.Columns).toEqual([...written, { Name: 'dt', Type: 'date' }]);
  });

  it('hold nothing that anybody would miss: deleting them deletes no data', () => {
    const types = Object.values(catalog.toJSON().Resources as Record<string, { Type: string }>);
    expect(new Set(types.map(({ Type }) => Type))).toEqual(
      new Set(['AWS::Glue::Database', 'AWS::Glue::Table', 'AWS::Athena::WorkGroup']),
    );
  });
});

describe('the view of the catalog', () => {
  let opened: Lake;
  beforeAll(async () => {
    const cacheDirectory = mkdtempSync(join(tmpdir(), 'slotwise-catalog-'));
    opened = await openLake({ s3: services.clients.s3, bucket: services.bucket, cacheDirectory });
    for (const statement of asAthenaShows(viewDefinition().schema)) await opened.query(statement);
    return async () => {
      await opened[Symbol.asyncDispose]();
      rmSync(cacheDirectory, { recursive: true, force: true });
    };
  });

  it('shows each id once, as `slotwise query` does, whatever was delivered twice', async () => {
    const { originalSql } = viewDefinition();
    const athena = await opened.query(`FROM (${originalSql}) ORDER BY seq`);
    expect(athena.rows.map((row) => row[athena.columns.indexOf('seq')])).toEqual([1, 2, 3, 4]);
    const times = table('raw').StorageDescriptor.Columns.filter(({ Type }) => Type === 'timestamp');
    const own = await opened.query(
      `SELECT ${athena.columns.map((name) => `"${name}"`).join(', ')}
       FROM (SELECT * REPLACE (${times.map(({ Name }) => inUtc(Name)).join(', ')}) FROM snapshots) ORDER BY seq`,
    );
    expect(athena.rows).toEqual(own.rows);
  });

  it('has the columns that its SQL gives, in their order, by the names of both engines', async () => {
    const { originalSql, columns, catalog } = viewDefinition();
    expect(catalog).toBe('awsdatacatalog');
    const { rows } = await opened.query(`DESCRIBE (${originalSql})`);
    expect(columns).toEqual(rows.map(([name, type]) => ({ name, type: trinoTypeOf(String(type)) })));
    expect(table('snapshots').StorageDescriptor.Columns).toEqual(
      columns.map(({ name, type }) => ({ Name: name, Type: hiveTypeOfTrino(type) })),
    );
    expect(table('snapshots')).toMatchObject({
      TableType: 'VIRTUAL_VIEW',
      ViewExpandedText: '/* Presto View */',
      Parameters: { presto_view: 'true', comment: 'Presto View' },
    });
  });
});

describe('the workgroup', () => {
  it('keeps answers for nobody to pay, and ends what reads too much', () => {
    catalog.hasResourceProperties('AWS::Athena::WorkGroup', {
      Name: 'slotwise',
      WorkGroupConfiguration: {
        EnforceWorkGroupConfiguration: true,
        ManagedQueryResultsConfiguration: { Enabled: true },
        BytesScannedCutoffPerQuery: 10_737_418_240,
        EngineVersion: { SelectedEngineVersion: 'Athena engine version 3' },
      },
    });
  });
});

function table(name: string): TableInput {
  const found = tables.get(name);
  if (found === undefined) throw new Error(`the catalog has no table ${name}`);
  return found;
}

/** The bucket's name in the place of a reference to it. */
function resolved(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || !('Fn::Join' in part)) return part;
    const [, pieces] = part['Fn::Join'] as [string, unknown[]];
    return pieces.map((piece) => (typeof piece === 'string' ? piece : BUCKET)).join('');
  });
}

function viewDefinition() {
  const text = table('snapshots').ViewOriginalText ?? '';
  const encoded = /^\/\* Presto View: ([A-Za-z0-9+/=]+) \*\/$/.exec(text)?.[1] ?? '';
  return JSON.parse(Buffer.from(encoded, 'base64').toString()) as {
    readonly originalSql: string;
    readonly catalog: string;
    readonly schema: string;
    readonly columns: readonly { readonly name: string; readonly type: string }[];
  };
}

/**
 * The two tables as Athena has them, for DuckDB: raw timestamps have no zone there, the day is a text, and `$path` says
 * where a row is from. The SQL of the view itself is executed as it stands.
 */
function asAthenaShows(schema: string): string[] {
  const raw = table('raw');
  const columns = raw.StorageDescriptor.Columns.map(({ Name, Type }) =>
    Type === 'timestamp' ? inUtc(Name) : `"${Name}"`,
  );
  return [
    `CREATE SCHEMA ${schema}`,
    `CREATE VIEW ${schema}.raw AS SELECT ${columns.join(', ')}, dt::VARCHAR AS dt,
       's3://${BUCKET}/' || object_key AS "$path" FROM main.raw`,
    `CREATE VIEW ${schema}.compacted AS SELECT * FROM main.compacted`,
  ];
}

function inUtc(name: string): string {
  return `"${name}" AT TIME ZONE 'UTC' AS "${name}"`;
}

/** Of DuckDB, as it describes an answer. */
function trinoTypeOf(type: string): string {
  if (type.endsWith('[]')) return `array(${trinoTypeOf(type.slice(0, -2))})`;
  return type === 'TIMESTAMP_MS' ? 'timestamp(3)' : type.toLowerCase();
}

function hiveTypeOfTrino(type: string): string {
  const inner = /^array\((.*)\)$/.exec(type)?.[1];
  if (inner !== undefined) return `array<${hiveTypeOfTrino(inner)}>`;
  const names: Readonly<Record<string, string>> = {
    varchar: 'string',
    integer: 'int',
    'timestamp(3)': 'timestamp',
  };
  return names[type] ?? type;
}

interface DeltaField {
  readonly name: string;
  readonly type: string | { readonly type: 'array'; readonly elementType: string };
}

function hiveTypeOfDelta(type: DeltaField['type']): string {
  if (typeof type !== 'string') return `array<${hiveTypeOfDelta(type.elementType)}>`;
  return { integer: 'int', long: 'bigint' }[type] ?? type;
}

/** What the footer of a Parquet file says. */
function columnsOfParquet(bytes: Uint8Array): Column[] {
  const { schema } = parquetMetadata(new Uint8Array(bytes).buffer);
  const columns: Column[] = [];
  for (let at = 1; at < schema.length; at += 1) {
    const element = schema[at];
    if (element === undefined) break;
    const isList = element.num_children !== undefined;
    // A list is three elements: itself, `list`, and what is in it.
    const value = isList ? schema[at + 2] : element;
    if (value === undefined) throw new Error(`${element.name} is a list of nothing`);
    columns.push({ Name: element.name, Type: isList ? `array<${hiveTypeOf(value)}>` : hiveTypeOf(value) });
    if (isList) at += 2;
  }
  return columns;
}

function hiveTypeOf({ type, converted_type, logical_type, precision, scale }: SchemaElement): string {
  const logical = logical_type?.type ?? converted_type;
  if (logical === 'DECIMAL') return `decimal(${precision},${scale})`;
  if (logical === 'DATE') return 'date';
  if (logical === 'STRING' || logical === 'UTF8') return 'string';
  if (logical?.startsWith('TIMESTAMP')) return 'timestamp';
  const physical: Readonly<Record<string, string>> = { INT32: 'int', INT64: 'bigint', DOUBLE: 'double' };
  return physical[type ?? ''] ?? `${type}`;
}
