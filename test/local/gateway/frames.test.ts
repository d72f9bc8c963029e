import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeFrame,
  FRAME_MAX_BYTES,
  FrameReader,
  FramingError,
  PrefixReader,
} from '../../../local/gateway/frames.ts';

const fieldText = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''));
const frame = fc.array(fieldText, { minLength: 1, maxLength: 20 });

function chunksOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let offset = 0;
  for (let index = 0; offset < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}

describe('frames', () => {
  it('are a big-endian length and fields that each end in NUL', () => {
    expect([...encodeFrame([71, 2, 1, ''])]).toEqual([0, 0, 0, 8, 0x37, 0x31, 0, 0x32, 0, 0x31, 0, 0]);
  });

  it('write an absent field as nothing, booleans as 1 and 0, and count bytes and not characters', () => {
    const bytes = encodeFrame([undefined, true, false, 'é']);
    expect(bytes.readUInt32BE(0)).toBe(8);
    expect(bytes.subarray(4).toString('utf8')).toBe('\x001\x000\0é\0');
  });

  it('come out as they went in, whatever the network makes of the packets', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 }),
        (frames, sizes) => {
          const reader = new FrameReader();
          const bytes = Buffer.concat(frames.map(encodeFrame));
          expect(chunksOf(bytes, sizes).flatMap((chunk) => reader.push(chunk))).toEqual(frames);
        },
      ),
    );
  });

  it('refuse a length that no client sends', () => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(FRAME_MAX_BYTES + 1);
    expect(() => new FrameReader().push(length)).toThrow(FramingError);
  });
});

describe('the first words of a client', () => {
  it('are recognised byte by byte, and what follows them is kept', () => {
    const reader = new PrefixReader();
    const kept = [...Buffer.from('API\0xy')].map((byte) => reader.push(Buffer.from([byte])));
    expect(kept.slice(0, 3)).toEqual([undefined, undefined, undefined]);
    expect(kept.at(-1)?.toString()).toBe('xy');
  });

  it('are refused at the first byte that differs', () => {
    expect(() => new PrefixReader().push(Buffer.from('GET / HTTP/1.1'))).toThrow(FramingError);
    expect(() => new PrefixReader().push(Buffer.from('AX'))).toThrow(FramingError);
  });
});
