import { GATEWAY } from '../../../shared/limits.ts';
import { Rotation, type RotationStatus } from './rotation.ts';

/**
 * What the lane polls, in the order in which equals are served. index: configured instruments. degraded: legs of
 * ACTIVE strategies that the budget did not grant. mark: every other position.
 */
export const POLL_CLASSES = ['index', 'degraded', 'mark'] as const;
export type PollClass = (typeof POLL_CLASSES)[number];

/** Somebody waits for their quotes: what is due of them need not queue for the few lines of a small demand. */
const PROMPT: ReadonlySet<PollClass> = new Set(['index', 'degraded']);

/** Lines beyond what the demand takes on average: an answer that is late must not make the next ones late. */
const RESERVE = 1.1;

/**
 * Whose turn it is among all that is polled, and how many lines that needs. Earliest deadline first, where a deadline
 * is a period after the last turn, stretched by a factor that all classes share: whoever waits for the most of its
 * own periods is served first. While there are lines enough nobody is asked early; with too few the classes wait the
 * same number of periods each, so that all periods stretch in proportion and nobody starves. Pure.
 */
export class Schedule<K> {
  readonly #rotations: Readonly<Record<PollClass, Rotation<K>>>;

  constructor(periodsMs: Readonly<Record<PollClass, number>>) {
    this.#rotations = {
      index: new Rotation(periodsMs.index),
      degraded: new Rotation(periodsMs.degraded),
      mark: new Rotation(periodsMs.mark),
    };
  }

  add(pollClass: PollClass, key: K, nowMs: number): void {
    this.#rotations[pollClass].add(key, nowMs);
  }

  delete(pollClass: PollClass, key: K): void {
    this.#rotations[pollClass].delete(key);
  }

  asked(pollClass: PollClass, key: K, nowMs: number): void {
    this.#rotations[pollClass].asked(key, nowMs);
  }

  returned(pollClass: PollClass, key: K): void {
    this.#rotations[pollClass].returned(key);
  }

  restart(nowMs: number): void {
    for (const pollClass of POLL_CLASSES) this.#rotations[pollClass].restart(nowMs);
  }

  /** @returns of those who are due the one who has waited for the most periods */
  next(
    nowMs: number,
    isBusy: (key: K) => boolean,
  ): { readonly key: K; readonly pollClass: PollClass } | undefined {
    let next: { readonly key: K; readonly pollClass: PollClass; readonly late: number } | undefined;
    for (const pollClass of POLL_CLASSES) {
      const oldest = this.#rotations[pollClass].oldest(isBusy);
      if (oldest === undefined || oldest.dueMs > nowMs) continue;
      const late = (nowMs - oldest.dueMs) / this.#rotations[pollClass].periodMs;
      if (next === undefined || late > next.late) next = { key: oldest.key, pollClass, late };
    }
    return next;
  }

  /** @returns how long until somebody is due, 0 when somebody is; undefined when nobody waits */
  waitMs(nowMs: number, isBusy: (key: K) => boolean): number | undefined {
    const due = POLL_CLASSES.flatMap((pollClass) => this.#rotations[pollClass].oldest(isBusy)?.dueMs ?? []);
    return due.length === 0 ? undefined : Math.max(0, Math.min(...due) - nowMs);
  }

  /**
   * @param holdMs how long one poll of the class takes its line
   * @returns lines that the lane may use at once for the next poll to be one of this class: no more than it takes to
   *   keep the periods, were there any number
   */
  linesFor(next: PollClass, holdMs: Readonly<Record<PollClass, number>>): number {
    const demand = POLL_CLASSES.reduce((sum, pollClass) => {
      const { size, periodMs } = this.#rotations[pollClass];
      return sum + (size * holdMs[pollClass]) / periodMs;
    }, 0);
    return Math.max(Math.ceil(RESERVE * demand), PROMPT.has(next) ? GATEWAY.polledLines : 1);
  }

  periodMs(pollClass: PollClass): number {
    return this.#rotations[pollClass].periodMs;
  }

  status(pollClass: PollClass, nowMs: number): RotationStatus {
    return this.#rotations[pollClass].status(nowMs);
  }
}
