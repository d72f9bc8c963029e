import { closeSync, openSync, readSync, statSync } from 'node:fs';

export interface LogEntry {
  readonly atMs: number;
  readonly level: number | string;
  readonly event: string;
  readonly text: string;
}

const CHUNK_BYTES = 256 * 1024;

/** Follows a log of JSON lines that others write, from its beginning. Lines that are no entries are passed over. */
export class LogFile {
  readonly #path: string;
  readonly #entries: LogEntry[] = [];
  readonly #decoder = new TextDecoder();
  #offset = 0;
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Every entry so far, the oldest first. */
  read(): readonly LogEntry[] {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= this.#offset) return this.#entries;
    const file = openSync(this.#path, 'r');
    try {
      const buffer = Buffer.alloc(CHUNK_BYTES);
      for (let read = -1; read !== 0; ) {
        read = readSync(file, buffer, 0, buffer.length, this.#offset);
        this.#offset += read;
        this.#take(this.#decoder.decode(buffer.subarray(0, read), { stream: true }));
      }
    } finally {
      closeSync(file);
    }
    return this.#entries;
  }

  since(fromMs: number): LogEntry[] {
    return this.read().filter(({ atMs }) => atMs >= fromMs);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const entry = entryOf(line);
      if (entry !== undefined) this.#entries.push(entry);
    }
  }
}

function entryOf(line: string): LogEntry | undefined {
  try {
    const { time, level, event } = JSON.parse(line) as Record<string, unknown>;
    const atMs = typeof time === 'number' ? time : Date.parse(String(time));
    if (typeof event !== 'string' || Number.isNaN(atMs)) return undefined;
    return { atMs, level: typeof level === 'number' ? level : String(level), event, text: line };
  } catch {
    return undefined;
  }
}
