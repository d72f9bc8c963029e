import type { ContractResolver } from './contract-resolver.ts';

/** Few at a time: the details of a leg that is needed now must not queue behind those that may be needed one day. */
const IN_FLIGHT_MAX = 4;

/**
 * Resolves contracts ahead of need, so that the request of a leg that becomes active leaves at once. Each contract is
 * tried once per connection; a failure is no fault here, the leg itself will report it.
 *
 * Bound: the contracts of the open strategies, each once.
 */
export class Prefetch {
  readonly #contracts: ContractResolver;
  readonly #waiting = new Set<number>();
  readonly #tried = new Set<number>();
  #abort = new AbortController();
  #inFlight = 0;

  constructor(contracts: ContractResolver) {
    this.#contracts = contracts;
  }

  /** @param conIds every contract that may be needed, in the order of need: the earlier list is replaced */
  want(conIds: Iterable<number>): void {
    this.#waiting.clear();
    for (const conId of conIds) {
      if (!this.#tried.has(conId) && !this.#contracts.peek(conId)) this.#waiting.add(conId);
    }
    this.#pump();
  }

  /** The connection is gone: what was under way is dead, and may be tried again on the next. */
  reset(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#waiting.clear();
    this.#tried.clear();
  }

  #pump(): void {
    const { signal } = this.#abort;
    for (const conId of this.#waiting) {
      if (this.#inFlight >= IN_FLIGHT_MAX) return;
      this.#waiting.delete(conId);
      this.#tried.add(conId);
      this.#inFlight += 1;
      const settled = () => {
        this.#inFlight -= 1;
        this.#pump();
      };
      this.#contracts.resolve(conId, signal).then(settled, settled);
    }
  }
}
