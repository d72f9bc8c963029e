import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessIdentity } from '../../shared/local-run.ts';
import { lastTrouble, readTail, sizeOf } from './bridge-log.ts';
import { type BridgeEnd, BridgeEnded, type BridgeProcess } from './bridge-process.ts';
import { LocalFault } from './fault.ts';

const LISTEN_DEADLINE_MS = 30_000;

/** A bridge that cannot start because of its settings cannot start a second time either. */
const EXIT_USAGE = 2;

/** Restarts within one run: more is no accident, and each of them takes the lines down. */
export const RESTARTS_MAX = 5;
const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MAX_MS = 16_000;

export interface BridgePresence {
  readonly identity: ProcessIdentity | undefined;
  readonly statusUrl: string | undefined;
}

/**
 * Keeps one bridge running: a bridge that dies is said so, with what its log says last, and started again after a
 * pause that doubles. What it had accepted waits in its outbox.
 */
export class BridgeSupervisor {
  readonly #spawn: () => BridgeProcess;
  readonly #logFile: string;
  readonly #say: (news: string) => void;
  readonly #onPresence: (presence: BridgePresence) => void;
  readonly #backoffFirstMs: number;
  readonly #stopping = new AbortController();
  readonly #gaveUp = Promise.withResolvers<string>();
  #process: BridgeProcess | undefined;
  #watching: Promise<void> = Promise.resolve();
  #restarts = 0;
  /** Where the log of the present bridge begins. */
  #logFrom = 0;

  constructor(options: {
    readonly spawn: () => BridgeProcess;
    readonly logFile: string;
    readonly say: (news: string) => void;
    /** Called with every change: what to write down of the bridge. */
    readonly onPresence: (presence: BridgePresence) => void;
    readonly backoffFirstMs?: number;
  }) {
    this.#spawn = options.spawn;
    this.#logFile = options.logFile;
    this.#say = options.say;
    this.#onPresence = options.onPresence;
    this.#backoffFirstMs = options.backoffFirstMs ?? BACKOFF_FIRST_MS;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Resolves with the reason once the bridge will not be started again; never while it runs. */
  get gaveUp(): Promise<string> {
    return this.#gaveUp.promise;
  }

  /**
   * @returns once the first bridge listens
   * @throws LocalFault with what its log says when it does not get that far, and the signal's reason
   */
  async start(signal: AbortSignal): Promise<void> {
    const first = this.#launch();
    try {
      await listening(first, signal);
    } catch (cause) {
      const reason = cause instanceof BridgeEnded ? '' : `${(cause as Error).message}; `;
      first.kill();
      const end = await first.ended;
      this.#onPresence({ identity: undefined, statusUrl: undefined });
      signal.throwIfAborted();
      throw new LocalFault(`the bridge does not start: ${reason}${this.#trouble(end)}`, { cause });
    }
    this.#watching = this.#watch(first);
  }

  /**
   * Asks the bridge to flush its outbox and end, and kills it after the deadline.
   * @returns how it ended; undefined when none was running
   */
  async stop(deadlineMs: number): Promise<BridgeEnd | undefined> {
    this.#stopping.abort();
    const running = this.#process;
    running?.requestStop();
    const timer = setTimeout(() => running?.kill(), deadlineMs);
    const end = await running?.ended;
    clearTimeout(timer);
    await this.#watching;
    return end;
  }

  /** At once, whatever it is doing: nothing that it accepted is lost by that. */
  kill(): void {
    this.#stopping.abort();
    this.#process?.kill();
  }

  async #watch(first: BridgeProcess): Promise<void> {
    let bridge = first;
    while (true) {
      const end = await bridge.ended;
      this.#process = undefined;
      this.#onPresence({ identity: undefined, statusUrl: undefined });
      if (this.#stopping.signal.aborted) return;
      const death = `the bridge ended: ${this.#trouble(end)}`;
      if (end.code === EXIT_USAGE || this.#restarts >= RESTARTS_MAX) {
        this.#gaveUp.resolve(`${death}; it is not started again`);
        return;
      }
      const pauseMs = Math.min(BACKOFF_MAX_MS, this.#backoffFirstMs * 2 ** this.#restarts);
      this.#restarts += 1;
      this.#say(`${death}; started again in ${pauseMs} ms (${this.#restarts} of ${RESTARTS_MAX})`);
      try {
        await delay(pauseMs, undefined, { signal: this.#stopping.signal });
      } catch {
        return;
      }
      bridge = this.#launch();
      // One that hangs before it listens counts as one that died.
      listening(bridge, this.#stopping.signal).catch(() => bridge.kill());
    }
  }

  #launch(): BridgeProcess {
    this.#logFrom = sizeOf(this.#logFile);
    const bridge = this.#spawn();
    this.#process = bridge;
    this.#onPresence({ identity: bridge.identity, statusUrl: undefined });
    bridge.listening.then(
      (statusUrl) => this.#onPresence({ identity: bridge.identity, statusUrl }),
      () => undefined,
    );
    return bridge;
  }

  /** Killed from outside it had no time to say why. */
  #trouble(end: BridgeEnd): string {
    const said = end.signal === 'SIGKILL' ? undefined : lastTrouble(readTail(this.#logFile, this.#logFrom));
    const reason = said === undefined ? '' : `, ${said}`;
    return `${endText(end)}${reason}; its log is ${this.#logFile}`;
  }
}

async function listening(bridge: BridgeProcess, signal: AbortSignal): Promise<void> {
  const late = Promise.withResolvers<never>();
  const deadline = setTimeout(
    () => late.reject(new Error(`it does not listen within ${LISTEN_DEADLINE_MS / 1000} s`)),
    LISTEN_DEADLINE_MS,
  );
  const abort = () => late.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([bridge.listening, late.promise]);
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', abort);
  }
}

function endText({ code, signal }: BridgeEnd): string {
  return signal === null ? `exit code ${code}` : signal;
}
