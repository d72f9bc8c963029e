import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RawOptions, readOptions } from '../../../local/run/options.ts';
import { differenceOf, type Origin, originOf, writeOrigin } from '../../../local/run/origin.ts';
import { StateDirectory } from '../../../local/run/state-directory.ts';

const options = (raw: Partial<RawOptions> = {}) => readOptions({ dir: '.slotwise', ...raw }, '/home/trader');
const origin: Origin = {
  schema: 1,
  gateway: 'simulated',
  generated: { positions: 200, activeLegs: 20, seed: 1 },
  isSeeded: true,
};

describe('what a directory was begun with', () => {
  it.each<Partial<RawOptions>>([
    {},
    { positions: '200' },
    { positions: '200', active: '20', seed: '1' },
    { portfolio: 'mine.json' },
    { flips: '10', for: '5s' },
  ])('goes on with %j', (raw) => {
    expect(differenceOf(origin, options(raw))).toBeUndefined();
  });

  it.each<[Partial<RawOptions>, Origin, string]>([
    [{ positions: '5000' }, origin, 'was begun with --positions 200 --active 20 --seed 1'],
    [
      { gateway: '127.0.0.1:4002' },
      origin,
      'was begun with the simulated gateway, not with a gateway of your own',
    ],
    [
      {},
      { schema: 1, gateway: 'own', isSeeded: false },
      'was begun with a gateway of your own, not with the simulated gateway',
    ],
    [
      { seed: '1' },
      { schema: 1, gateway: 'simulated', isSeeded: false },
      'was begun with a --portfolio file',
    ],
  ])('refuses %j on another one', (raw, kept, difference) => {
    expect(differenceOf(kept, options(raw))).toBe(difference);
  });
});

describe('originOf', () => {
  let root: string;
  let directory: StateDirectory;
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'slotwise-origin-'));
    directory = await StateDirectory.take(root, { fresh: false });
  });
  afterEach(() => {
    directory[Symbol.dispose]();
    rmSync(root, { recursive: true, force: true });
  });

  it('begins a directory with what was asked for and keeps to it', () => {
    const begun = originOf(directory, options({ positions: '40' }));
    expect(begun).toEqual({
      schema: 1,
      gateway: 'simulated',
      generated: { positions: 40, activeLegs: 20, seed: 1 },
      isSeeded: false,
    });
    writeOrigin(directory, { ...begun, isSeeded: true });
    expect(originOf(directory, options()).isSeeded).toBe(true);
    expect(() => originOf(directory, options({ positions: '41' }))).toThrow(
      /was begun with --positions 40 .*: name another directory with --dir, or begin anew with --fresh/,
    );
  });

  it('does not guess when its note cannot be read', () => {
    writeFileSync(directory.file('origin.json'), '{');
    expect(() => originOf(directory, options())).toThrow(
      /origin\.json cannot be read: begin anew with --fresh/,
    );
  });
});
