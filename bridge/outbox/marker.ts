import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { epochSchema } from '../../shared/snapshot.ts';
import { replaceFileSync } from '../durable-file.ts';
import type { Place } from './epoch.ts';

const markerSchema = z.object({ epoch: epochSchema, seq: z.int().nonnegative() });

/** At most this often while numbers are given: the marker detects, it does not protect (epoch.ts does). */
const WRITE_PERIOD_MS = 1000;

/**
 * The small file beside the database that says how far this directory has come. It is written after the
 * transaction, so it is never ahead of a database that is whole: a marker that is ahead means an older database.
 */
export class Marker {
  readonly #path: string;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(databasePath: string) {
    this.#path = `${databasePath}.marker`;
  }

  /** @returns undefined where there is none, or none that can be read: then nothing is known, and nothing claimed */
  read(): Place | undefined {
    try {
      return markerSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch {
      return undefined;
    }
  }

  write(place: Place): void {
    replaceFileSync(this.#path, `${JSON.stringify(place)}\n`);
    this.#writtenAt = performance.now();
  }

  /** Writes when the last time is long enough ago. A full disk must not undo what the database has committed. */
  advance(place: Place): void {
    if (performance.now() - this.#writtenAt < WRITE_PERIOD_MS) return;
    try {
      this.write(place);
    } catch {
      this.#writtenAt = performance.now();
    }
  }
}
