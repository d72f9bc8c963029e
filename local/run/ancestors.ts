import { readFileSync } from 'node:fs';
import { startTimeOf } from '../../cli/process.ts';
import type { ProcessIdentity } from '../../shared/local-run.ts';

const WATCH_PERIOD_MS = 500;
const GENERATIONS_MAX = 6;

/**
 * Whose end is ours: the parent, and where npm started us the npm process itself, between which and us a shell may
 * stand that outlives it. A parent that is pid 1 is nobody's terminal.
 */
export function ancestorsToWatch(environment: NodeJS.ProcessEnv): ProcessIdentity[] {
  const pids = new Set([process.ppid]);
  if (environment.npm_lifecycle_event !== undefined) {
    let pid: number | undefined = process.ppid;
    for (let generation = 0; pid !== undefined && generation < GENERATIONS_MAX; generation += 1) {
      if (isNpm(pid)) pids.add(pid);
      pid = parentOf(pid);
    }
  }
  return [...pids]
    .filter((pid) => pid > 1)
    .flatMap((pid) => {
      const startTime = startTimeOf(pid);
      return startTime === undefined ? [] : [{ pid, startTime }];
    });
}

/** Calls `onEnd` once when one of them is gone. @returns stop watching */
export function watchProcesses(processes: readonly ProcessIdentity[], onEnd: () => void): () => void {
  const timer = setInterval(() => {
    if (processes.every(({ pid, startTime }) => startTimeOf(pid) === startTime)) return;
    clearInterval(timer);
    onEnd();
  }, WATCH_PERIOD_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** npm names its process after the command: "npm start", "npm exec slotwise". */
function isNpm(pid: number): boolean {
  return /^npm\b/.test(readProc(pid, 'cmdline') ?? '');
}

/** Field 4 of /proc/<pid>/stat; undefined where there is no /proc. */
function parentOf(pid: number): number | undefined {
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  return parent > 1 ? parent : undefined;
}

function readProc(pid: number, file: 'cmdline' | 'stat'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
