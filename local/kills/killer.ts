import { sleep } from '../../bridge/wait.ts';
import type { Kill } from './plan.ts';

const LOOK_PERIOD_MS = 20;

/**
 * Kills by plan, one after the other.
 * @param options.done what the plan counts: it may be asked often
 * @param options.kill false where there was nobody to kill: it is tried again
 * @returns once all are done, or the signal aborts
 */
export async function killByPlan(options: {
  readonly kills: readonly Kill[];
  readonly done: () => number;
  readonly kill: () => boolean | Promise<boolean>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { kills, done, kill, signal } = options;
  for (const { after, delayMs } of kills) {
    while (!signal.aborted && done() < after) await sleep(LOOK_PERIOD_MS, signal);
    await sleep(delayMs, signal);
    while (!signal.aborted && !(await kill())) await sleep(LOOK_PERIOD_MS, signal);
  }
}
