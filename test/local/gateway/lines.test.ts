import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineLedger } from '../../../local/gateway/lines.ts';
import { PaceMeter } from '../../../local/gateway/pace.ts';

describe('the ledger of lines', () => {
  it('never gives more than its cap, and its counts are those of who holds one', () => {
    const step = fc.record({
      takes: fc.boolean(),
      clientId: fc.integer({ min: 0, max: 3 }),
      conId: fc.integer({ min: 1, max: 5 }),
      snapshot: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), fc.array(step, { maxLength: 60 }), (cap, steps) => {
        const ledger = new LineLedger(cap);
        const held: { clientId: number; conId: number; snapshot: boolean }[] = [];
        let refused = 0;
        let peak = 0;
        let peakWithSnapshots = 0;
        for (const { takes, ...holder } of steps) {
          if (takes) {
            if (ledger.take(holder)) held.push(holder);
            else refused += 1;
          } else {
            const released = held.pop();
            if (released !== undefined) ledger.release(released);
          }
          const streaming = held.filter(({ snapshot }) => !snapshot).length;
          peak = Math.max(peak, streaming);
          peakWithSnapshots = Math.max(peakWithSnapshots, held.length);
          const counts = ledger.counts();
          expect(held.length).toBeLessThanOrEqual(cap);
          expect(counts).toMatchObject({
            cap,
            streaming,
            snapshotsInFlight: held.length - streaming,
            peak,
            peakWithSnapshots,
            refused,
          });
          for (const key of ['clientId', 'conId'] as const) {
            const expected = new Map<number, number>();
            for (const holder of held) expected.set(holder[key], (expected.get(holder[key]) ?? 0) + 1);
            expect(key === 'clientId' ? counts.byClient : counts.byConId).toEqual(expected);
          }
        }
      }),
    );
  });
});

describe('the meter of messages', () => {
  it('lets its limit through in any second and reports what is above once', () => {
    const meter = new PaceMeter(3);
    expect([0, 1, 2].map((at) => meter.record(at))).toEqual(['within', 'within', 'within']);
    expect(meter.record(3)).toEqual({ violation: 1, received: 4 });
    expect([4, 500, 999].map((at) => meter.record(at))).toEqual(['above', 'above', 'above']);
    expect(meter.record(1000)).toBe('within');
    expect(meter.record(1000.5)).toBe('above');
    expect(meter.record(1001)).toBe('within');
    expect(meter.record(1002)).toBe('within');
    expect(meter.record(1003)).toEqual({ violation: 2, received: 4 });
    expect(meter.violations).toBe(2);
  });
});
