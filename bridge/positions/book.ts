import { maskAccount } from '../../shared/account.ts';
import type { Replica } from '../../shared/replica.ts';
import type { Quote } from '../lines/quote.ts';
import type { Log } from '../log.ts';
import type { Outbox } from '../outbox/draft.ts';
import {
  type Diff,
  type DiffOptions,
  diffPush,
  diffSweep,
  type HeldPosition,
  keyOf,
  type PositionChange,
  type PositionState,
  restoreState,
} from './differ.ts';
import { type AccountDoubt, doubtsOf } from './doubts.ts';
import { draftChanges } from './drafts.ts';
import type { SweepEvent } from './sweep.ts';
import type { Witness } from './witness.ts';

export interface PositionBookOptions {
  readonly outbox: Pick<Outbox, 'committed' | 'commitPositions'>;
  readonly log: Log;
  readonly replica: () => Replica;
  /** Accounts that this bridge holds and the gateway lists. */
  readonly accounts: () => ReadonlySet<string>;
  readonly quoteOf: (conId: number) => Quote | undefined;
  readonly diff: Omit<DiffOptions, 'accounts' | 'testimonies'>;
  readonly witness: Pick<Witness, 'ask' | 'testimonies'>;
  /** After the commit: what changed is on disk. */
  readonly onChange?: (changes: readonly PositionChange[]) => void;
}

export interface BookStatus {
  readonly positions: number;
  /** From positionEnd to synced in the outbox. */
  readonly lastCommitMs?: number;
  readonly lastKeyframeAt?: string;
  /** Missing from the list, and not closed. */
  readonly doubts: readonly AccountDoubt[];
  readonly lastFault?: string;
}

type Work = Exclude<SweepEvent, { type: 'failed' }>;

/**
 * The positions as last observed, and their way to disk: each sweep and push is compared with the committed state and
 * committed with its snapshots in one transaction, one after the other. A commit that fails changes nothing; the next
 * sweep shows the same difference again.
 *
 * Bound: while a commit is under way at most one sweep waits, replaced by a newer one, and per contract one push
 * before and one after it.
 */
export class PositionBook {
  readonly #options: PositionBookOptions;
  #state: PositionState = { positions: new Map(), guards: new Map(), doubts: new Map() };
  /** Ahead of the committed state while a commit is under way, so that nobody records what has just closed. */
  #observed = new Map<number, readonly HeldPosition[]>();
  #sweep: { event: Extract<Work, { type: 'sweep' }>; receivedTick: number } | undefined;
  #pushesBefore = new Map<string, Work>();
  #pushesAfter = new Map<string, Work>();
  #working: Promise<void> | undefined;
  #lastCommitMs: number | undefined;
  #lastFault: string | undefined;
  /** By account; what was logged last. */
  #doubts: ReadonlyMap<string, AccountDoubt> = new Map();

  constructor(options: PositionBookOptions) {
    this.#options = options;
  }

  /** Loads the last committed state, so that what vanished while the bridge was down is seen as closed too. */
  async start(): Promise<void> {
    this.#state = restoreState(await this.#options.outbox.committed());
    this.#observe(this.#state);
  }

  /** Waits for the commit under way; what waits behind it is seen again by the next run's first sweep. */
  async stop(): Promise<void> {
    this.#sweep = undefined;
    this.#pushesBefore.clear();
    this.#pushesAfter.clear();
    await this.#working;
  }

  accept(event: SweepEvent): void {
    if (event.type === 'failed') return;
    if (event.type === 'sweep') {
      for (const [key, push] of this.#pushesAfter) this.#pushesBefore.set(key, push);
      this.#pushesAfter.clear();
      this.#sweep = { event, receivedTick: performance.now() };
    } else {
      const key = keyOf(event.row);
      (this.#sweep ? this.#pushesAfter : this.#pushesBefore).set(key, event);
    }
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Every account's position in the contract, of the accounts that this bridge holds. */
  positionsOf(conId: number): readonly HeldPosition[] {
    const accounts = this.#options.accounts();
    return (this.#observed.get(conId) ?? []).filter((position) => accounts.has(position.account));
  }

  /** As they are committed, of the accounts that this bridge holds. */
  positions(): HeldPosition[] {
    const accounts = this.#options.accounts();
    return [...this.#state.positions.values()].filter((position) => accounts.has(position.account));
  }

  status(): BookStatus {
    const { lastKeyframeAt } = this.#state;
    return {
      positions: this.positions().length,
      ...(this.#lastCommitMs === undefined ? {} : { lastCommitMs: this.#lastCommitMs }),
      ...(lastKeyframeAt === undefined ? {} : { lastKeyframeAt }),
      doubts: [...this.#doubts.values()],
      ...(this.#lastFault === undefined ? {} : { lastFault: this.#lastFault }),
    };
  }

  async #work(): Promise<void> {
    for (let work = this.#take(); work !== undefined; work = this.#take()) {
      const { diff: limits, accounts, witness } = this.#options;
      const options = { ...limits, accounts: accounts(), testimonies: witness.testimonies };
      const diff =
        work.event.type === 'sweep'
          ? diffSweep(this.#state, work.event, options)
          : diffPush(this.#state, work.event.row, options);
      await this.#commit(diff, work.receivedTick);
    }
  }

  #take(): { event: Work; receivedTick?: number } | undefined {
    const [before] = this.#pushesBefore;
    if (before) {
      this.#pushesBefore.delete(before[0]);
      return { event: before[1] };
    }
    const sweep = this.#sweep;
    this.#sweep = undefined;
    [this.#pushesBefore, this.#pushesAfter] = [this.#pushesAfter, this.#pushesBefore];
    return sweep ?? (this.#pushesBefore.size > 0 ? this.#take() : undefined);
  }

  async #commit(diff: Diff, receivedTick: number | undefined): Promise<void> {
    const { commit, changes, next } = diff;
    const isEmpty = commit.upserts.length + commit.removals.length === 0 && commit.sweep === undefined;
    if (isEmpty) return;
    const { outbox, log, quoteOf, replica } = this.#options;
    this.#observe(next);
    try {
      await outbox.commitPositions(commit, draftChanges(changes, { quoteOf, replica: replica() }));
    } catch (cause) {
      this.#observe(this.#state);
      const fault = `positions were not written: ${(cause as Error).message}`;
      if (fault !== this.#lastFault) log.error('positions-commit-failed', { fault, changes: changes.length });
      this.#lastFault = fault;
      return;
    }
    this.#state = next;
    this.#lastFault = undefined;
    if (receivedTick !== undefined) {
      this.#lastCommitMs = performance.now() - receivedTick;
      this.#reviewDoubts();
    }
    if (changes.length > 0) this.#options.onChange?.(changes);
  }

  /** After each sweep: says what changed, and asks on. */
  #reviewDoubts(): void {
    const { log, witness } = this.#options;
    const accounts = this.#options.accounts();
    const doubts = new Map(
      doubtsOf(this.#state)
        .filter(({ account }) => accounts.has(account))
        .map((doubt) => [doubt.account, doubt]),
    );
    for (const [account, { positions, cause }] of doubts) {
      if (this.#doubts.get(account)?.cause === cause) continue;
      log.warn('positions-doubted', { account: maskAccount(account), positions, cause });
    }
    for (const account of this.#doubts.keys()) {
      if (!doubts.has(account)) log.info('positions-doubt-over', { account: maskAccount(account) });
    }
    this.#doubts = doubts;
    const inDoubt = [...this.#state.doubts.keys()].flatMap(
      (key) => this.#state.positions.get(key)?.account ?? [],
    );
    witness.ask(accounts.intersection(new Set(inDoubt)));
  }

  #observe(state: PositionState): void {
    this.#observed = Map.groupBy(state.positions.values(), (position) => position.contract.conId);
  }
}
