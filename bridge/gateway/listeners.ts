import type { Log } from '../log.ts';

/** Tells each of its listeners; one that throws is a fault of ours, logged and counted, and the others still run. */
export class Listeners<Event> {
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #log: Log;
  #faults = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  get faults(): number {
    return this.#faults;
  }

  /** @returns unsubscribe */
  add(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tell(event: Event): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (cause) {
        this.#faults += 1;
        const stack = cause instanceof Error ? cause.stack : undefined;
        this.#log.error('gateway-listener-failed', { cause: String(cause), stack });
      }
    }
  }
}
