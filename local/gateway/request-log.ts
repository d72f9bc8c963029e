import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { maskAccount } from '../../shared/account.ts';

/** A request as it came off a socket. */
export interface ReceivedRequest {
  /** Counts the requests of this gateway from 1. */
  readonly sequence: number;
  /** Receipt of its last byte: epoch milliseconds with fractions, comparable between processes of one machine. */
  readonly at: number;
  /** The same moment by `performance.now()` of the gateway's process. */
  readonly monotonicMs: number;
  /** -1 before startApi. */
  readonly clientId: number;
  readonly messageId: number;
  /** `reqMktData`, `cancelMktData`, ...; `unknown` for an id that TWS does not have. */
  readonly name: string;
  readonly reqId?: number;
  /** Of a market data request, of the line that a cancel ends, of a contract details request. */
  readonly conId?: number;
  /** Of reqMktData. */
  readonly snapshot?: boolean;
  /** The message code that refused it. */
  readonly refusedWith?: number;
  /** The frame as received, message id first. */
  readonly fields: readonly string[];
}

/** The newest requests in memory, each told to listeners, all of them in a file if one is named. */
export class RequestLog {
  readonly #max: number;
  readonly #accounts: ReadonlySet<string>;
  readonly #listeners = new Set<(request: ReceivedRequest) => void>();
  readonly #newest: ReceivedRequest[] = [];
  #file: WriteStream | undefined;
  #count = 0;

  /** @param options.max requests kept in memory; the oldest go first */
  constructor(options: { readonly max: number; readonly accounts: readonly string[] }) {
    this.#max = options.max;
    this.#accounts = new Set(options.accounts);
  }

  get count(): number {
    return this.#count;
  }

  get newest(): readonly ReceivedRequest[] {
    return this.#newest;
  }

  /** @throws the file system's error when the file cannot be written */
  async open(path: string): Promise<void> {
    const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
    await once(file, 'open');
    // A full disk ends the file and not the gateway: what is in memory goes on.
    file.on('error', () => {
      this.#file = undefined;
    });
    this.#file = file;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    file.end();
    await once(file, 'close');
  }

  subscribe(listener: (request: ReceivedRequest) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(request: Omit<ReceivedRequest, 'sequence'>): void {
    this.#count += 1;
    const entry = { sequence: this.#count, ...request };
    this.#newest.push(entry);
    if (this.#newest.length > this.#max) this.#newest.shift();
    this.#file?.write(
      `${JSON.stringify({ ...entry, fields: entry.fields.map((field) => this.#mask(field)) })}\n`,
    );
    for (const listener of this.#listeners) listener(entry);
  }

  #mask(field: string): string {
    return this.#accounts.has(field) ? maskAccount(field) : field;
  }
}
