import { describe, expect, it } from 'vitest';
import { readKillsOptions } from '../../../local/kills/options.ts';

const read = (...args: string[]) => readKillsOptions(args, () => 0.5);

describe('the options of a run with kills', () => {
  it('are 100,000 snapshots with a seed by chance when nothing is said', () => {
    expect(read()).toEqual({ seed: 500_000, snapshots: 100_000, json: false, keep: false });
  });

  it('are taken as they are given', () => {
    expect(read('--snapshots', '2000', '--seed', '7', '--json', '--keep')).toEqual({
      seed: 7,
      snapshots: 2000,
      json: true,
      keep: true,
    });
  });

  it.each([
    [['--seed', '-1'], "'--seed' argument is ambiguous"],
    [['--seed', '1.5'], '--seed "1.5" must be a whole number'],
    [['--snapshots', '10'], '--snapshots "10" must be a whole number from 1000 to 1000000'],
    [['--fast'], "Unknown option '--fast'"],
  ])('are refused with what they may be: %s', (args, text) => {
    expect(() => read(...args)).toThrow(text);
  });

  it('are none where help is asked for', () => {
    expect(read('--help')).toBeUndefined();
  });
});
