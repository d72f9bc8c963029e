import { setTimeout as delay } from 'node:timers/promises';

/** Doubles from `firstMs` up to `maxMs`. @param failures in a row, from 1 */
export function backoffMs(
  failures: number,
  bounds: { readonly firstMs: number; readonly maxMs: number },
): number {
  return Math.min(bounds.maxMs, bounds.firstMs * 2 ** Math.min(failures - 1, 30));
}

/** @returns false when the signal ended the pause */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
