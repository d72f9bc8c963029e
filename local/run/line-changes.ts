import { activeContracts } from '../../shared/replica.ts';
import type { Strategy } from '../../shared/strategy.ts';

/** What a change of the registry makes of the lines, once the bridge has followed it. */
export interface LineChanges {
  /** conIds that nobody wanted before: a streaming reqMktData each. */
  readonly opened: ReadonlySet<number>;
  /** conIds that nobody wants any more: a cancelMktData each. */
  readonly freed: ReadonlySet<number>;
}

/**
 * @param next takes the place of the strategy of its id
 * @param watched conIds that the bridge streams for its watch class: they have a line already
 */
export function lineChanges(
  strategies: readonly Strategy[],
  next: Strategy,
  watched: ReadonlySet<number>,
): LineChanges {
  const before = new Set(activeContracts(strategies).keys());
  const others = strategies.filter((strategy) => strategy.id !== next.id);
  const after = new Set(activeContracts([...others, next]).keys());
  return { opened: after.difference(before).difference(watched), freed: before.difference(after) };
}

/** A request as the gateway's log has it, as far as it tells about lines. */
export interface LineRequest {
  readonly name: string;
  readonly conId?: number;
  readonly snapshot?: boolean;
  readonly refusedWith?: number;
  readonly monotonicMs: number;
}

/** Ticks off the requests that a change has to bring about, as they arrive on the gateway's socket. */
export class AwaitedRequests {
  readonly #opened: Set<number>;
  readonly #freed: Set<number>;
  #lastSeenMs: number | undefined;

  constructor(changes: LineChanges) {
    this.#opened = new Set(changes.opened);
    this.#freed = new Set(changes.freed);
  }

  get isComplete(): boolean {
    return this.#opened.size + this.#freed.size === 0;
  }

  /** When the last of those awaited arrived so far. */
  get lastSeenMs(): number | undefined {
    return this.#lastSeenMs;
  }

  /** @param watched lines that the watch class has kept: no cancel comes for them @returns how many were awaited */
  keep(watched: ReadonlySet<number>): number {
    const kept = this.#freed.intersection(watched);
    for (const conId of kept) this.#freed.delete(conId);
    return kept.size;
  }

  /** @returns true when this request was the last one awaited */
  see(request: LineRequest): boolean {
    if (this.isComplete || request.conId === undefined || request.refusedWith !== undefined) return false;
    const isSeen =
      (request.name === 'reqMktData' && request.snapshot !== true && this.#opened.delete(request.conId)) ||
      (request.name === 'cancelMktData' && this.#freed.delete(request.conId));
    if (isSeen) this.#lastSeenMs = request.monotonicMs;
    return this.isComplete;
  }
}
