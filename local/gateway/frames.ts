/**
 * The TWS API's envelope: a 4-byte big-endian length, then UTF-8 fields that each end in NUL. Only the client's
 * first words differ: `API\0`, then one frame without a NUL. https://interactivebrokers.github.io/tws-api/
 */

/** Java's client refuses longer ones. */
export const FRAME_MAX_BYTES = 0xff_ffff;

const LENGTH_BYTES = 4;
const PREFIX = Buffer.from('API\0', 'latin1');

/** What comes over the wire is not the TWS API; nothing after it on this connection can be read. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
}

/** A field of a frame to be sent: absent is an empty field, booleans are 1 and 0. */
export type Field = string | number | boolean | undefined;

export function encodeFrame(fields: readonly Field[]): Buffer {
  let text = '';
  for (const field of fields) text += `${fieldText(field)}\0`;
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, LENGTH_BYTES);
  return frame;
}

function fieldText(field: Field): string {
  if (field === undefined) return '';
  if (typeof field === 'boolean') return field ? '1' : '0';
  return String(field);
}

/** Cuts a byte stream into frames, whatever the network made of its packets. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /**
   * @returns the frames that this chunk completes, as fields
   * @throws FramingError on a length that no client sends
   */
  push(chunk: Buffer): string[][] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const frames: string[][] = [];
    let offset = 0;
    while (this.#pending.length - offset >= LENGTH_BYTES) {
      const length = this.#pending.readUInt32BE(offset);
      if (length > FRAME_MAX_BYTES) {
        throw new FramingError(`a frame of ${length} bytes; at most ${FRAME_MAX_BYTES} are allowed`);
      }
      const end = offset + LENGTH_BYTES + length;
      if (end > this.#pending.length) break;
      frames.push(decodeFields(this.#pending.toString('utf8', offset + LENGTH_BYTES, end)));
      offset = end;
    }
    this.#pending = this.#pending.subarray(offset);
    return frames;
  }
}

/** The last field may lack its NUL, as the version frame of the handshake does. */
function decodeFields(text: string): string[] {
  const fields = text.split('\0');
  if (fields.at(-1) === '') fields.pop();
  return fields;
}

/** Reads the client's `API\0` off the start of a connection. */
export class PrefixReader {
  #pending: Buffer = Buffer.alloc(0);

  /**
   * @returns what follows the prefix, undefined while it is incomplete
   * @throws FramingError when something else came
   */
  push(chunk: Buffer): Buffer | undefined {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const seen = Math.min(this.#pending.length, PREFIX.length);
    if (!this.#pending.subarray(0, seen).equals(PREFIX.subarray(0, seen))) {
      throw new FramingError('the connection does not begin with API: not a client of protocol 100 or later');
    }
    return seen < PREFIX.length ? undefined : this.#pending.subarray(PREFIX.length);
  }
}
