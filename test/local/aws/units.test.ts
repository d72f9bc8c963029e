import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemBytes, sqsRequests, writeUnits } from '../../../local/aws/units.ts';

describe('units as AWS bills them', () => {
  it('count a request for each 64 KB of a payload, and one for none', () => {
    expect([0, 1, 65_536, 65_537, 262_144, 1_048_576].map(sqsRequests)).toEqual([1, 1, 1, 2, 4, 16]);
  });

  it('count a write for each KB that is begun, twice in a transaction', () => {
    expect([0, 1, 1024, 1025, 4096].map((bytes) => writeUnits(bytes))).toEqual([1, 1, 1, 2, 4]);
    expect([1, 1025].map((bytes) => writeUnits(bytes, true))).toEqual([2, 4]);
  });

  it('never count less for more', () => {
    const bytes = fc.nat({ max: 400 * 1024 });
    fc.assert(
      fc.property(bytes, bytes, (one, more) => {
        expect(writeUnits(one + more)).toBeGreaterThanOrEqual(writeUnits(one));
        expect(writeUnits(one) + writeUnits(more)).toBeGreaterThanOrEqual(writeUnits(one + more));
        expect(sqsRequests(one) + sqsRequests(more)).toBeGreaterThanOrEqual(sqsRequests(one + more));
      }),
    );
  });

  it('size an item by its names and values', () => {
    expect(itemBytes({ id: { S: 'äb' } })).toBe(2 + 3);
    expect(itemBytes({ n: { N: '-12345.60' } })).toBe(1 + 3 + 1 + 1);
    expect(itemBytes({ b: { B: Buffer.alloc(80).toString('base64') } })).toBe(1 + 80);
    expect(itemBytes({ m: { M: { a: { BOOL: true } } } })).toBe(1 + 3 + 1 + 1 + 1);
    expect(itemBytes({ l: { L: [{ S: 'x' }, { NULL: true }] } })).toBe(1 + 3 + 1 + 1 + 1 + 1);
    expect(itemBytes({ s: { SS: ['ab', 'c'] } })).toBe(1 + 3);
  });
});
