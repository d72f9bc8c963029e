import { LAKE } from '../names.ts';
import type { Action, Add, MetaData, Remove, Txn } from './actions.ts';

export const LOG_PREFIX = `${LAKE.table}_delta_log/`;

/** A hint: where it is missing or old, the log says the same at greater length. */
export const LAST_CHECKPOINT_KEY = `${LOG_PREFIX}_last_checkpoint`;

const VERSION_DIGITS = 20;

export function commitKey(version: number): string {
  return `${versionKey(version)}.json`;
}

export function checkpointKey(version: number): string {
  return `${versionKey(version)}.checkpoint.parquet`;
}

/** What every key of this version and of later ones comes after, in text order. */
export function versionKey(version: number): string {
  return `${LOG_PREFIX}${String(version).padStart(VERSION_DIGITS, '0')}`;
}

/** The table at one version, as its log tells. */
export interface TableState {
  /** -1 before the first commit. */
  readonly version: number;
  readonly metaData?: MetaData;
  /** What readers read: by path. */
  readonly files: ReadonlyMap<string, Add>;
  /** What they no longer read: by path. */
  readonly tombstones: ReadonlyMap<string, Remove>;
  /** By application id. */
  readonly transactions: ReadonlyMap<string, Txn>;
}

export const NO_TABLE: TableState = {
  version: -1,
  files: new Map(),
  tombstones: new Map(),
  transactions: new Map(),
};

/** @returns the state after the actions of one commit or of one checkpoint */
export function applied(state: TableState, version: number, actions: readonly Action[]): TableState {
  const files = new Map(state.files);
  const tombstones = new Map(state.tombstones);
  const transactions = new Map(state.transactions);
  let metaData = state.metaData;
  for (const { add, remove, metaData: changed, txn } of actions) {
    if (changed) metaData = changed;
    if (txn) transactions.set(txn.appId, txn);
    if (remove) {
      files.delete(remove.path);
      tombstones.set(remove.path, remove);
    }
    if (add) {
      files.set(add.path, add);
      tombstones.delete(add.path);
    }
  }
  return { version, files, tombstones, transactions, ...(metaData && { metaData }) };
}

/** What has to be read to know the table, in this order. */
export interface LogPlan {
  readonly checkpoint?: number;
  /** Each one above the one before. */
  readonly commits: readonly number[];
}

const LOG_KEY = new RegExp(
  `^${LOG_PREFIX}(?<version>\\d{${VERSION_DIGITS}})\\.(?<kind>json|checkpoint\\.parquet)$`,
);

/**
 * @param keys of the log, all of them or those from some checkpoint on
 * @throws Error when a commit is missing: what lies behind it would be a guess
 */
export function planLog(keys: readonly string[]): LogPlan {
  const found = keys.flatMap((key) => {
    const { version, kind } = LOG_KEY.exec(key)?.groups ?? {};
    return version === undefined ? [] : [{ version: Number(version), kind }];
  });
  const checkpoints = found.filter(({ kind }) => kind !== 'json').map(({ version }) => version);
  const checkpoint = checkpoints.length === 0 ? -1 : Math.max(...checkpoints);
  const commits = found
    .filter(({ version, kind }) => kind === 'json' && version > checkpoint)
    .map(({ version }) => version)
    .toSorted((left, right) => left - right);
  commits.forEach((version, index) => {
    const expected = checkpoint + 1 + index;
    if (version !== expected) throw new Error(`${commitKey(expected)} is missing from the Delta log`);
  });
  return { commits, ...(checkpoint >= 0 && { checkpoint }) };
}

/** @returns the active files of one UTC day */
export function filesOfDay({ files }: Pick<TableState, 'files'>, day: string): Add[] {
  return [...files.values()].filter(({ partitionValues }) => partitionValues.dt === day);
}

/** @returns the key in the bucket of a file that the log names */
export function fileKey({ path }: { readonly path: string }): string {
  return `${LAKE.table}${decodeURIComponent(path)}`;
}
