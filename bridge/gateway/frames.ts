/**
 * The envelope of the TWS API: a 4-byte big-endian length, then NUL-terminated fields.
 * https://interactivebrokers.github.io/tws-api/
 */
const LENGTH_BYTES = 4;

/** The client library's own limit; what a port says that is no gateway is nearly always above it. */
const FRAME_MAX_BYTES = 0xff_ffff;

/** Cuts what comes over a socket into frames, whatever the network made of its packets. */
export class FrameSplitter {
  #pending: Buffer | undefined;

  /**
   * @param each is given every complete frame in order, its length included
   * @throws RangeError on a length that no gateway sends: nothing after it can be read
   */
  push(bytes: Buffer, each: (frame: Buffer) => void): void {
    const all = this.#pending === undefined ? bytes : Buffer.concat([this.#pending, bytes]);
    this.#pending = undefined;
    let start = 0;
    while (all.length - start >= LENGTH_BYTES) {
      const length = all.readInt32BE(start);
      if (length <= 0) throw new RangeError('a frame without a message');
      if (length > FRAME_MAX_BYTES) throw new RangeError(`a frame of ${length} bytes`);
      const end = start + LENGTH_BYTES + length;
      if (end > all.length) break;
      each(all.subarray(start, end));
      start = end;
    }
    if (start < all.length) this.#pending = all.subarray(start);
  }
}

/** @returns the message's id, undefined where the first field is no number of at most three digits */
export function messageIdOf(frame: Buffer): number | undefined {
  let id = 0;
  for (let at = LENGTH_BYTES; at < LENGTH_BYTES + 4; at += 1) {
    const byte = frame[at];
    if (byte === 0 && at > LENGTH_BYTES) return id;
    if (byte === undefined || byte < 0x30 || byte > 0x39) return undefined;
    id = id * 10 + byte - 0x30;
  }
  return undefined;
}

/** @returns the fields, the message's id first; only ASCII ones are as they were sent */
export function asciiFieldsOf(frame: Buffer): string[] {
  return frame.toString('latin1', LENGTH_BYTES, frame.length - 1).split('\0');
}
