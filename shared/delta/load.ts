import { parquetReadObjects } from 'hyparquet';
import { type Action, readActions, readCommit } from './actions.ts';
import {
  applied,
  checkpointKey,
  commitKey,
  LAST_CHECKPOINT_KEY,
  LOG_PREFIX,
  NO_TABLE,
  planLog,
  type TableState,
  versionKey,
} from './log.ts';

/** Where a log is read from: the caller's S3. */
export interface LogStore {
  /** @param after only keys behind it in text order */
  listKeys(prefix: string, after?: string): Promise<readonly string[]>;
  /** @returns undefined when there is none */
  bytes(key: string): Promise<Uint8Array | undefined>;
}

export interface Loaded {
  readonly state: TableState;
  /** Version of the checkpoint that it was read from; -1 for none. */
  readonly checkpoint: number;
}

/** @throws Error when something is missing from the log or not understood */
export async function loadTable(store: LogStore): Promise<Loaded> {
  const hint = await lastCheckpoint(store);
  const keys = await store.listKeys(LOG_PREFIX, hint < 0 ? undefined : versionKey(hint));
  const { checkpoint = -1, commits } = planLog(keys);
  let state = checkpoint < 0 ? NO_TABLE : await readCheckpoint(store, checkpoint);
  for (const version of commits) state = applied(state, version, await loadCommit(store, version));
  return { state, checkpoint };
}

/** @throws Error when it is missing or not understood */
export async function loadCommit(store: LogStore, version: number): Promise<Action[]> {
  const key = commitKey(version);
  return readCommit(key, text(await present(store, key)));
}

async function lastCheckpoint(store: LogStore): Promise<number> {
  const bytes = await store.bytes(LAST_CHECKPOINT_KEY);
  if (bytes === undefined) return -1;
  const { version } = JSON.parse(text(bytes)) as { version?: unknown };
  return typeof version === 'number' ? version : -1;
}

async function readCheckpoint(store: LogStore, version: number): Promise<TableState> {
  const key = checkpointKey(version);
  const bytes = await present(store, key);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return applied(NO_TABLE, version, readActions(key, await parquetReadObjects({ file })));
}

async function present(store: LogStore, key: string): Promise<Uint8Array> {
  const bytes = await store.bytes(key);
  if (bytes === undefined) throw new Error(`${key} is missing from the Delta log`);
  return bytes;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
