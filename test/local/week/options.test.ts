import { describe, expect, it } from 'vitest';
import { readWeekOptions } from '../../../local/week/options.ts';

const read = (...args: string[]) => readWeekOptions(args, () => 0.5);

describe('the options of a week', () => {
  it('are five sessions with a seed by chance when nothing is said', () => {
    expect(read()).toEqual({ seed: 500_000, sessions: 5, json: false, keep: false });
  });

  it('are taken as they are given', () => {
    expect(read('--seed', '7', '--sessions', '1', '--json', '--keep')).toEqual({
      seed: 7,
      sessions: 1,
      json: true,
      keep: true,
    });
  });

  it.each([
    [['--seed', '1.5'], '--seed "1.5" must be a whole number'],
    [['--sessions', '0'], '--sessions "0" must be a whole number from 1 to 5'],
    [['--sessions', '6'], 'from 1 to 5'],
    [['--fast'], "Unknown option '--fast'"],
  ])('are refused with what they may be: %s', (args, text) => {
    expect(() => read(...args)).toThrow(text);
  });

  it('are none where help is asked for', () => {
    expect(read('--help')).toBeUndefined();
  });
});
