import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandFailure } from '../../cli/failure.ts';
import { holdDirectory } from '../../cli/hold-directory.ts';
import { StateDirectory } from '../../local/run/state-directory.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'slotwise-hold-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('a state directory that a command holds', () => {
  it('is no other command’s until it is let go', () => {
    const first = holdDirectory(dir);
    expect(() => holdDirectory(dir, 20)).toThrow(CommandFailure);
    expect(() => holdDirectory(dir, 20)).toThrow(/in use by another command: try again/);
    first[Symbol.dispose]();
    holdDirectory(dir, 20)[Symbol.dispose]();
  });

  it('is not to be held while a run has it, nor taken by a run while it is held', async () => {
    const held = holdDirectory(dir);
    await expect(StateDirectory.take(dir, { fresh: false })).rejects.toThrow(/in use/);
    held[Symbol.dispose]();
    using _run = await StateDirectory.take(dir, { fresh: false });
    expect(() => holdDirectory(dir, 20)).toThrow(CommandFailure);
  });
});
