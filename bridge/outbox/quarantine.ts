import { existsSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { syncDirectory } from '../durable-file.ts';
import { openDatabase } from './database.ts';
import { CorruptDatabase, OutboxFault } from './fault.ts';
import type { Marker } from './marker.ts';

/**
 * Torn files that are kept beside the outbox. Each may hold messages that nobody else has, so none is ever deleted;
 * more of them than this is a disk at fault, and filling it with copies helps nobody.
 */
const QUARANTINED_MAX = 8;

/** A database and its log are moved as one set under one name. */
const LOGS = ['-wal', '-shm'] as const;

/**
 * Opens the file, or a new one in its place where it is torn or was found to be while the bridge ran.
 * @throws OutboxFault: unusable, or retry when it may be opened later
 */
export function openOrQuarantine(options: {
  readonly path: string;
  readonly bridge: string;
  readonly marker: Marker;
  readonly nowMs: number;
}): { readonly database: DatabaseSync; readonly wasTorn: boolean; readonly quarantinedAs?: string } {
  const { path: file, bridge, marker, nowMs } = options;
  if (!marker.isTorn) {
    try {
      return { database: openDatabase(file, bridge), wasTorn: false };
    } catch (cause) {
      if (!(cause instanceof CorruptDatabase)) throw cause;
      // A start that is killed between moving and beginning anew must know it too.
      marker.noteTorn();
    }
  }
  const quarantinedAs = moveAside(file, nowMs);
  return {
    database: openDatabase(file, bridge),
    wasTorn: true,
    ...(quarantinedAs === undefined ? {} : { quarantinedAs }),
  };
}

/** @returns how many torn files are kept beside it */
export function countQuarantined(file: string): number {
  const prefix = `${path.basename(file)}.corrupt-`;
  return readdirSync(path.dirname(file)).filter(
    (name) => name.startsWith(prefix) && !LOGS.some((suffix) => name.endsWith(suffix)),
  ).length;
}

/** @returns the new path of the database, undefined where there is none any more */
function moveAside(file: string, nowMs: number): string | undefined {
  if (!existsSync(file)) return undefined;
  if (countQuarantined(file) >= QUARANTINED_MAX) {
    throw new OutboxFault(
      'retry',
      `${file} is torn again, and ${QUARANTINED_MAX} torn files are kept beside it already: check the disk, then move ` +
        'them (outbox.db.corrupt-*) to another one',
    );
  }
  const aside = `${file}.corrupt-${nowMs}`;
  for (const suffix of [...LOGS, '']) {
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${aside}${suffix}`);
  }
  syncDirectory(path.dirname(file));
  return aside;
}
