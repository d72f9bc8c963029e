import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The service manager that started the bridge, and wants to hear from it. */
export interface ServiceManager {
  /** A silence that lasts longer ends the process; absent: none does. */
  readonly watchdogMs?: number;
  /**
   * @param assignments such as `READY=1`, one line each
   * @throws Error when they were not delivered
   */
  tell(assignments: readonly string[]): Promise<void>;
}

/** Its own wait for the manager to have read the message is 5 s. */
const TELL_DEADLINE_MS = 10_000;

const run = promisify(execFile);

/**
 * Node has no sockets for datagrams on a path, and a native addon would be the bridge's only one, so systemd's own
 * program speaks for it: a process of a few milliseconds, a few times in a minute. The unit needs `NotifyAccess=all`.
 * https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
 * @param env the address is taken out of it: no other child of the bridge is to speak for it
 * @param pid of this process: the watchdog may be meant for another one
 * @returns undefined where nobody wants to hear
 */
export function serviceManagerOf(env: NodeJS.ProcessEnv, pid: number): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUs, WATCHDOG_PID: watched } = env;
  delete env.NOTIFY_SOCKET;
  if (!socket) return undefined;
  const watchdogMs = Number(watchdogUs ?? 0) / 1000;
  const isForUs = watched === undefined || Number(watched) === pid;
  return {
    ...(watchdogMs > 0 && isForUs && { watchdogMs }),
    tell: async (assignments) => {
      await run('systemd-notify', assignments.map(oneLine), {
        env: { ...env, NOTIFY_SOCKET: socket },
        timeout: TELL_DEADLINE_MS,
      });
    },
  };
}

/** What follows a line break would be an assignment of its own. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
