import { describe, expect, it } from 'vitest';
import { Ending } from '../../../local/run/ending.ts';

function begin() {
  const clock = { ms: 1000 };
  const seen = { seconds: 0 };
  const ending = new Ending({
    environment: {},
    now: () => clock.ms,
    onSecond: () => {
      seen.seconds += 1;
    },
  });
  return { clock, seen, ending };
}

describe('Ending', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is asked for by %s', (name) => {
    using ending = begin().ending;
    expect(ending.signal.aborted).toBe(false);
    process.emit(name);
    expect(ending.signal.aborted).toBe(true);
  });

  it('takes the signal that npm passes on for the one that the terminal sent already', () => {
    const { clock, seen, ending } = begin();
    using _ending = ending;
    process.emit('SIGINT');
    clock.ms += 20;
    process.emit('SIGINT');
    expect(seen.seconds).toBe(0);
    clock.ms += 1000;
    process.emit('SIGINT');
    expect(seen.seconds).toBe(1);
  });

  it('leaves the signals alone once it is disposed', () => {
    const before = process.listenerCount('SIGINT');
    {
      using _ending = begin().ending;
      expect(process.listenerCount('SIGINT')).toBe(before + 1);
    }
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});
