import { ancestorsToWatch, watchProcesses } from './ancestors.ts';

/**
 * npm passes on the signal that the terminal has sent to us already, so one Ctrl-C may arrive twice: what follows
 * within this time is the same one (https://github.com/npm/run-script, lib/signal-manager.js).
 */
const SAME_SIGNAL_MS = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Aborts when the run has been asked to end; the reason is a sentence. */
export class Ending implements Disposable {
  readonly #controller = new AbortController();
  readonly #onSecond: () => void;
  readonly #now: () => number;
  readonly #unwatch: () => void;
  readonly #handle = () => this.#onSignal();
  #firstAt: number | undefined;

  /** @param options.onSecond asked to end a second time: at once, that is */
  constructor(options: {
    readonly onSecond: () => void;
    readonly environment?: NodeJS.ProcessEnv;
    readonly now?: () => number;
  }) {
    this.#onSecond = options.onSecond;
    this.#now = options.now ?? (() => performance.now());
    for (const name of SIGNALS) process.on(name, this.#handle);
    this.#unwatch = watchProcesses(ancestorsToWatch(options.environment ?? process.env), () =>
      this.#controller.abort(new Error('the process that started this one is gone')),
    );
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#unwatch();
    for (const name of SIGNALS) process.off(name, this.#handle);
  }

  #onSignal(): void {
    const now = this.#now();
    if (this.#firstAt === undefined) {
      this.#firstAt = now;
      this.#controller.abort(new Error('asked to end'));
    } else if (now - this.#firstAt > SAME_SIGNAL_MS) {
      this.#onSecond();
    }
  }
}
