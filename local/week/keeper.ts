import { sleep } from '../../bridge/wait.ts';
import type { BridgeStatus } from '../../shared/status.ts';
import type { BridgeEnd, BridgeProcess } from '../run/bridge-process.ts';
import type { BridgePresence } from '../run/bridge-supervisor.ts';
import { fetchStatus } from '../run/bridge-watch.ts';

/** Far above what a week does to it: a bridge that cannot live is not started for ever. */
const STARTS_MAX = 200;

export interface Life {
  readonly startedMs: number;
  readonly pid: number | undefined;
  /** Of its outbox; undefined where it ended before anybody could ask. */
  epoch?: string;
  endedMs?: number;
  end?: BridgeEnd;
  /** It was us. */
  isKilled?: boolean;
  /** It may end by itself with exit code 1: what was done to it leaves it no choice. */
  mayFail?: boolean;
}

/**
 * Keeps a bridge running as systemd does with `Restart=always`: one that ends, for whatever reason, is started again
 * after a short wait.
 */
export class Keeper {
  readonly #spawn: () => BridgeProcess;
  readonly #restartMs: number;
  readonly #onPresence: (presence: BridgePresence) => void;
  readonly #stopping = new AbortController();
  readonly #lives: Life[] = [];
  #process: BridgeProcess | undefined;
  #statusUrl: string | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly spawn: () => BridgeProcess;
    readonly restartMs: number;
    readonly onPresence: (presence: BridgePresence) => void;
  }) {
    this.#spawn = options.spawn;
    this.#restartMs = options.restartMs;
    this.#onPresence = options.onPresence;
  }

  /** Every process there was, the oldest first. */
  get lives(): readonly Life[] {
    return this.#lives;
  }

  get isAlive(): boolean {
    return this.#process !== undefined;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** @returns undefined while it does not answer */
  async status(): Promise<BridgeStatus | undefined> {
    const url = this.#statusUrl;
    const status = url === undefined ? undefined : await fetchStatus(url);
    const life = this.#lives.at(-1);
    if (status !== undefined && life?.pid === status.pid) life.epoch = status.outbox.epoch;
    return status;
  }

  /** The bridge that runs now may end by itself, up to the next one. */
  excuse(): void {
    const life = this.#process === undefined ? undefined : this.#lives.at(-1);
    if (life !== undefined) life.mayFail = true;
  }

  /** kill -9, and at once. @returns the life that it ended, undefined where there was none */
  kill(): Life | undefined {
    const life = this.#process === undefined ? undefined : this.#lives.at(-1);
    if (life !== undefined) life.isKilled = true;
    this.#process?.kill();
    return life;
  }

  /** In order; killed after the deadline. @returns how it ended, undefined where none ran */
  async stop(deadlineMs: number): Promise<BridgeEnd | undefined> {
    this.#stopping.abort();
    const running = this.#process;
    running?.requestStop();
    const timer = setTimeout(() => running?.kill(), deadlineMs);
    const end = await running?.ended;
    clearTimeout(timer);
    await this.#running;
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#process?.kill();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && this.#lives.length < STARTS_MAX) {
      const bridge = this.#spawn();
      const life: Life = { startedMs: Date.now(), pid: bridge.identity?.pid };
      this.#lives.push(life);
      this.#process = bridge;
      this.#onPresence({ identity: bridge.identity, statusUrl: undefined });
      bridge.listening.then(
        (statusUrl) => {
          this.#statusUrl = statusUrl;
          this.#onPresence({ identity: bridge.identity, statusUrl });
        },
        () => undefined,
      );
      life.end = await bridge.ended;
      life.endedMs = Date.now();
      this.#process = undefined;
      this.#statusUrl = undefined;
      this.#onPresence({ identity: undefined, statusUrl: undefined });
      await sleep(this.#restartMs, signal);
    }
  }
}
