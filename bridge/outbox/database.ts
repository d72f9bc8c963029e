import { chmodSync, closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DIRECTORY_MODE, FILE_MODE, syncDirectory } from '../durable-file.ts';
import { OutboxFault } from './fault.ts';

const SCHEMA_VERSION = 2;

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

/** Primary result codes: https://www.sqlite.org/rescode.html */
const CODE = { busy: 5, locked: 6, full: 13, corrupt: 11, notADatabase: 26 } as const;

/**
 * Opens or creates the file for this process alone (https://www.sqlite.org/pragma.html#pragma_locking_mode): a second
 * bridge on the same state directory would give the same numbers. A commit is synced before it returns
 * (synchronous=FULL in WAL mode, F_FULLFSYNC where the platform has it).
 * @throws CorruptDatabase when the file is torn or no database; OutboxFault (fatal) for everything else
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

/** Moved aside by quarantine(): the caller opens a new file and starts a new epoch. */
export class CorruptDatabase extends Error {
  override readonly name = 'CorruptDatabase';
}

/**
 * Moves the database and its log out of the way, as one set under one name, so that it can still be looked into.
 * @returns the new path of the database
 */
export function quarantine(file: string, nowMs: number): string {
  const aside = `${file}.corrupt-${nowMs}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${aside}${suffix}`);
  }
  syncDirectory(path.dirname(file));
  return aside;
}

/** What an error of a running database means for the caller. */
export function runningFault(cause: unknown): OutboxFault {
  if (cause instanceof OutboxFault) return cause;
  const code = primaryCode(cause);
  const text = (cause as Error).message;
  if (code === undefined) return new OutboxFault('drop', `not accepted: ${text}`, { cause });
  if (code === CODE.full) {
    return new OutboxFault('retry', 'the disk is full, nothing was written: free some space', { cause });
  }
  if (code === CODE.busy || code === CODE.locked) {
    return new OutboxFault('retry', `the outbox is locked, nothing was written: ${text}`, { cause });
  }
  return new OutboxFault('fatal', `the outbox failed: ${text}`, { cause });
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
  if (version > SCHEMA_VERSION) {
    throw new OutboxFault(
      'fatal',
      `${file} was written by a newer slotwise (schema ${version}, this one knows ${SCHEMA_VERSION}): upgrade the bridge`,
    );
  }
  if (version === 0) {
    database.exec(`BEGIN IMMEDIATE; ${SCHEMA} ${LEDGERS} PRAGMA user_version = ${SCHEMA_VERSION};`);
    database.prepare('INSERT INTO origin (bridge) VALUES (?)').run(bridge);
    database.exec('COMMIT');
  } else if (version < SCHEMA_VERSION) {
    database.exec(`BEGIN IMMEDIATE; ${LEDGERS} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  }
  const owner = database.prepare('SELECT bridge FROM origin').get()?.bridge;
  if (owner !== bridge) {
    throw new OutboxFault(
      'fatal',
      `${file} belongs to bridge "${owner}", this one is "${bridge}": give each bridge a state directory of its own`,
    );
  }
}

function openingFault(cause: unknown, file: string): Error {
  if (cause instanceof OutboxFault || cause instanceof CorruptDatabase) return cause;
  const code = primaryCode(cause);
  const text = (cause as Error).message;
  if (code === CODE.corrupt || code === CODE.notADatabase) return new CorruptDatabase(text, { cause });
  if (code === CODE.busy || code === CODE.locked) {
    return new OutboxFault(
      'fatal',
      `${file} is in use by another process: stop the other bridge, or give this one another stateDir`,
      { cause },
    );
  }
  return new OutboxFault(
    'fatal',
    `cannot open ${file}: ${text}: check that the directory exists, belongs to this user and has space`,
    { cause },
  );
}

function primaryCode(cause: unknown): number | undefined {
  const extended = (cause as { readonly errcode?: unknown }).errcode;
  return typeof extended === 'number' ? extended & 0xff : undefined;
}
