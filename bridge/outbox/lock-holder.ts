import { readFileSync, statSync } from 'node:fs';

/**
 * Who holds a lock on the file, where the system tells: `/proc/locks` of Linux names process and inode
 * (https://man7.org/linux/man-pages/man5/proc_locks.5.html).
 */
export function lockHolder(file: string): number | undefined {
  try {
    const { ino } = statSync(file);
    const lines = readFileSync('/proc/locks', 'utf8').split('\n');
    // "1: POSIX  ADVISORY  WRITE 4242 fe:00:131 1073741825 1073741825"; with "->" after the number it only waits.
    const holding = lines.map((line) => line.split(/\s+/)).find((words) => words[5]?.endsWith(`:${ino}`));
    const pid = Number(holding?.[4]);
    // 0 or less is a process of another container.
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
