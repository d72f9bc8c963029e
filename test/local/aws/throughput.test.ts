import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allowance, NEW_TABLE, partitionOf, sizeOf } from '../../../local/aws/throughput.ts';

describe('what one partition of a new table serves', () => {
  it('is 1,000 writes a second and no more, however they come', () => {
    const allowance = new Allowance(NEW_TABLE.writesPerSecond, 0);
    const served = (count: number, atMs: number) =>
      Array.from({ length: count }, () => allowance.take(1, atMs)).filter(Boolean).length;
    expect(served(1500, 0)).toBe(1000);
    expect(served(1500, 250)).toBe(250);
    expect(served(1500, 60_000)).toBe(1000);
  });

  it('is never exceeded over any second, by more than the one request that may go into debt', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ waitMs: fc.nat({ max: 300 }), units: fc.integer({ min: 1, max: 5 }) })),
        (requests) => {
          const allowance = new Allowance(10, 0);
          let nowMs = 0;
          let units = 0;
          for (const request of requests) {
            nowMs += request.waitMs;
            if (allowance.take(request.units, nowMs)) units += request.units;
            expect(units).toBeLessThanOrEqual(10 + (10 * nowMs) / 1000 + 4);
          }
        },
      ),
    );
  });
});

describe('keys', () => {
  it('are spread over all partitions alike', () => {
    const counts = [0, 0, 0, 0];
    for (let seq = 1; seq <= 4000; seq += 1) {
      const partition = partitionOf(`home:1785300000000-k3x9qa:${seq}`, 4);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('count with their values, their types do not', () => {
    expect(sizeOf({ id: { S: 'abc' }, seq: { N: '12' } })).toBe(2 + 3 + 3 + 2);
  });
});
