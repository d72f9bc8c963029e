import type { ContractDetails } from '../../gateway/events.ts';
import type { ContractResolver, SymbolResolver } from '../contract-resolver.ts';
import type { Poll } from './poll.ts';

export interface PollLookupsOptions {
  readonly contracts: SymbolResolver & ContractResolver;
  readonly onFound: (poll: Poll) => void;
  readonly onFailed: (poll: Poll, fault: string) => void;
}

/** Contract details on their way, of polls that are due. Bound: the polls that the lane has at work. */
export class PollLookups {
  readonly #options: PollLookupsOptions;
  readonly #controllers = new Map<Poll, AbortController>();

  constructor(options: PollLookupsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#controllers.size;
  }

  has(poll: Poll): boolean {
    return this.#controllers.has(poll);
  }

  /** @returns what is known without asking */
  peek({ conId }: Poll): ContractDetails | undefined {
    return conId === undefined ? undefined : this.#options.contracts.peek(conId);
  }

  start(poll: Poll): void {
    const { contracts, onFound, onFailed } = this.#options;
    const { wanted } = poll;
    const controller = new AbortController();
    const { signal } = controller;
    this.#controllers.set(poll, controller);
    const details =
      typeof wanted === 'number'
        ? contracts.resolve(wanted, signal)
        : contracts.resolveSymbol(wanted, signal);
    details.then(
      ({ contract }) => {
        if (signal.aborted) return;
        this.#controllers.delete(poll);
        poll.conId = contract.conId;
        onFound(poll);
      },
      (error: unknown) => {
        if (signal.aborted) return;
        this.#controllers.delete(poll);
        onFailed(poll, error instanceof Error ? error.message : String(error));
      },
    );
  }

  abort(poll: Poll): void {
    this.#controllers.get(poll)?.abort();
    this.#controllers.delete(poll);
  }

  abortAll(): void {
    for (const controller of this.#controllers.values()) controller.abort();
    this.#controllers.clear();
  }
}
