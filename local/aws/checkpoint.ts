import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const fileSchema = z.object({ streamArn: z.string(), shards: z.record(z.string(), z.string()) });

/** How far a mapping has read each shard of its stream, on disk: a run that begins again goes on from there. */
export class Checkpoint {
  readonly #path: string;
  readonly #streamArn: string;
  readonly #shards: Record<string, string>;

  /** Positions in another stream, of a table that was made anew, mean nothing in this one. */
  constructor(path: string, streamArn: string) {
    this.#path = path;
    this.#streamArn = streamArn;
    this.#shards = read(path, streamArn);
  }

  /** Sequence number of the last record that is done; undefined before the first. */
  position(shardId: string): string | undefined {
    return this.#shards[shardId];
  }

  advance(shardId: string, sequenceNumber: string): void {
    this.#shards[shardId] = sequenceNumber;
    mkdirSync(dirname(this.#path), { recursive: true });
    const content = JSON.stringify({ streamArn: this.#streamArn, shards: this.#shards });
    writeFileSync(`${this.#path}.new`, content, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }

  forget(shardId: string): void {
    delete this.#shards[shardId];
  }
}

function read(path: string, streamArn: string): Record<string, string> {
  try {
    const file = fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    return file.streamArn === streamArn ? file.shards : {};
  } catch {
    // None yet, or none that can be read: at least once allows to begin again.
    return {};
  }
}
