import { Stack } from 'aws-cdk-lib';
import { CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue';
import type { Construct } from 'constructs';
import { FIRST_COLUMNS, PARTITION, type TableColumn } from '../../shared/delta/schema.ts';
import { ATHENA } from '../../shared/limits.ts';
import { CATALOG, LAKE, rawPrefix } from '../../shared/names.ts';
import { snapshotsSql, viewText } from '../constructs/athena-view.ts';
import { catalogType } from '../constructs/column-types.ts';
import type { Settings } from '../settings.ts';
import type { StateStack } from './state.ts';

/** Raw rows have it by their place, and know the object that they are in by its name. */
const IN_NO_RAW_OBJECT: readonly string[] = [PARTITION.name, 'object_key'];

/**
 * The lake as Athena sees it, in the words of `slotwise query`. It only says where things are: nothing here is used by
 * any other stack, holds anything, or costs anything until somebody asks.
 */
export class CatalogStack extends Stack {
  constructor(
    scope: Construct,
    id: string,
    props: { readonly state: StateStack; readonly settings: Settings },
  ) {
    super(scope, id, { description: 'slotwise: the lake as tables and a view of Athena.' });
    const { state, settings } = props;
    const bucket = `s3://${state.lake.bucketName}/`;
    const database = new CfnDatabase(this, 'Database', {
      catalogId: this.account,
      databaseInput: { name: CATALOG.database, description: 'slotwise: see docs/lake.md' },
    });
    const table = (construct: string, tableInput: CfnTable.TableInputProperty) =>
      new CfnTable(this, construct, {
        catalogId: this.account,
        databaseName: database.ref,
        tableInput,
      });
    table('Raw', rawTable(bucket));
    table('Compacted', deltaTable(bucket));
    table('Snapshots', snapshotsView());
    const { keyArn } = settings;
    new CfnWorkGroup(this, 'WorkGroup', {
      name: CATALOG.database,
      description: 'Answers are kept for a day by Athena itself',
      recursiveDeleteOption: true,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        engineVersion: { selectedEngineVersion: 'Athena engine version 3' },
        managedQueryResultsConfiguration: {
          enabled: true,
          ...(keyArn !== undefined && { encryptionConfiguration: { kmsKey: keyArn } }),
        },
        bytesScannedCutoffPerQuery: ATHENA.scannedMaxBytes,
        publishCloudWatchMetricsEnabled: false,
      },
    });
  }
}

/**
 * Days are known by the clock: nobody has to tell Glue of a new one.
 * https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
 */
function rawTable(bucket: string): CfnTable.TableInputProperty {
  const { name } = PARTITION;
  return {
    name: CATALOG.raw,
    description: 'Every row of every raw object: what was delivered twice may be here twice',
    tableType: 'EXTERNAL_TABLE',
    partitionKeys: [{ name, type: 'string' }],
    storageDescriptor: {
      location: `${bucket}${LAKE.raw}`,
      columns: glueColumns(FIRST_COLUMNS.filter((column) => !IN_NO_RAW_OBJECT.includes(column.name))),
      inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
      outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
      serdeInfo: { serializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
    },
    parameters: {
      EXTERNAL: 'TRUE',
      classification: 'parquet',
      'projection.enabled': 'true',
      [`projection.${name}.type`]: 'date',
      [`projection.${name}.format`]: 'yyyy-MM-dd',
      [`projection.${name}.range`]: `${ATHENA.firstDay},NOW+1DAYS`,
      [`projection.${name}.interval`]: '1',
      [`projection.${name}.interval.unit`]: 'DAYS',
      'storage.location.template': `${bucket}${rawPrefix(`\${${name}}`)}`,
    },
  };
}

/**
 * Athena reads columns and files from the table's own log, which it finds by these words, as a crawler writes them.
 * https://docs.aws.amazon.com/athena/latest/ug/delta-lake-tables.html
 */
function deltaTable(bucket: string): CfnTable.TableInputProperty {
  const location = `${bucket}${LAKE.table}`;
  return {
    name: CATALOG.table,
    description: 'The Delta table: what compaction has brought there, each id once',
    tableType: 'EXTERNAL_TABLE',
    storageDescriptor: {
      location,
      columns: glueColumns(FIRST_COLUMNS),
      inputFormat: 'org.apache.hadoop.mapred.SequenceFileInputFormat',
      outputFormat: 'org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat',
      serdeInfo: {
        serializationLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
        // Trino's reader looks for the place here.
        parameters: { 'serialization.format': '1', path: location },
      },
    },
    parameters: {
      EXTERNAL: 'TRUE',
      classification: 'delta',
      table_type: 'DELTA',
      'spark.sql.sources.provider': 'delta',
    },
  };
}

function snapshotsView(): CfnTable.TableInputProperty {
  const { database, raw, table } = CATALOG;
  const columns = FIRST_COLUMNS;
  const sql = snapshotsSql({ database, raw, table, columns });
  return {
    name: CATALOG.view,
    description: 'Every snapshot id once: the table, and the raw rows that it does not have yet',
    tableType: 'VIRTUAL_VIEW',
    storageDescriptor: { columns: glueColumns(columns) },
    viewOriginalText: viewText({ database, sql, columns }),
    viewExpandedText: '/* Presto View */',
    parameters: { presto_view: 'true', comment: 'Presto View' },
  };
}

function glueColumns(columns: readonly TableColumn[]): CfnTable.ColumnProperty[] {
  return columns.map(({ name, type }) => ({ name, type: catalogType(type).hive }));
}
