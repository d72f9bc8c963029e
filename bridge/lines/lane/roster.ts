import type { InstrumentName } from '../contract-resolver.ts';
import { newPoll, type Poll } from './poll.ts';
import type { PollClass } from './schedule.ts';

export interface RosterOptions {
  readonly instruments: readonly InstrumentName[];
  readonly onAdded: (poll: Poll) => void;
  /** Nobody wants it any more. */
  readonly onRemoved: (poll: Poll) => void;
}

/**
 * Who is polled, and what the last poll said of each.
 *
 * Bound: one per configured instrument, per leg of a degraded strategy and per position that is polled for its mark.
 */
export class Roster {
  readonly #options: RosterOptions;
  readonly #index: readonly Poll[];
  readonly #degraded = new Map<number, Poll>();
  readonly #mark = new Map<number, Poll>();

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#index = options.instruments.map((instrument) => newPoll('index', instrument));
    for (const poll of this.#index) options.onAdded(poll);
  }

  get index(): readonly Poll[] {
    return this.#index;
  }

  /** @returns every poll of the contract, the one that brings most first */
  pollsOf(conId: number): Poll[] {
    const polls = [this.#degraded.get(conId), this.instrument(conId), this.#mark.get(conId)];
    return polls.filter((poll) => poll !== undefined);
  }

  instrument(conId: number): Poll | undefined {
    return this.#index.find((poll) => poll.conId === conId);
  }

  polls(pollClass: PollClass): Iterable<Poll> {
    return pollClass === 'index' ? this.#index : this.#map(pollClass).values();
  }

  /** @returns true when exactly these legs are polled for degraded strategies */
  hasDegraded(conIds: ReadonlySet<number>): boolean {
    return this.#degraded.size === conIds.size && [...conIds].every((conId) => this.#degraded.has(conId));
  }

  /** Both lists as they are wanted now; what a contract's last poll said goes with it from one to the other. */
  want(wanted: { readonly degraded: ReadonlySet<number>; readonly mark: ReadonlySet<number> }): void {
    for (const pollClass of ['degraded', 'mark'] as const) {
      for (const conId of wanted[pollClass]) this.#add(pollClass, conId);
    }
    for (const pollClass of ['degraded', 'mark'] as const) {
      for (const [conId, poll] of this.#map(pollClass)) {
        if (wanted[pollClass].has(conId)) continue;
        this.#map(pollClass).delete(conId);
        this.#options.onRemoved(poll);
      }
    }
  }

  #add(pollClass: 'degraded' | 'mark', conId: number): void {
    if (this.#map(pollClass).has(conId)) return;
    const poll = newPoll(pollClass, conId, this.#map(pollClass === 'mark' ? 'degraded' : 'mark').get(conId));
    this.#map(pollClass).set(conId, poll);
    this.#options.onAdded(poll);
  }

  #map(pollClass: 'degraded' | 'mark'): Map<number, Poll> {
    return pollClass === 'degraded' ? this.#degraded : this.#mark;
  }
}
