import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentile, summarizeLatencies } from '../../../local/run/latency.ts';

describe('percentile', () => {
  it('takes the nearest rank, a value that was measured', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(percentile(values, 0.5)).toBe(100);
    expect(percentile(values, 0.99)).toBe(198);
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([], 0.5)).toBeUndefined();
  });

  it('has at least the share p of the values at or below it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }),
        fc.constantFrom(0.5, 0.9, 0.99),
        (values, p) => {
          const found = percentile(values, p) ?? Number.NaN;
          expect(values).toContain(found);
          const atOrBelow = values.filter((value) => value <= found).length;
          const below = values.filter((value) => value < found).length;
          expect(atOrBelow).toBeGreaterThanOrEqual(p * values.length);
          expect(below).toBeLessThan(p * values.length);
        },
      ),
    );
  });
});

describe('summarizeLatencies', () => {
  it('gives no p99 below 100 changes and no p50 of none', () => {
    expect(summarizeLatencies([])).toEqual({ changes: 0, p50Ms: null, p99Ms: null });
    expect(summarizeLatencies(new Array(99).fill(1))).toEqual({ changes: 99, p50Ms: 1, p99Ms: null });
  });

  it('rounds to tenths of a millisecond', () => {
    const latenciesMs = Array.from({ length: 100 }, (_, index) => index + 0.1234);
    expect(summarizeLatencies(latenciesMs)).toEqual({ changes: 100, p50Ms: 49.1, p99Ms: 98.1 });
  });
});
