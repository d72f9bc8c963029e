import { describe, expect, it } from 'vitest';
import { formatElapsed, parseDuration } from '../../../local/run/duration.ts';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['60s', 60_000],
    ['1.5m', 90_000],
    ['8h', 28_800_000],
  ])('reads %s as %d ms', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  it.each(['', '60', '10x', 's', '-5s', '1m30s', '0s', '1e3s', ' 5s', `${'9'.repeat(20)}h`])(
    'refuses %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe('formatElapsed', () => {
  it('carries seconds into minutes and minutes into hours', () => {
    expect(formatElapsed(999)).toBe('0:00:00');
    expect(formatElapsed(61_000)).toBe('0:01:01');
    expect(formatElapsed(3_600_000 + 59 * 60_000 + 59_999)).toBe('1:59:59');
    expect(formatElapsed(100 * 3_600_000)).toBe('100:00:00');
  });
});
