import { setTimeout as delay } from 'node:timers/promises';

/**
 * Sleeps, and wakes early without an error when the signal aborts: loops look at their signal anyway.
 * @returns false when the signal woke it
 */
export async function sleep(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Doubling with full jitter over the upper half, so that what failed together does not return together.
 * @param attempt 1 after the first failure
 * @param random uniform in [0, 1)
 */
export function backoffMs(attempt: number, { firstMs, maxMs }: Backoff, random: () => number): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return ceiling / 2 + (ceiling / 2) * random();
}

/** A signal that also aborts after `ms`: the deadline of one call inside a longer life. */
export function withDeadline(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

/** A wake-up that is not lost when nobody waits: the next wait returns at once. One waiter. */
export class Bell {
  #isRung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Until it rings, `ms` have passed or the signal aborts; without `ms` as long as it takes. */
  async wait(signal: AbortSignal, ms?: number): Promise<void> {
    if (!this.#isRung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(done, Math.max(0, ms));
        signal.addEventListener('abort', done);
        this.#wake = done;
        function done() {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        }
      });
      this.#wake = undefined;
    }
    this.#isRung = false;
  }
}
