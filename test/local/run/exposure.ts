import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @returns the addresses on which processes accept TCP connections, in the hexadecimal of the kernel: `0100007F` is
 *   127.0.0.1. https://docs.kernel.org/networking/proc_net_tcp.html
 */
export function listeningAddresses(pids: readonly number[]): string[] {
  const sockets = new Set(pids.flatMap(socketsOf));
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(join('/proc/net', table), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === LISTEN && sockets.has(inode ?? ''))
      .map(([, local = '']) => local.split(':')[0] ?? ''),
  );
}

const LISTEN = '0A';

/** Inodes of the sockets that a process has open; those that it closes meanwhile are none. */
function socketsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((descriptor) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(join(directory, descriptor)))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}

/** @returns what lies below a directory that somebody else could open, or where somebody else could look around */
export function openToOthers(directory: string): string[] {
  const below = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return below.filter((path) => !hiddenByParent(directory, path) && isOpen(join(directory, path)));
}

/** Nobody reaches what lies in a directory that they may not enter. */
function hiddenByParent(directory: string, path: string): boolean {
  const parents = path.split('/').slice(0, -1);
  return parents.some((_, index) => !isOpen(join(directory, ...parents.slice(0, index + 1))));
}

function isOpen(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0;
}
