import { Deadline } from './deadline.ts';

/**
 * Asks the gateway for its time and wants the answer by a deadline: a socket that stays open proves nothing. The
 * first beat goes out at once; each answer schedules the next.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #deadline = new Deadline();
  #next: NodeJS.Timeout | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.stop();
    this.#beat();
  }

  stop(): void {
    clearTimeout(this.#next);
    this.#deadline.clear();
  }

  answered(): void {
    this.stop();
    this.#next = setTimeout(() => this.#beat(), this.#options.periodMs);
  }

  #beat(): void {
    const { ask, missed, deadlineMs } = this.#options;
    ask(() => this.#deadline.start(deadlineMs, missed));
  }
}

interface HeartbeatOptions {
  readonly periodMs: number;
  /** From the sending, not from the queueing. */
  readonly deadlineMs: number;
  /** Calls `sent` once the request is on its way. */
  readonly ask: (sent: () => void) => void;
  readonly missed: () => void;
}
