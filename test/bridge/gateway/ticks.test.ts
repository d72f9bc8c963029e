import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameSplitter } from '../../../bridge/gateway/frames.ts';
import { readTick } from '../../../bridge/gateway/ticks.ts';

function frameOf(...fields: readonly (string | number)[]): Buffer {
  const body = Buffer.from(fields.map((field) => `${field}\0`).join(''));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

const read = (...fields: readonly (string | number)[]) => readTick(frameOf(...fields), 5);

describe('a tick', () => {
  it('is a price, its side live or delayed, and no price where that is -1', () => {
    const price = { type: 'price', at: 5, reqId: 7 };
    expect(read(1, 6, 7, 1, 2.5, 10, 1)).toEqual({ ...price, field: 'bid', price: 2.5 });
    expect(read(1, 6, 7, 67, '2.75', 10, 1)).toEqual({ ...price, field: 'ask', price: 2.75 });
    expect(read(1, 6, 7, 2, -1, 0, 1)).toEqual({ ...price, field: 'ask', price: undefined });
    expect(read(1, 6, 7, 4, '', 0, 0)).toEqual({ ...price, field: 'last', price: 0 });
    expect(read(1, 6, 7, 4, 'not-a-price', 'not-a-size', 0)).toEqual({
      ...price,
      field: 'last',
      price: undefined,
    });
  });

  it('is a size', () => {
    expect(read(2, 6, 7, 8, '12.5')).toEqual({ type: 'size', at: 5, reqId: 7, field: 'volume', size: 12.5 });
  });

  it('is a computation of which -1 and -2 were not made', () => {
    expect(read(21, 7, 13, 0, 0.2, -0.3, 1.5, 0, 0.01, 0.4, -0.05, 600)).toEqual({
      type: 'greeks',
      at: 5,
      reqId: 7,
      source: 'model',
      greeks: { iv: 0.2, delta: -0.3, price: 1.5, gamma: 0.01, vega: 0.4, theta: -0.05, underlying: 600 },
    });
    expect(read(21, 7, 10, 0, -1, -2, -1, -1, -2, -2, -2, -1)).toEqual({
      type: 'greeks',
      at: 5,
      reqId: 7,
      source: 'bid',
      greeks: {},
    });
  });

  it('is a sign of life where nobody keeps what it says', () => {
    const pulse = { type: 'pulse', at: 5, reqId: 7 };
    expect(read(1, 6, 7, 50, 2.5, 10, 0)).toEqual(pulse);
    expect(read(2, 6, 7, 34, 10)).toEqual(pulse);
    expect(read(21, 7, 53, 0, 0.2, -0.3, 1.5, 0, 0.01, 0.4, -0.05, 600)).toEqual(pulse);
    expect(read(45, 6, 7, 49, 0)).toEqual(pulse);
    expect(read(46, 6, 7, 45, '1700000000')).toEqual(pulse);
  });

  it('is no other message, and none that is too short', () => {
    expect(read(61, 3, 'DU1234567', 1)).toBeUndefined();
    expect(read(4, 2, 7, 200, 'No security definition', '')).toBeUndefined();
    expect(read(193, '20261121 10:00:00 GMT')).toBeUndefined();
    expect(read('1a', 6, 7, 1, 2.5, 10, 1)).toBeUndefined();
    expect(read('', 6)).toBeUndefined();
    expect(read(1, 6, 7, 1)).toBeUndefined();
    expect(read(2, 6, 7, 8)).toBeUndefined();
    expect(read(21, 7, 13, 0, 0.2)).toBeUndefined();
  });
});

describe('frames', () => {
  const field = fc.string({ unit: 'binary-ascii', maxLength: 12 }).map((text) => text.replaceAll('\0', ''));

  it('are the same however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 1, maxLength: 5 }), { maxLength: 8 }),
        fc.array(fc.nat({ max: 40 }), { maxLength: 40 }),
        (messages, sizes) => {
          const frames = messages.map((fields) => frameOf(...fields));
          const bytes = Buffer.concat(frames);
          const splitter = new FrameSplitter();
          const got: string[] = [];
          let start = 0;
          for (const size of [...sizes, bytes.length]) {
            splitter.push(bytes.subarray(start, start + size), (frame) => got.push(frame.toString('hex')));
            start = Math.min(bytes.length, start + size);
          }
          expect(got).toEqual(frames.map((frame) => frame.toString('hex')));
        },
      ),
    );
  });

  it.each([0, -1, 0x48545450])('of %d bytes are none', (length) => {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32BE(length);
    expect(() => new FrameSplitter().push(bytes, () => {})).toThrow(RangeError);
  });
});
