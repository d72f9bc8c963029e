import type { Socket } from 'node:net';
import { type Field, FrameReader, FramingError, PrefixReader } from './frames.ts';
import * as messages from './messages.ts';
import { NOTICES } from './notices.ts';
import { PacketWriter } from './packets.ts';
import type { Wire } from './session.ts';
import type { StandingFaults } from './standing-faults.ts';
import { negotiate, parseVersionRange } from './version.ts';

export interface ConnectionEvents {
  /** A frame after the handshake, with the moment of its last byte by `performance.now()`. */
  readonly onFrame: (fields: readonly string[], monotonicMs: number) => void;
  readonly onClose: () => void;
}

const CLIENT_END_DEADLINE_MS = 1000;

/** One socket: framing and handshake. What the frames mean is for the session. */
export class Connection implements Wire {
  readonly #socket: Socket;
  readonly #ownVersion: number;
  readonly #events: ConnectionEvents;
  readonly #packets: PacketWriter;
  readonly #frames = new FrameReader();
  #prefix: PrefixReader | undefined = new PrefixReader();
  #version: number | undefined;
  #ended = false;

  constructor(
    socket: Socket,
    options: ConnectionEvents & { readonly ownVersion: number; readonly faults: StandingFaults },
  ) {
    this.#socket = socket;
    this.#ownVersion = options.ownVersion;
    this.#events = options;
    this.#packets = new PacketWriter(socket, options.faults);
  }

  /** The version agreed; the gateway's own before that. */
  get version(): number {
    return this.#version ?? this.#ownVersion;
  }

  get backlogBytes(): number {
    return this.#packets.backlogBytes;
  }

  start(): void {
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // A reset is how clients leave; `close` follows.
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#packets.clear();
      this.#events.onClose();
    });
  }

  send(list: readonly (readonly Field[])[]): void {
    if (this.#ended || list.length === 0) return;
    this.#packets.write(list);
  }

  /** What no frame is made of. */
  sendBytes(bytes: Buffer): void {
    if (!this.#ended) this.#packets.writeBytes(bytes);
  }

  /** Sends what is pending and ends; nothing is read any more. A client that does not end its side is cut off. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#packets.flush();
    this.#socket.end();
    const cut = setTimeout(() => this.#socket.destroy(), CLIENT_END_DEADLINE_MS);
    this.#socket.once('close', () => clearTimeout(cut));
  }

  /** As a lost network ends it: whatever is pending is lost too. */
  reset(): void {
    // libuv refuses to reset a socket that is shutting down, and Node then never closes it: the process spins.
    if (this.#ended || this.#socket.readableEnded || this.#socket.writableEnded) this.destroy();
    else this.#socket.resetAndDestroy();
    this.#ended = true;
  }

  /** At once, waiting for nobody. */
  destroy(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const monotonicMs = performance.now();
    try {
      for (const fields of this.#frames.push(this.#afterPrefix(chunk))) {
        if (this.#ended) return;
        if (this.#version === undefined) this.#negotiate(fields[0] ?? '');
        else this.#events.onFrame(fields, monotonicMs);
      }
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.end();
    }
  }

  #afterPrefix(chunk: Buffer): Buffer {
    if (this.#ended) return Buffer.alloc(0);
    if (this.#prefix === undefined) return chunk;
    const rest = this.#prefix.push(chunk);
    if (rest === undefined) return Buffer.alloc(0);
    this.#prefix = undefined;
    return rest;
  }

  /** Where no version suits both, the client learns ours, then 506, and the connection ends. */
  #negotiate(offer: string): void {
    const range = parseVersionRange(offer);
    if (range === undefined) throw new FramingError(`not a version offer: ${JSON.stringify(offer)}`);
    this.#version = negotiate(this.#ownVersion, range);
    this.send([[this.version, connectionTime(new Date())]]);
    if (this.#version !== undefined) return;
    this.send([messages.notice(this.#ownVersion, -1, NOTICES.unsupportedVersion, Date.now())]);
    this.end();
  }
}

/** `20260405 23:49:26 GMT` */
function connectionTime(now: Date): string {
  const iso = now.toISOString();
  return `${iso.slice(0, 10).replaceAll('-', '')} ${iso.slice(11, 19)} GMT`;
}
