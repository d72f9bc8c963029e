import { connect, type Socket } from 'node:net';
import { eventually } from '../../../support/eventually.ts';

/** Bytes on a socket, framed here by hand: the gateway's own codec must not vouch for itself. */
export class RawClient implements Disposable {
  readonly frames: string[][] = [];
  readonly #socket: Socket;
  #pending = Buffer.alloc(0);
  isClosed = false;

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port });
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.isClosed = true;
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  write(bytes: Buffer | string): void {
    this.#socket.write(bytes);
  }

  hello(offer: string): void {
    this.write(Buffer.concat([Buffer.from('API\0'), framed(offer)]));
  }

  send(...fields: readonly (string | number)[]): void {
    this.write(frameOf(...fields));
  }

  /** @returns the first frame that begins like this */
  frame(...start: readonly string[]): Promise<string[]> {
    return eventually(
      () => this.frames.find((fields) => start.every((field, index) => fields[index] === field)),
      {
        what: `frame ${start.join(',')}`,
        deadlineMs: 5000,
      },
    );
  }

  closed(): Promise<true> {
    return eventually(() => this.isClosed, { what: 'end of the connection', deadlineMs: 5000 });
  }

  #read(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 4 && this.#pending.length >= 4 + this.#pending.readUInt32BE(0)) {
      const end = 4 + this.#pending.readUInt32BE(0);
      this.frames.push(this.#pending.toString('utf8', 4, end).split('\0').slice(0, -1));
      this.#pending = this.#pending.subarray(end);
    }
  }
}

export function frameOf(...fields: readonly (string | number)[]): Buffer {
  return framed(fields.map((field) => `${field}\0`).join(''));
}

function framed(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}
