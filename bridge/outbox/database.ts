import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DIRECTORY_MODE, FILE_MODE, syncDirectory } from '../durable-file.ts';
import { CorruptDatabase, OutboxFault } from './fault.ts';
import { lockHolder } from './lock-holder.ts';

/** Keys ascend and are never used again (AUTOINCREMENT): a late acknowledgement cannot hit a newer row. */
const SCHEMA = `
  CREATE TABLE origin (bridge TEXT NOT NULL) STRICT;
  CREATE TABLE epochs (
    epoch TEXT PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    cause TEXT NOT NULL,
    predecessor TEXT,
    predecessor_seq INTEGER,
    started_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE pending (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    priority INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    accepted_at TEXT NOT NULL
  ) STRICT;
  CREATE INDEX pending_order ON pending (priority, key);
  CREATE TABLE refused (
    key INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE positions (
    account TEXT NOT NULL,
    con_id INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, con_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE sweep (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    sweep_id TEXT NOT NULL,
    completed_at TEXT NOT NULL,
    keyframe_at TEXT
  ) STRICT;
`;

/** Since version 2: what ledgers.ts keeps. Epochs from before it have no ledger. */
const LEDGERS = `
  CREATE TABLE ledgers (
    epoch TEXT NOT NULL,
    day TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    count INTEGER NOT NULL,
    digest TEXT NOT NULL,
    told TEXT,
    told_at INTEGER,
    repeats INTEGER NOT NULL DEFAULT 0,
    pending_key INTEGER,
    PRIMARY KEY (epoch, day)
  ) STRICT, WITHOUT ROWID;
`;

/** Since version 3: the range of a declaration that a further one may join (drops.ts). */
const DROP_RANGES = `
  ALTER TABLE pending ADD COLUMN drop_epoch TEXT;
  ALTER TABLE pending ADD COLUMN drop_first INTEGER;
  ALTER TABLE pending ADD COLUMN drop_last INTEGER;
  CREATE INDEX pending_drops ON pending (drop_epoch, drop_first) WHERE drop_epoch IS NOT NULL;
`;

/** Each makes the version of its place in the list of the one before. */
const MIGRATIONS = [SCHEMA, LEDGERS, DROP_RANGES] as const;

/** Primary result codes: https://www.sqlite.org/rescode.html */
const CODE = { error: 1, busy: 5, locked: 6, full: 13, corrupt: 11, notADatabase: 26 } as const;

/**
 * Opens or creates the file for this process alone (https://www.sqlite.org/pragma.html#pragma_locking_mode): a second
 * bridge on the same state directory would give the same numbers. A commit is synced before it returns
 * (synchronous=FULL in WAL mode, F_FULLFSYNC where the platform has it).
 * @throws CorruptDatabase when the file is torn or no database
 * @throws OutboxFault: LockedOutbox while another process has it, unusable, retry for everything else
 */
export function openDatabase(file: string, bridge: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    createPrivately(file);
    database = new DatabaseSync(file);
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA fullfsync = ON;
      PRAGMA checkpoint_fullfsync = ON;
      PRAGMA journal_size_limit = 67108864;
    `);
    checkPages(database);
    prepareSchema(database, bridge, file);
    syncDirectory(path.dirname(file));
    return database;
  } catch (cause) {
    if (database?.isOpen) database.close();
    throw openingFault(cause, file);
  }
}

/** Another process has the file: it may be one that is just ending, or a second bridge by mistake. */
export class LockedOutbox extends OutboxFault {
  constructor(file: string, options: ErrorOptions) {
    const pid = lockHolder(file);
    const holder = pid === undefined ? 'another process' : `another process (pid ${pid})`;
    super(
      'retry',
      `${file} is in use by ${holder}: stop the other bridge, or give this one another stateDir`,
      options,
    );
  }
}

/** What an error of a running database means for the caller. */
export function runningFault(cause: unknown): OutboxFault {
  if (cause instanceof OutboxFault) return cause;
  const code = primaryCode(cause);
  const text = (cause as Error).message;
  if (isTorn(cause)) return new OutboxFault('fatal', `the outbox is torn: ${text}`, { cause });
  if (code === undefined) return new OutboxFault('drop', `not accepted: ${text}`, { cause });
  if (code === CODE.full) {
    return new OutboxFault('retry', 'the disk is full, nothing was written: free some space', { cause });
  }
  if (code === CODE.busy || code === CODE.locked) {
    return new OutboxFault('retry', `the outbox is locked, nothing was written: ${text}`, { cause });
  }
  return new OutboxFault('fatal', `the outbox failed: ${text}`, { cause });
}

/** @returns true when the file holds what no outbox wrote, whatever its own checks say of it */
export function isTorn(cause: unknown): boolean {
  if (cause instanceof CorruptDatabase) return true;
  const code = primaryCode(cause);
  if (code === CODE.corrupt || code === CODE.notADatabase) return true;
  // Of a body: what was stored was JSON.
  return code === CODE.error && (cause as Error).message.includes('malformed JSON');
}

function createPrivately(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: DIRECTORY_MODE });
  closeSync(openSync(file, 'a', FILE_MODE));
  chmodSync(file, FILE_MODE);
}

function checkPages(database: DatabaseSync): void {
  const row = database.prepare('PRAGMA quick_check(1)').get();
  const verdict = row === undefined ? 'no answer' : String(Object.values(row)[0]);
  if (verdict !== 'ok') throw new CorruptDatabase(verdict);
}

function prepareSchema(database: DatabaseSync, bridge: string, file: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  const newest = MIGRATIONS.length;
  if (version > newest) {
    throw new OutboxFault(
      'unusable',
      `${file} was written by a newer slotwise (schema ${version}, this one knows ${newest}): upgrade the bridge`,
    );
  }
  if (version < newest) {
    const missing = MIGRATIONS.slice(version).join('');
    database.exec(`BEGIN IMMEDIATE; ${missing} PRAGMA user_version = ${newest};`);
    if (version === 0) database.prepare('INSERT INTO origin (bridge) VALUES (?)').run(bridge);
    database.exec('COMMIT');
  }
  const owner = database.prepare('SELECT bridge FROM origin').get()?.bridge;
  if (owner !== bridge) {
    throw new OutboxFault(
      'unusable',
      `${file} belongs to bridge "${owner}", this one is "${bridge}": give each bridge a state directory of its own`,
    );
  }
}

function openingFault(cause: unknown, file: string): Error {
  if (cause instanceof OutboxFault) return cause;
  if (isTorn(cause)) return new CorruptDatabase((cause as Error).message, { cause });
  const code = primaryCode(cause);
  const text = (cause as Error).message;
  if (code === CODE.busy || code === CODE.locked) return new LockedOutbox(file, { cause });
  return new OutboxFault(
    'retry',
    `cannot open ${file}: ${text}: check that the directory exists, belongs to this user and has space`,
    { cause },
  );
}

function primaryCode(cause: unknown): number | undefined {
  const extended = (cause as { readonly errcode?: unknown } | undefined)?.errcode;
  return typeof extended === 'number' ? extended & 0xff : undefined;
}
