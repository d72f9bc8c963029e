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
import { diffMending, type Mending } from './mend.ts';
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
  /** After the commit of a complete sweep. */
  readonly onSweep?: (sweep: { readonly keyframe: boolean }) => void;
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

interface MendingWork {
  readonly type: 'mending';
  readonly mending: Mending;
  readonly done: (isWritten: boolean) => void;
}

/**
 * The positions as last observed, and their way to disk: each sweep and push is compared with the committed state and
 * committed with its snapshots in one transaction, one after the other. A commit that fails changes nothing; the next
 * sweep shows the same difference again.
 *
 * Bound: while a commit is under way at most one sweep waits, replaced by a newer one, and per contract one push
 * before and one after it, and one mending of the table.
 */
export class PositionBook {
  readonly #options: PositionBookOptions;
  #state: PositionState = { positions: new Map(), lists: new Map(), guards: new Map(), doubts: new Map() };
  /** Ahead of the committed state while a commit is under way, so that nobody records what has just closed. */
  #observed = new Map<number, readonly HeldPosition[]>();
  #sweep: { event: Extract<Work, { type: 'sweep' }>; receivedTick: number } | undefined;
  #pushesBefore = new Map<string, Work>();
  #pushesAfter = new Map<string, Work>();
  #mending: MendingWork | undefined;
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
    this.#mending?.done(false);
    this.#mending = undefined;
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
    this.#begin();
  }

  /** In its turn among sweeps and pushes, so that nothing is sent again that has just closed. @returns whether it is on disk */
  mend(mending: Mending): Promise<boolean> {
    if (this.#mending !== undefined) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#mending = { type: 'mending', mending, done: resolve };
    this.#begin();
    return promise;
  }

  /** As it is committed, of every account, with doubts and claims. */
  get state(): PositionState {
    return this.#state;
  }

  /** By the clock; negative once it is overdue, the sweep that brings it is under way then. */
  untilKeyframeMs(): number {
    const { lastKeyframeAt } = this.#state;
    if (lastKeyframeAt === undefined) return 0;
    return Date.parse(lastKeyframeAt) + this.#options.diff.keyframePeriodMs - Date.now();
  }

  /** Every account's position in the contract, of the accounts that this bridge holds. */
  positionsOf(conId: number): readonly HeldPosition[] {
    const accounts = this.#options.accounts();
    return (this.#observed.get(conId) ?? []).filter((position) => accounts.has(position.account));
  }

  /** As they are committed, of the accounts that this bridge holds. */
  positions(): HeldPosition[] {
    const accounts = this.#options.accounts();
    return [...this.#state.positions.values()].filter(
      ({ account, claimed }) => accounts.has(account) && !claimed,
    );
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
      const isWritten = await this.#commit(this.#diff(work.event, options), work.receivedTick);
      if (work.event.type === 'mending') work.event.done(isWritten);
    }
  }

  #diff(event: Work | MendingWork, options: DiffOptions): Diff {
    if (event.type === 'sweep') return diffSweep(this.#state, event, options);
    if (event.type === 'push') return diffPush(this.#state, event.row, options);
    return diffMending(this.#state, event.mending, options);
  }

  #begin(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  #take(): { event: Work | MendingWork; receivedTick?: number } | undefined {
    const [before] = this.#pushesBefore;
    if (before) {
      this.#pushesBefore.delete(before[0]);
      return { event: before[1] };
    }
    const sweep = this.#sweep;
    this.#sweep = undefined;
    [this.#pushesBefore, this.#pushesAfter] = [this.#pushesAfter, this.#pushesBefore];
    if (sweep !== undefined) return sweep;
    if (this.#pushesBefore.size > 0) return this.#take();
    const mending = this.#mending;
    this.#mending = undefined;
    return mending && { event: mending };
  }

  /** @returns whether it is on disk */
  async #commit(diff: Diff, receivedTick: number | undefined): Promise<boolean> {
    const { commit, changes, next } = diff;
    const written = commit.upserts.length + commit.removals.length + changes.length;
    if (written === 0 && commit.sweep === undefined) return true;
    const { outbox, log, quoteOf, replica } = this.#options;
    this.#observe(next);
    try {
      await outbox.commitPositions(commit, draftChanges(changes, { quoteOf, replica: replica() }));
    } catch (cause) {
      this.#observe(this.#state);
      const fault = `positions were not written: ${(cause as Error).message}`;
      if (fault !== this.#lastFault) log.error('positions-commit-failed', { fault, changes: changes.length });
      this.#lastFault = fault;
      return false;
    }
    this.#state = next;
    this.#lastFault = undefined;
    if (receivedTick !== undefined) {
      this.#lastCommitMs = performance.now() - receivedTick;
      this.#reviewDoubts();
    }
    if (changes.length > 0) this.#options.onChange?.(changes);
    if (commit.sweep !== undefined) this.#options.onSweep?.(commit.sweep);
    return true;
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
    const held = state.positions.values().filter(({ claimed }) => !claimed);
    this.#observed = Map.groupBy(held, (position) => position.contract.conId);
  }
}
