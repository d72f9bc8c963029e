import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { startTimeOf } from '../../cli/process.ts';
import type { ProcessIdentity } from '../../shared/local-run.ts';

const MAIN = fileURLToPath(new URL('../../bridge/main.ts', import.meta.url));

const listeningSchema = z.object({ type: z.literal('listening'), statusUrl: z.url() });

/** How a bridge ended: its exit code, or the signal that ended it. */
export interface BridgeEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The process was gone before it listened. */
export class BridgeEnded extends Error {
  override readonly name = 'BridgeEnded';
}

/**
 * One bridge as a child process. It has a process group of its own, so that Ctrl-C reaches the runner alone and the
 * parts end in order; it follows the runner into death by its IPC channel, which closes with us, kill -9 included.
 */
export class BridgeProcess {
  readonly #child: ChildProcess;
  /** Base URL of the status server. Rejects when the bridge ends before it listens. */
  readonly listening: Promise<string>;
  /** Settles when the process is gone; never rejects. */
  readonly ended: Promise<BridgeEnd>;
  readonly identity: ProcessIdentity | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.identity = identityOf(child);
    const listening = Promise.withResolvers<string>();
    const ended = Promise.withResolvers<BridgeEnd>();
    this.listening = listening.promise;
    this.ended = ended.promise;
    this.listening.catch(() => {});
    child.on('message', (message) => {
      const parsed = listeningSchema.safeParse(message);
      if (parsed.success) listening.resolve(parsed.data.statusUrl);
    });
    child.on('error', (error) => listening.reject(error));
    child.once('exit', (code, signal) => {
      listening.reject(new BridgeEnded('it ended before it was ready'));
      ended.resolve({ code, signal });
    });
    // Node could not even start it: there is no exit to come.
    if (child.pid === undefined) ended.resolve({ code: null, signal: null });
  }

  /** @param options.logFile standard output and standard error go to its end */
  static spawn(options: {
    readonly environment: NodeJS.ProcessEnv;
    readonly logFile: string;
    readonly main?: string;
  }): BridgeProcess {
    const log = openSync(options.logFile, 'a', 0o600);
    try {
      return new BridgeProcess(
        spawn(process.execPath, [options.main ?? MAIN], {
          env: options.environment,
          detached: true,
          stdio: ['ignore', log, log, 'ipc'],
        }),
      );
    } finally {
      closeSync(log);
    }
  }

  /** Asks for an orderly end. A bridge that is gone already does not mind. */
  requestStop(): void {
    if (this.#child.connected) this.#child.send({ type: 'stop' }, () => {});
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

function identityOf(child: ChildProcess): ProcessIdentity | undefined {
  if (child.pid === undefined) return undefined;
  const startTime = startTimeOf(child.pid);
  return startTime === undefined ? undefined : { pid: child.pid, startTime };
}
