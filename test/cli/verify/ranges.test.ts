import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merged, type Range, size, within, without } from '../../../cli/verify/ranges.ts';

const range = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 8 }))
  .map(([first, more]): Range => ({ first, last: first + more }));
const ranges = fc.array(range, { maxLength: 8 });

const numbers = (from: readonly Range[]) =>
  new Set(
    from.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index)),
  );

describe('ranges', () => {
  it('say the same as the sets of their numbers', () => {
    fc.assert(
      fc.property(ranges, ranges, range, (left, right, bounds) => {
        expect(numbers(merged(left))).toEqual(numbers(left));
        expect(size(merged(left))).toBe(numbers(left).size);
        expect(numbers(without(left, right))).toEqual(numbers(left).difference(numbers(right)));
        expect(size(without(left, right))).toBe(numbers(left).difference(numbers(right)).size);
        expect(numbers(within(left, bounds))).toEqual(numbers(left).intersection(numbers([bounds])));
      }),
    );
  });
});
