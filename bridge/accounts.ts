import type { Gateway, GatewayEvent } from './gateway/events.ts';
import type { AccountsHeld } from './lines/explain.ts';
import type { AccountLeases } from './registry/lease.ts';

/** How long the first decision waits for the leases: streaming never depends on the cloud. */
const FIRST_ANSWER_MS = 2_000;

/**
 * Which of the gateway's accounts this bridge acts on. Nothing is held before the leases of a gateway's accounts were
 * asked for once, so that a second bridge does not take lines for a moment; what the cloud does not answer in time is
 * held. The accounts outlast a lost connection: their positions and strategies are still ours.
 */
export class AccountsOfBridge {
  readonly #gateway: Gateway;
  readonly #leases: AccountLeases;
  readonly #abort = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #unsubscribes: (() => void)[] = [];
  #announced: readonly string[] = [];
  #managed: readonly string[] = [];
  #held: AccountsHeld = { ours: new Set(), elsewhere: new Map() };

  constructor(options: { readonly gateway: Gateway; readonly leases: AccountLeases }) {
    this.#gateway = options.gateway;
    this.#leases = options.leases;
  }

  start(): void {
    this.#unsubscribes.push(
      this.#gateway.subscribe((event) => this.#onEvent(event)),
      this.#leases.onChange(() => this.#decide()),
    );
    this.#leases.start();
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribes.splice(0)) unsubscribe();
    this.#abort.abort();
    await this.#leases.stop();
  }

  /** All that the gateway lists, whoever holds them. */
  get managed(): readonly string[] {
    return this.#managed;
  }

  get held(): AccountsHeld {
    return this.#held;
  }

  /** @returns unsubscribe */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #onEvent(event: GatewayEvent): void {
    if (event.type !== 'ready') return;
    this.#announced = event.accounts;
    const isKnown = event.accounts.length === this.#managed.length && this.#isDecided(event.accounts);
    this.#leases.setAccounts(event.accounts);
    if (isKnown) return;
    const deadline = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(FIRST_ANSWER_MS)]);
    void this.#leases.refresh(deadline).then(() => {
      // A slow answer for an earlier connection does not undo a later one's.
      if (this.#abort.signal.aborted || this.#announced !== event.accounts) return;
      this.#managed = event.accounts;
      this.#decide();
    });
  }

  #isDecided(accounts: readonly string[]): boolean {
    return accounts.every((account) => this.#managed.includes(account));
  }

  #decide(): void {
    const elsewhere = this.#leases.elsewhere.filter(({ account }) => this.#managed.includes(account));
    this.#held = {
      ours: new Set(this.#leases.ours(this.#managed)),
      elsewhere: new Map(elsewhere.map(({ account, bridge }) => [account, bridge])),
    };
    for (const listener of this.#listeners) listener();
  }
}
