import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * A pid alone names a process only until it is reused: with the start time it names one for good.
 * Linux reads /proc (field 22 of stat, in ticks since boot: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)
 * and the boot id; elsewhere `ps` says when it started, to the second.
 * @returns an opaque text to compare, or `undefined` when there is no such process or nothing can tell
 */
export async function processStartTime(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return linuxStartTime(pid);
  if (process.platform === 'win32') return undefined;
  return portableStartTime(pid);
}

async function linuxStartTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in field 2 is in parentheses and may hold anything, spaces and parentheses included.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    const ticks = fields[19];
    // A zombie has ended: only its parent has not asked yet.
    if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    return `${boot}/${ticks}`;
  } catch {
    return undefined;
  }
}

/** `ps -o lstart=`: what every other Unix has. */
export async function portableStartTime(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], {
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    });
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}

export type Ended = 'ended' | 'not-there' | 'another-process' | 'still-there';

/**
 * Ends the process that was recorded, and no other: first politely, after `graceMs` by SIGKILL.
 * @param startTime what `processStartTime` said of it when it was recorded
 */
export async function endIfSame(
  pid: number,
  startTime: string,
  options: { readonly graceMs?: number } = {},
): Promise<Ended> {
  const { graceMs = 2000 } = options;
  const present = await processStartTime(pid);
  if (present === undefined) return 'not-there';
  if (present !== startTime) return 'another-process';
  for (const [signal, patienceMs] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 2000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return 'ended';
    }
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      if ((await processStartTime(pid)) !== startTime) return 'ended';
      await delay(20);
    }
  }
  return 'still-there';
}
