import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ProcessIdentity } from '../shared/local-run.ts';

/**
 * When a process started, as the operating system tells it: boot id and clock ticks since that boot on Linux (field 22 of
 * /proc/<pid>/stat, https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html), the date that ps prints elsewhere.
 * @returns text to be compared with another answer of the same machine; undefined when there is no such process
 */
export function startTimeOf(pid: number): string | undefined {
  if (process.platform === 'linux') return startTimeFromProc(pid);
  try {
    const printed = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    });
    return printed.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** True while the very process that was recorded runs, not merely one that has its pid. */
export function isAlive(recorded: ProcessIdentity): boolean {
  return startTimeOf(recorded.pid) === recorded.startTime;
}

/** The command's name is the second field, in parentheses, and may hold spaces and parentheses of its own. */
function startTimeFromProc(pid: number): string | undefined {
  let stat: string;
  let bootId: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTicks = fields[19];
  // A zombie has ended: only its parent has not looked yet.
  if (state === 'Z' || state === 'X' || startTicks === undefined) return undefined;
  return `${bootId}/${startTicks}`;
}
