import { randomUUID } from 'node:crypto';
import { type Action, type Add, PROTOCOL, type Remove } from '../../shared/delta/actions.ts';
import type { TableState } from '../../shared/delta/log.ts';
import {
  columnsOf,
  FIRST_COLUMNS,
  PARTITION,
  schemaString,
  type TableColumn,
} from '../../shared/delta/schema.ts';
import { COMPACT } from '../../shared/limits.ts';

/** A file of the table that was uploaded and that no reader knows of yet. */
export interface NewFile {
  readonly path: string;
  readonly day: string;
  readonly sizeBytes: number;
  /** JSON text. */
  readonly statistics: string;
  readonly rows: number;
}

/** A commit to be, and what must not have happened meanwhile. */
export interface Proposal {
  readonly actions: readonly Action[];
  /** Asked of every commit that came first: whether this one still says the truth after it. */
  readonly holdsAfter: (theirs: readonly Action[]) => boolean;
}

/** Two compactors of one day meet in its transaction: the later one has to look again at what is new. */
export function transactionId(day: string): string {
  return `slotwise-compact/${day}`;
}

/** @returns the columns of the table, in its own order; those of a new one before its first commit */
export function tableColumns({ metaData }: TableState): readonly TableColumn[] {
  return metaData === undefined ? FIRST_COLUMNS : columnsOf(metaData.schemaString);
}

/** Rows that no reader had: `dataChange` is true, so that streaming readers take them, late ones too. */
export function proposeAppend(options: {
  readonly state: TableState;
  readonly day: string;
  readonly files: readonly NewFile[];
  /** All that the table shall have, those of the files included. */
  readonly columns: readonly TableColumn[];
  readonly nowMs: number;
}): Proposal {
  const { state, day, files, columns, nowMs } = options;
  const appId = transactionId(day);
  const version = (state.transactions.get(appId)?.version ?? 0) + 1;
  const changed = schemaActions(state, columns, nowMs);
  return {
    actions: [
      commitInfo('append', nowMs),
      ...changed,
      { txn: { appId, version, lastUpdated: nowMs } },
      ...files.map((file) => ({ add: addOf(file, { dataChange: true, nowMs }) })),
    ],
    holdsAfter: (theirs) =>
      !theirs.some(({ txn, metaData }) => txn?.appId === appId || (metaData && changed.length > 0)),
  };
}

/** The same rows in other files: `dataChange` is false, so that no reader takes them for new. */
export function proposeRearrangement(options: {
  readonly replaced: readonly Add[];
  readonly files: readonly NewFile[];
  readonly nowMs: number;
}): Proposal {
  const { replaced, files, nowMs } = options;
  const paths = new Set(replaced.map(({ path }) => path));
  return {
    actions: [
      commitInfo('rearrange', nowMs),
      ...replaced.map(({ path, partitionValues, size }) => ({
        remove: {
          path,
          partitionValues,
          size,
          deletionTimestamp: nowMs,
          dataChange: false,
          extendedFileMetadata: true,
        },
      })),
      ...files.map((file) => ({ add: addOf(file, { dataChange: false, nowMs }) })),
    ],
    // One of the files is no longer read: its rows are in another one by now.
    holdsAfter: (theirs) => !theirs.some(({ remove }) => remove && paths.has(remove.path)),
  };
}

/** @returns groups of at least two small files, each of which one commit can put together */
export function planRearrangements(files: readonly Add[]): Add[][] {
  const groups: { rows: number; files: Add[] }[] = [];
  const small = files
    .map((file) => ({ file, rows: rowsOf(file) }))
    .filter(({ rows }) => rows <= COMPACT.rowGroupRows / 2)
    .toSorted((left, right) => left.rows - right.rows || (left.file.path < right.file.path ? -1 : 1));
  for (const { file, rows } of small) {
    const group = groups.at(-1);
    if (group !== undefined && group.rows + rows <= COMPACT.commitRows) {
      group.rows += rows;
      group.files.push(file);
    } else groups.push({ rows, files: [file] });
  }
  return groups.map((group) => group.files).filter((grouped) => grouped.length > 1);
}

/** @throws Error when the log does not say: every file of ours does */
export function rowsOf({ path, stats }: Pick<Add, 'path' | 'stats'>): number {
  const { numRecords } = JSON.parse(stats ?? '{}') as { numRecords?: unknown };
  if (typeof numRecords === 'number') return numRecords;
  throw new Error(`the Delta log does not say how many rows ${path} has`);
}

/** @returns all that a reader of this version needs; tombstones only while their files may still be read */
export function checkpointActions(state: TableState, forgottenBeforeMs: number): Action[] {
  const { metaData, files, tombstones, transactions } = state;
  if (metaData === undefined) throw new Error('there is no table to make a checkpoint of');
  const remembered = (remove: Remove) => remove.deletionTimestamp >= forgottenBeforeMs;
  return [
    { protocol: PROTOCOL },
    { metaData },
    ...[...transactions.values()].map((txn) => ({ txn })),
    ...[...files.values()].map((add) => ({ add: { ...add, dataChange: false } })),
    ...[...tombstones.values()]
      .filter(remembered)
      .map((remove) => ({ remove: { ...remove, dataChange: false } })),
  ];
}

/**
 * What no reader of any state younger than the grace period reads: files that were replaced before it, and files
 * that some compactor uploaded before it and did not live to commit.
 * @param listed of the table's days
 * @returns their keys
 */
export function planVacuum(options: {
  readonly listed: readonly { readonly key: string; readonly modifiedMs: number }[];
  readonly active: ReadonlySet<string>;
  /** Key -> when it was replaced. */
  readonly replacedMs: ReadonlyMap<string, number>;
  readonly beforeMs: number;
}): string[] {
  const { listed, active, replacedMs, beforeMs } = options;
  return listed
    .filter(
      ({ key, modifiedMs }) =>
        !active.has(key) &&
        modifiedMs < beforeMs &&
        (replacedMs.get(key) ?? Number.NEGATIVE_INFINITY) < beforeMs,
    )
    .map(({ key }) => key);
}

/** A table begins with protocol and schema in its first commit; later only a new column says the schema again. */
function schemaActions(state: TableState, columns: readonly TableColumn[], nowMs: number): Action[] {
  const { metaData } = state;
  const wanted = schemaString(columns);
  if (metaData === undefined) {
    return [
      { protocol: PROTOCOL },
      {
        metaData: {
          id: randomUUID(),
          format: { provider: 'parquet', options: {} },
          schemaString: wanted,
          partitionColumns: [PARTITION.name],
          configuration: {},
          createdTime: nowMs,
        },
      },
    ];
  }
  return metaData.schemaString === wanted ? [] : [{ metaData: { ...metaData, schemaString: wanted } }];
}

/** `txnId` tells a commit that is ours from one that came first, when the answer to the put was lost. */
function commitInfo(operation: 'append' | 'rearrange', nowMs: number): Action {
  return { commitInfo: { timestamp: nowMs, operation, engineInfo: 'slotwise', txnId: randomUUID() } };
}

function addOf(file: NewFile, of: { readonly dataChange: boolean; readonly nowMs: number }): Add {
  return {
    path: file.path,
    partitionValues: { [PARTITION.name]: file.day },
    size: file.sizeBytes,
    modificationTime: of.nowMs,
    dataChange: of.dataChange,
    stats: file.statistics,
  };
}
