import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** One older file is kept beside it, so a function's log takes twice this at most. */
const FILE_MAX_BYTES = 8 * 1024 * 1024;

/** What a function's handler prints: one file in the state directory, and everybody who listens. */
export class FunctionLog {
  readonly #path: string;
  readonly #listener: (line: string) => void;
  #bytes: number;

  constructor(dir: string, functionName: string, listener: (line: string) => void) {
    mkdirSync(dir, { recursive: true });
    this.#path = join(dir, `${functionName}.log`);
    this.#listener = listener;
    this.#bytes = sizeOf(this.#path);
  }

  capture(stream: Readable): void {
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) =>
      this.write(line),
    );
  }

  write(line: string): void {
    if (this.#bytes > FILE_MAX_BYTES) {
      renameSync(this.#path, `${this.#path}.1`);
      this.#bytes = 0;
    }
    const text = `${line}\n`;
    appendFileSync(this.#path, text, { mode: 0o600 });
    this.#bytes += Buffer.byteLength(text);
    this.#listener(line);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
