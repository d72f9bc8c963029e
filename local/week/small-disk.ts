import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { LocalFault } from '../run/fault.ts';

/** What the bridge keeps its state on: writes to it can be made to fail, and to work again. */
export interface Disk extends Disposable {
  /** How, for a person. */
  readonly way: string;
  /** The bridge is expected to end of it, because it cannot tell it from a broken disk. */
  readonly isFatal: boolean;
  fill(): void;
  free(): void;
}

/** Says to the process that it is the one inside: set by `enterNamespace` alone. */
const INSIDE = 'WEEK_INSIDE_NAMESPACE';

/**
 * Goes on in a mount namespace of its own, so that a disk can be mounted that nobody else sees and that is gone with
 * the process, however it ends. Takes the place of this process: it returns only where this machine does not allow
 * it, and inside. https://man7.org/linux/man-pages/man1/unshare.1.html
 */
export function enterNamespace(main: string, args: readonly string[]): void {
  if (process.env[INSIDE] !== undefined || process.execve === undefined) return;
  const flags = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];
  const probe = spawnSync('unshare', [...flags, 'mount', '-t', 'tmpfs', 'none', '/mnt']);
  const unshare = pathOf('unshare');
  if (probe.status !== 0 || unshare === undefined) return;
  process.execve(unshare, ['unshare', ...flags, process.execPath, main, ...args], {
    ...process.env,
    [INSIDE]: '1',
  });
}

/**
 * @param options.pid of the bridge that runs now
 * @throws LocalFault on a machine that can do neither
 */
export function diskAt(
  path: string,
  options: {
    readonly keep: boolean;
    readonly logFile: string;
    readonly pid: () => number | undefined;
  },
): Disk {
  if (process.env[INSIDE] !== undefined) return new MountedDisk(path, options);
  if (pathOf('prlimit') !== undefined) return new LimitedFiles(path, options);
  throw new LocalFault('a week needs a disk to fill (unshare and mount, or prlimit): run it on Linux');
}

/** Room for an outbox that grows through an outage, and little enough to be filled at once. */
const SIZE_MB = 64;
const CHUNK_BYTES = 1024 * 1024;
const FILLER = 'filler';

/** A disk of a few megabytes in memory (tmpfs), mounted for the bridge's state alone. */
class MountedDisk implements Disk {
  readonly way = `a disk of ${SIZE_MB} MB, filled until ENOSPC`;
  readonly isFatal = false;
  readonly #path: string;
  readonly #keep: boolean;

  /** @param options.keep copies what is on it to the same path when it goes */
  constructor(path: string, options: { readonly keep: boolean }) {
    this.#path = path;
    this.#keep = options.keep;
    mkdirSync(path, { recursive: true, mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=0700`, 'slotwise-week', path]);
  }

  fill(): void {
    const file = openSync(join(this.#path, FILLER), 'w', 0o600);
    let chunk = Buffer.alloc(CHUNK_BYTES);
    try {
      // The last free page is found by halves.
      while (chunk.length > 0) {
        try {
          writeSync(file, chunk);
        } catch (cause) {
          if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
          chunk = chunk.subarray(0, Math.floor(chunk.length / 2));
        }
      }
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(join(this.#path, FILLER), { force: true });
  }

  [Symbol.dispose](): void {
    this.free();
    const kept = `${this.#path}.kept`;
    if (this.#keep) cpSync(this.#path, kept, { recursive: true });
    execFileSync('umount', ['--lazy', this.#path]);
    if (!this.#keep) return;
    rmSync(this.#path, { recursive: true });
    renameSync(kept, this.#path);
  }
}

/** What the bridge's log may still grow while nothing else may. */
const LOG_ROOM_BYTES = 256 * 1024;

/**
 * Where nothing can be mounted: the bridge's process may write no file beyond a size (EFBIG), which SQLite reports as
 * an I/O error and not as a full disk. https://man7.org/linux/man-pages/man1/prlimit.1.html
 */
class LimitedFiles implements Disk {
  readonly way = 'a limit on the size of files, because this machine mounts no disk';
  readonly isFatal = true;
  readonly #logFile: string;
  readonly #pid: () => number | undefined;

  constructor(path: string, options: { readonly logFile: string; readonly pid: () => number | undefined }) {
    this.#logFile = options.logFile;
    this.#pid = options.pid;
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }

  fill(): void {
    const logBytes = existsSync(this.#logFile) ? statSync(this.#logFile).size : 0;
    this.#limit(String(logBytes + LOG_ROOM_BYTES));
  }

  /** The bridge that had the limit may be gone, and the one after it never had it. */
  free(): void {
    this.#limit('unlimited');
  }

  [Symbol.dispose](): void {}

  #limit(bytes: string): void {
    const pid = this.#pid();
    if (pid !== undefined) spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  }
}

function pathOf(command: string): string | undefined {
  const found = spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : undefined;
}
