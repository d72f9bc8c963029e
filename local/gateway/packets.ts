import type { Socket } from 'node:net';
import type { FaultOf } from './faults.ts';
import { encodeFrame, type Field } from './frames.ts';
import type { StandingFaults } from './standing-faults.ts';

/** How frames become packets: as they are written, or as a standing fault has it. */
export class PacketWriter {
  readonly #socket: Socket;
  readonly #faults: StandingFaults;
  /** Pieces that wait for their turn, or bytes that wait for company. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #pump: NodeJS.Immediate | undefined;
  /** Frames that `cut-frame` let pass. */
  #passed = 0;
  #isCut = false;

  constructor(socket: Socket, faults: StandingFaults) {
    this.#socket = socket;
    this.#faults = faults;
  }

  get backlogBytes(): number {
    return this.#socket.writableLength + this.#waitingBytes;
  }

  write(list: readonly (readonly Field[])[]): void {
    if (this.#isCut) return;
    const frames: Buffer[] = [];
    for (const fields of list) {
      const frame = encodeFrame(fields);
      const cutter = this.#cutterOf(fields);
      if (cutter !== undefined) {
        this.#cut([...frames, frame.subarray(0, Math.ceil(frame.length / 2))]);
        this.#faults.exercise(cutter, `the connection ended in the middle of a message ${fields[0]}`);
        return;
      }
      frames.push(frame);
    }
    this.writeBytes(frames.length === 1 && frames[0] ? frames[0] : Buffer.concat(frames));
  }

  writeBytes(bytes: Buffer): void {
    const fragmented = this.#faults.of('fragmented');
    const coalesced = this.#faults.of('coalesced');
    if (fragmented !== undefined) this.#fragment(bytes, fragmented);
    else if (coalesced !== undefined) this.#hold(bytes, coalesced);
    else if (this.#waiting.length > 0) this.#wait(bytes);
    else this.#socket.write(bytes);
  }

  /** Sends what waits, all at once. */
  flush(): void {
    this.clear();
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (bytes.length > 0 && this.#socket.writable) this.#socket.write(bytes);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    clearImmediate(this.#pump);
    this.#pump = undefined;
  }

  /** @returns the fault that cuts this frame */
  #cutterOf(fields: readonly Field[]): FaultOf<'cut-frame'> | undefined {
    const fault = this.#faults.of('cut-frame', ({ messageId }) => [undefined, fields[0]].includes(messageId));
    if (fault === undefined) return undefined;
    this.#passed += 1;
    if (this.#passed <= fault.after) return undefined;
    this.#faults.remove(fault);
    return fault;
  }

  #cut(bytes: readonly Buffer[]): void {
    this.flush();
    this.#isCut = true;
    // The half frame has to arrive: a reset would take it along.
    this.#socket.end(Buffer.concat(bytes), () => this.#socket.destroySoon());
  }

  #fragment(bytes: Buffer, fault: FaultOf<'fragmented'>): void {
    const { bytes: size } = fault;
    for (let start = 0; start < bytes.length; start += size) this.#wait(bytes.subarray(start, start + size));
    this.#faults.exercise(fault, `${bytes.length} bytes in pieces`, Math.ceil(bytes.length / size));
    this.#pump ??= setImmediate(() => this.#sendPiece());
  }

  /** One piece per turn of the event loop, so that the operating system has a chance to send it alone. */
  #sendPiece(): void {
    this.#pump = undefined;
    const [piece] = this.#waiting.splice(0, 1);
    if (piece === undefined) return;
    this.#waitingBytes -= piece.length;
    if (this.#socket.writable) this.#socket.write(piece);
    if (this.#waiting.length > 0) this.#pump = setImmediate(() => this.#sendPiece());
  }

  #hold(bytes: Buffer, fault: FaultOf<'coalesced'>): void {
    this.#wait(bytes);
    if (this.#pump !== undefined) return;
    this.#timer ??= setTimeout(() => {
      this.#faults.exercise(fault, 'frames that travel at once', this.#waiting.length);
      this.flush();
    }, fault.periodMs);
  }

  #wait(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }
}
