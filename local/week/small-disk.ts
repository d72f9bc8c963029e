import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, cpSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LocalFault } from '../run/fault.ts';

/** Room for an outbox that grows through an outage, and little enough to be filled at once. */
const SIZE_MB = 64;
const CHUNK_BYTES = 1024 * 1024;
const FILLER = 'filler';

/** Says to the process that it is the one inside: set by `enterNamespace` alone. */
const INSIDE = 'WEEK_INSIDE_NAMESPACE';

/**
 * Goes on in a mount namespace of its own, so that a disk can be mounted that nobody else sees and that is gone with
 * the process, however it ends. Takes the place of this process: it does not return when it succeeds.
 * https://man7.org/linux/man-pages/man1/unshare.1.html
 * @throws LocalFault where this machine does not allow it
 */
export function enterNamespace(main: string, args: readonly string[]): void {
  if (process.env[INSIDE] !== undefined) return;
  const flags = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];
  const probe = spawnSync('unshare', [...flags, 'mount', '-t', 'tmpfs', 'none', '/mnt'], {
    encoding: 'utf8',
  });
  if (probe.status !== 0 || process.execve === undefined) {
    const why = probe.error?.message ?? probe.stderr.trim();
    throw new LocalFault(
      `a week needs a disk of its own to fill, and this machine mounts none (unshare ${flags.join(' ')}: ${why}): ` +
        'run it on Linux, as root or with user namespaces allowed',
    );
  }
  const unshare = execFileSync('sh', ['-c', 'command -v unshare'], { encoding: 'utf8' }).trim();
  process.execve(unshare, ['unshare', ...flags, process.execPath, main, ...args], {
    ...process.env,
    [INSIDE]: '1',
  });
}

/** A disk of a few megabytes in memory (tmpfs), mounted for the bridge's state alone. */
export class SmallDisk implements Disposable {
  readonly path: string;
  readonly #keep: boolean;

  /** @param options.keep copies what is on it to the same path when it goes */
  constructor(path: string, options: { readonly keep: boolean }) {
    this.path = path;
    this.#keep = options.keep;
    mkdirSync(path, { recursive: true, mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=0700`, 'slotwise-week', path]);
  }

  /** Until the operating system says ENOSPC. @returns bytes that were free */
  fill(): number {
    const file = openSync(join(this.path, FILLER), 'w', 0o600);
    let chunk = Buffer.alloc(CHUNK_BYTES);
    let written = 0;
    try {
      // The last free page is found by halves.
      while (chunk.length > 0) {
        try {
          written += writeSync(file, chunk);
        } catch (cause) {
          if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
          chunk = chunk.subarray(0, Math.floor(chunk.length / 2));
        }
      }
    } finally {
      closeSync(file);
    }
    return written;
  }

  free(): void {
    rmSync(join(this.path, FILLER), { force: true });
  }

  [Symbol.dispose](): void {
    this.free();
    const kept = `${this.path}.kept`;
    if (this.#keep) cpSync(this.path, kept, { recursive: true });
    execFileSync('umount', ['--lazy', this.path]);
    if (!this.#keep) return;
    rmSync(this.path, { recursive: true });
    renameSync(kept, this.path);
  }
}
