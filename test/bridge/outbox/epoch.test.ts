import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAhead, nextEpoch } from '../../../bridge/outbox/epoch.ts';
import { epochSchema } from '../../../shared/snapshot.ts';

const instant = fc.integer({ min: 0, max: 9_000_000_000_000 });
const random = fc.stringMatching(/^[0-9a-z]{10}$/);

describe('the epoch', () => {
  it('is valid and above every epoch before it, wherever the clock stands', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(instant, random), { minLength: 1, maxLength: 20 }), (starts) => {
        const epochs: string[] = [];
        for (const [nowMs, text] of starts) epochs.push(nextEpoch(nowMs, epochs, text));
        expect(epochs).toEqual(epochs.toSorted());
        expect(new Set(epochs).size).toBe(epochs.length);
        for (const epoch of epochs) expect(epochSchema.safeParse(epoch).success).toBe(true);
      }),
    );
  });

  it('tells by epoch first and by number second which place is further along', () => {
    const place = { epoch: '1785300000000-aaaaaa', seq: 7 };
    expect(isAhead({ ...place, seq: 8 }, place)).toBe(true);
    expect(isAhead(place, place)).toBe(false);
    expect(isAhead({ epoch: '1785300000001-aaaaaa', seq: 0 }, place)).toBe(true);
    expect(isAhead({ epoch: '1785299999999-aaaaaa', seq: 99 }, place)).toBe(false);
  });
});
