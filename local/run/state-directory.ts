import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, startTimeOf } from '../../cli/process.ts';
import { LOCAL_RUN, type LocalRun, type ProcessIdentity, parseLocalRun } from '../../shared/local-run.ts';
import { LocalFault } from './fault.ts';

/** How long a leftover has to end by itself before it is killed: a bridge writes its status and goes. */
const LEFTOVER_GRACE_MS = 2000;
const LEFTOVER_DEADLINE_MS = 5000;
const LEFTOVER_POLL_MS = 20;

/** SQLITE_BUSY: https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

/** What a run changes in its record while it starts up. */
export type RunUpdate = Partial<
  Pick<LocalRun, 'children' | 'endpoints' | 'credentials' | 'gateway' | 'bridges'>
>;

/**
 * The directory that one local run owns while it lives. Two things say so, each for what it is good at: an exclusive
 * lock of the operating system, which a kill -9 releases and no race can take twice, and `run.json`, which tells the
 * command line and the next run what this one started.
 */
export class StateDirectory implements Disposable {
  readonly path: string;
  readonly #lock: DatabaseSync;
  #record: LocalRun;

  private constructor(path: string, lock: DatabaseSync, record: LocalRun) {
    this.path = path;
    this.#lock = lock;
    this.#record = record;
  }

  /**
   * Creates the directory where there is none, ends what a dead run left behind in it, and takes it.
   * @param options.fresh forget everything that earlier runs kept here
   * @throws LocalFault when a run lives in it, or it holds something else than the state of a local run
   */
  static async take(path: string, options: { readonly fresh: boolean }): Promise<StateDirectory> {
    refuseForeign(path);
    makeDirectory(path);
    const lock = takeLock(path);
    try {
      await endLeftovers(readRecord(path));
      if (options.fresh) empty(path);
      const directory = new StateDirectory(path, lock, {
        schema: 1,
        pid: process.pid,
        startTime: startTimeOf(process.pid) ?? 'unknown',
        startedAt: new Date().toISOString(),
        children: [],
        bridges: [],
      });
      directory.update({});
      return directory;
    } catch (cause) {
      lock.close();
      throw cause;
    }
  }

  get record(): LocalRun {
    return this.#record;
  }

  file(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  /** Replaces the record in one step: whoever reads it sees the old one or the new one. */
  update(change: RunUpdate): void {
    this.#record = { ...this.#record, ...change };
    writeFileInOneStep(this.file(LOCAL_RUN.file), `${JSON.stringify(this.#record, undefined, 2)}\n`);
  }

  /** Lets go of the lock. The record stays: that its process is gone says that nothing in it is alive. */
  [Symbol.dispose](): void {
    if (this.#lock.isOpen) this.#lock.close();
  }
}

/** Mode 0600: what is in here is the trader's own. */
export function writeFileInOneStep(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

function refuseForeign(path: string): void {
  if (!existsSync(path)) return;
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (cause) {
    throw unusable(path, cause);
  }
  const isUntouched = names.every((name) => name.startsWith(LOCAL_RUN.lockFile));
  if (!isUntouched && readRecord(path) === undefined) {
    throw new LocalFault(`${path} holds other things than a local run: name an empty directory with --dir`);
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function takeLock(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(path, LOCAL_RUN.lockFile), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    if ((cause as { errcode?: unknown }).errcode !== SQLITE_BUSY) throw unusable(path, cause);
    const pid = readRecord(path)?.pid;
    const who = pid === undefined ? 'another run' : `another run, process ${pid}`;
    throw new LocalFault(`${path} is in use by ${who}: stop it, or name another directory with --dir`, {
      cause,
    });
  }
}

/** @returns undefined when there is none, or it says nothing that could be relied on */
function readRecord(path: string): LocalRun | undefined {
  try {
    return parseLocalRun(readFileSync(join(path, LOCAL_RUN.file), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Only the very processes that were recorded: a pid that somebody else has by now is left alone. */
async function endLeftovers(record: LocalRun | undefined): Promise<void> {
  const leftovers = record?.children ?? [];
  signal(leftovers, 'SIGTERM');
  if (await haveEnded(leftovers, LEFTOVER_GRACE_MS)) return;
  signal(leftovers, 'SIGKILL');
  if (await haveEnded(leftovers, LEFTOVER_DEADLINE_MS)) return;
  const names = leftovers.filter(isAlive).map(({ name, pid }) => `${name} (process ${pid})`);
  throw new LocalFault(`left over from a dead run and not to be ended: ${names.join(', ')}: end it by hand`);
}

function signal(processes: readonly ProcessIdentity[], name: NodeJS.Signals): void {
  for (const leftover of processes.filter(isAlive)) {
    try {
      process.kill(leftover.pid, name);
    } catch {
      // It ended by itself in between, or is not ours to end: haveEnded tells.
    }
  }
}

async function haveEnded(processes: readonly ProcessIdentity[], deadlineMs: number): Promise<boolean> {
  const deadline = performance.now() + deadlineMs;
  while (processes.some(isAlive)) {
    if (performance.now() > deadline) return false;
    await delay(LEFTOVER_POLL_MS);
  }
  return true;
}

/** The lock stays: it is held. */
function empty(path: string): void {
  for (const name of readdirSync(path)) {
    if (!name.startsWith(LOCAL_RUN.lockFile)) rmSync(join(path, name), { recursive: true, force: true });
  }
}

function unusable(path: string, cause: unknown): LocalFault {
  return new LocalFault(`${path} cannot be used: ${(cause as Error).message}: name another one with --dir`, {
    cause,
  });
}
