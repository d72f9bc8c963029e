import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A file system of its own, small enough to be filled. */
export interface SmallDisk {
  readonly directory: string;
  /** Leaves no room for a single byte. */
  fill(): void;
  free(): void;
}

function mount(directory: string, bytes: number): boolean {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory]);
  return status === 0;
}

function unmount(directory: string): void {
  spawnSync('umount', ['--lazy', directory]);
  rmSync(directory, { recursive: true, force: true });
}

/** Only who may mount file systems can fill one: root on Linux. Elsewhere such tests are skipped. */
export const CAN_MOUNT = (() => {
  const directory = mkdtempSync(join(tmpdir(), 'slotwise-disk-'));
  const isMounted = mount(directory, 1 << 20);
  unmount(directory);
  return isMounted;
})();

/** @returns a disk that is gone when the test is over */
export function smallDisk(bytes: number): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), 'slotwise-disk-'));
  onTestFinished(() => unmount(directory));
  if (!mount(directory, bytes)) throw new Error('it cannot be mounted');
  const filler = join(directory, 'filler');
  return {
    directory,
    fill: () => {
      const file = openSync(filler, 'a');
      const page = Buffer.alloc(4096);
      try {
        for (;;) writeSync(file, page);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler),
  };
}
