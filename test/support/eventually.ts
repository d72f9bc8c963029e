import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits for a state that another process or thread brings about, where no event announces it. Polls every 10 ms.
 * @param check returns the value once it is there; `undefined`, `false` or an exception mean not yet
 * @throws Error after the deadline, with the last exception as its cause
 */
export async function eventually<T>(
  check: () => T | undefined | false | Promise<T | undefined | false>,
  options: { readonly deadlineMs?: number; readonly what?: string } = {},
): Promise<T> {
  const { deadlineMs = 10_000, what = check.toString() } = options;
  const deadline = performance.now() + deadlineMs;
  let cause: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
      cause = undefined;
    } catch (caught) {
      cause = caught;
    }
    await delay(10);
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause });
}
