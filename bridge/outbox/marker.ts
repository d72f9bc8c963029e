import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { epochSchema } from '../../shared/snapshot.ts';
import { replaceFileSync } from '../durable-file.ts';
import type { Place } from './epoch.ts';

const markerSchema = z.object({
  epoch: epochSchema.optional(),
  seq: z.int().nonnegative().optional(),
  /** The database was found torn, and no epoch has begun since. */
  isTorn: z.boolean().optional(),
});

type Content = z.infer<typeof markerSchema>;

/** At most this often while numbers are given: the marker detects, it does not protect (epoch.ts does). */
const WRITE_PERIOD_MS = 1000;

/**
 * The small file beside the database that says how far this directory has come. It is written after the
 * transaction, so it is never ahead of a database that is whole: a marker that is ahead means an older database.
 */
export class Marker {
  readonly #path: string;
  #found: Content | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(databasePath: string) {
    this.#path = `${databasePath}.marker`;
    this.#found = this.#read();
  }

  /** As it was found; undefined where there was none that can be read: then nothing is known, and nothing claimed. */
  get place(): Place | undefined {
    const { epoch, seq } = this.#found ?? {};
    return epoch === undefined || seq === undefined ? undefined : { epoch, seq };
  }

  get isTorn(): boolean {
    return this.#found?.isTorn ?? false;
  }

  /** A full disk must not undo what the database has committed: then the marker stays as it was. */
  write(place: Place): void {
    this.#replace({ epoch: place.epoch, seq: place.seq });
  }

  /** Writes when the last time is long enough ago. */
  advance(place: Place): void {
    if (performance.now() - this.#writtenAt >= WRITE_PERIOD_MS) this.write(place);
  }

  /** The next start must not trust the file, whether its own checks find the fault or not. */
  noteTorn(): void {
    this.#replace({ ...this.#found, isTorn: true });
  }

  #replace(content: Content): void {
    this.#writtenAt = performance.now();
    this.#found = content;
    try {
      replaceFileSync(this.#path, `${JSON.stringify(content)}\n`);
    } catch {
      // As if it had not been time yet.
    }
  }

  #read(): Content | undefined {
    try {
      return markerSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch {
      return undefined;
    }
  }
}
