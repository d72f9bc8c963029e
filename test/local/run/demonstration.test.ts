import { describe, expect, it } from 'vitest';
import { demonstrationTiming } from '../../../local/run/demonstration.ts';

describe('the timing of the demonstration', () => {
  it('takes its time in a run without an end', () => {
    expect(demonstrationTiming(undefined)).toEqual({ firstAfterMs: 10_000, offMs: 5000, everyMs: 300_000 });
  });

  it('has the strategy on again well before a short run ends', () => {
    const { firstAfterMs, offMs } = demonstrationTiming(12_000);
    expect(firstAfterMs + offMs).toBeLessThanOrEqual(6000);
  });
});
