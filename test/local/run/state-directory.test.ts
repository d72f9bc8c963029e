import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive, startTimeOf } from '../../../cli/process.ts';
import { LocalFault } from '../../../local/run/fault.ts';
import { StateDirectory } from '../../../local/run/state-directory.ts';
import { LOCAL_RUN, parseLocalRun } from '../../../shared/local-run.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'slotwise-state-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const readRecord = (dir: string) => parseLocalRun(readFileSync(join(dir, LOCAL_RUN.file), 'utf8'));

/** A process that does nothing, and whose identity is on record. */
async function idleProcess() {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const pid = child.pid ?? 0;
  return { child, identity: { name: 'idle', pid, startTime: startTimeOf(pid) ?? '' } };
}

describe('StateDirectory', () => {
  it('is created where there is none and names the process that owns it, for nobody else to read', async () => {
    const dir = join(root, 'deep', 'state');
    using directory = await StateDirectory.take(dir, { fresh: false });
    const record = readRecord(dir);
    expect(record).toMatchObject({ pid: process.pid, children: [], bridges: [] });
    expect(isAlive(record)).toBe(true);
    expect(statSync(directory.file(LOCAL_RUN.file)).mode & 0o777).toBe(0o600);
  });

  it('is refused with the remedy while another run owns it', async () => {
    using _first = await StateDirectory.take(root, { fresh: false });
    await expect(StateDirectory.take(root, { fresh: true })).rejects.toThrow(
      new LocalFault(
        `${root} is in use by another run, process ${process.pid}: stop it, or name another directory with --dir`,
      ),
    );
  });

  it('can be taken again once it was let go of, record and files kept', async () => {
    const first = await StateDirectory.take(root, { fresh: false });
    writeFileSync(first.file('kept'), 'x');
    first[Symbol.dispose]();
    using second = await StateDirectory.take(root, { fresh: false });
    expect(existsSync(second.file('kept'))).toBe(true);
  });

  it('is emptied by a fresh run', async () => {
    const first = await StateDirectory.take(root, { fresh: false });
    writeFileSync(first.file('kept'), 'x');
    first[Symbol.dispose]();
    using second = await StateDirectory.take(root, { fresh: true });
    expect(existsSync(second.file('kept'))).toBe(false);
  });

  it('never empties or enters a directory that is not its own', async () => {
    writeFileSync(join(root, 'thesis.tex'), 'x');
    for (const fresh of [false, true]) {
      await expect(StateDirectory.take(root, { fresh })).rejects.toThrow(
        /holds other things than a local run/,
      );
    }
    expect(existsSync(join(root, 'thesis.tex'))).toBe(true);
    expect(existsSync(join(root, LOCAL_RUN.lockFile))).toBe(false);
  });

  it('says what is wrong with a path that is a file', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    await expect(StateDirectory.take(file, { fresh: false })).rejects.toThrow(/cannot be used.*--dir/);
  });

  it('ends what a dead run left behind, and nothing that merely has its pid', async () => {
    const leftover = await idleProcess();
    const stranger = await idleProcess();
    try {
      const first = await StateDirectory.take(root, { fresh: false });
      first.update({
        children: [leftover.identity, { ...stranger.identity, startTime: 'another time' }],
      });
      first[Symbol.dispose]();
      using _second = await StateDirectory.take(root, { fresh: false });
      expect(isAlive(leftover.identity)).toBe(false);
      expect(isAlive(stranger.identity)).toBe(true);
      expect(readRecord(root).children).toEqual([]);
    } finally {
      leftover.child.kill('SIGKILL');
      stranger.child.kill('SIGKILL');
    }
  });

  it('lets nobody in while leftovers are being ended, and lets go when they cannot be', async () => {
    const first = await StateDirectory.take(root, { fresh: false });
    first[Symbol.dispose]();
    const [one, other] = await Promise.allSettled([
      StateDirectory.take(root, { fresh: false }),
      StateDirectory.take(root, { fresh: false }),
    ]);
    expect([one.status, other.status].toSorted()).toEqual(['fulfilled', 'rejected']);
    for (const taken of [one, other]) if (taken.status === 'fulfilled') taken.value[Symbol.dispose]();
  });
});
