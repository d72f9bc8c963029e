import { pause } from './backoff.ts';
import type { CloudLog } from './cloud-types.ts';
import { nextDueMs } from './cron.ts';
import type { SchedulePlan } from './plan.ts';
import type { FunctionPool, Invocation } from './workers.ts';

/**
 * A rule of EventBridge that fires by the clock. One that fails is not repeated, as Lambda would do twice: the next
 * one comes anyway, and what was missed while nothing ran is made up for by it.
 */
export class ScheduleTrigger {
  readonly plan: SchedulePlan;
  readonly #pool: FunctionPool;
  readonly #log: CloudLog;
  readonly #stopping = new AbortController();
  /** As many as fire before the one before has ended. */
  readonly #inWork = new Set<Promise<Invocation>>();
  #waiting: Promise<void> = Promise.resolve();

  constructor(plan: SchedulePlan, options: { readonly pool: FunctionPool; readonly log: CloudLog }) {
    this.plan = plan;
    this.#pool = options.pool;
    this.#log = options.log;
  }

  start(): void {
    this.#waiting = this.#wait();
  }

  /** Fires now, whatever the clock says. */
  async fire(): Promise<Invocation> {
    const work = this.#pool.invoke(this.plan.input);
    this.#inWork.add(work);
    const outcome = await work;
    this.#inWork.delete(work);
    if (!outcome.ok) this.#log.warn('schedule-failed', { schedule: this.plan.name, fault: outcome.fault });
    return outcome;
  }

  /** Fires no more from now on; resolves when what it began is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#waiting;
    await Promise.all(this.#inWork);
  }

  async #wait(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const now = Date.now();
      if (await pause(nextDueMs(this.plan.cron, now) - now, signal)) void this.fire();
    }
  }
}
