import { maskAccount } from '../../shared/account.ts';
import { RECONCILE } from '../../shared/limits.ts';
import type { DifferenceStatus, ReconcileStatus } from '../../shared/status.ts';
import { describeCloudFault } from '../cloud.ts';
import type { Log } from '../log.ts';
import type { Outbox } from '../outbox/draft.ts';
import type { PositionBook } from '../positions/book.ts';
import { Bell, sleep } from '../wait.ts';
import { isMendable } from './compare.ts';
import { lookAtTable } from './look.ts';
import { dueOf, Findings, judge, mendingOf, type Suspect, type Suspects, standing } from './suspects.ts';
import type { PositionsTable } from './table.ts';

export interface ReconcilerOptions {
  readonly bridge: string;
  readonly book: Pick<PositionBook, 'state' | 'mend' | 'untilKeyframeMs'>;
  readonly outbox: Pick<Outbox, 'epoch' | 'status'>;
  readonly table: PositionsTable;
  /** Accounts that this bridge holds. */
  readonly accounts: () => ReadonlySet<string>;
  /** IB security types to record; absent means all. */
  readonly secTypes?: ReadonlySet<string> | undefined;
  readonly drainPeriodMs: number;
  readonly log: Log;
}

/** Between two questions whether the outbox has let go: it takes a second as a rule. */
const LET_GO_POLL_MS = 1000;

/** Shown: enough to see what it is about. */
const SHOWN_MAX = 20;

/**
 * Compares the `positions` table with the last complete sweep after each keyframe, and mends what stays different for
 * longer than the drain takes (docs/decisions/0021-reconciler.md). The cloud being away delays only this.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #abort = new AbortController();
  readonly #bell = new Bell();
  readonly #settleMs: number;
  #hasSwept = false;
  #suspects: Suspects = new Map();
  #findings: Findings | undefined;
  /** ISO 8601: the begin of the last look, whatever came of it. */
  #lookedAt: string | undefined;
  #lastAt: string | undefined;
  /** Why nothing can be said now. */
  #obstacle: string | undefined = 'nothing was compared yet: the first look follows the first sweep';
  #differs = false;
  #mended: readonly Suspect[] = [];
  #mendedCount = 0;
  #failed = 0;
  #lastFault: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#settleMs = Math.min(RECONCILE.settleMs, options.drainPeriodMs);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** A complete sweep is on disk. */
  noteSweep({ keyframe }: { readonly keyframe: boolean }): void {
    if (keyframe || !this.#hasSwept) this.#bell.ring();
    this.#hasSwept = true;
  }

  status(): ReconcileStatus {
    const { positions = 0, rows = 0, counts = new Findings().counts } = this.#findings ?? {};
    const suspects = [...this.#suspects.values()];
    const isYoung = suspects.length > 0 && !this.#differs;
    const reason = this.#obstacle ?? (isYoung ? 'what was found may still be on its way' : undefined);
    return {
      state: reason !== undefined ? 'undecided' : this.#differs ? 'differs' : 'agrees',
      ...(reason === undefined ? {} : { reason }),
      ...(this.#lastAt === undefined ? {} : { lastAt: this.#lastAt }),
      positions,
      rows,
      differences: counts,
      examples: suspects.slice(0, SHOWN_MAX).map(shown),
      mended: this.#mendedCount,
      lastMended: this.#mended.map(shown),
      failed: this.#failed,
      ...(this.#lastFault === undefined ? {} : { lastFault: this.#lastFault }),
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const isFollowUp = this.#isUnfinished();
      if (!isFollowUp) await this.#bell.wait(signal, this.#untilLateLookMs());
      const knownAt = (isFollowUp ? this.#lookedAt : undefined) ?? new Date().toISOString();
      await this.#untilLetGo(knownAt);
      await sleep(isFollowUp ? this.#options.drainPeriodMs : this.#settleMs, signal);
      if (!signal.aborted) await this.#look();
    }
  }

  /** What is young or being mended is looked at again soon; what stays in spite of it, with the next keyframe. */
  #isUnfinished(): boolean {
    if (this.#lookedAt === undefined) return false;
    if (this.#obstacle !== undefined) return true;
    const { drainPeriodMs } = this.#options;
    return this.#suspects.values().some((suspect) => isOpen(suspect, drainPeriodMs));
  }

  /** Early enough that the next keyframe does not mend unseen what is different now. Without a sweep nothing is late. */
  #untilLateLookMs(): number | undefined {
    const { book, drainPeriodMs } = this.#options;
    const ms = book.untilKeyframeMs() - 2 * (drainPeriodMs + this.#settleMs);
    return this.#hasSwept && ms > 0 ? ms : undefined;
  }

  /** Until the outbox has nothing left that was accepted by then. */
  async #untilLetGo(knownAt: string): Promise<void> {
    const { outbox, drainPeriodMs } = this.#options;
    const { signal } = this.#abort;
    const begunTick = performance.now();
    while (!signal.aborted) {
      const oldestAt = await outbox.status().then(
        (status) => status.oldestAt,
        () => knownAt,
      );
      if (oldestAt === undefined || oldestAt > knownAt) return;
      if (performance.now() - begunTick >= drainPeriodMs) {
        this.#obstacle = `the outbox has not sent everything of ${knownAt} yet`;
      }
      await sleep(LET_GO_POLL_MS, signal);
    }
  }

  /** Never rejects: what cannot be read is read again. */
  async #look(): Promise<void> {
    const { book } = this.#options;
    const [now, nowTick] = [new Date().toISOString(), performance.now()];
    const accounts = this.#options.accounts();
    try {
      const { findings, unread } = await lookAtTable({
        ...this.#options,
        accounts,
        known: this.#suspects,
        lookedAt: this.#lookedAt,
        signal: this.#abort.signal,
      });
      const { suspects, mended } = judge(this.#suspects, findings, {
        state: book.state,
        accounts,
        now,
        nowTick,
      });
      this.#suspects = suspects;
      this.#noteMended(mended);
      this.#obstacle = describeUnread(unread, accounts);
      if (this.#obstacle === undefined) [this.#findings, this.#lastAt] = [findings, now];
      if (this.#lastFault !== undefined) this.#options.log.info('reconcile-recovered');
      this.#lastFault = undefined;
      await this.#mend({ findings, now, nowTick });
    } catch (cause) {
      if (!this.#abort.signal.aborted) this.#fail(describeCloudFault(cause));
    }
    this.#lookedAt = now;
  }

  async #mend(look: {
    readonly findings: Findings;
    readonly now: string;
    readonly nowTick: number;
  }): Promise<void> {
    const { book, drainPeriodMs } = this.#options;
    const { findings, now, nowTick } = look;
    const found = standing(this.#suspects, { nowTick, drainPeriodMs });
    const due = dueOf(found, {
      drainedAt: findings.drainedAt,
      lastKeyframeAt: book.state.lastKeyframeAt ?? now,
    });
    const mending = due.length > 0 && (await book.mend(mendingOf(due))) ? due : [];
    const suspects = new Map(this.#suspects);
    for (const suspect of mending) suspects.set(suspect.key, { ...suspect, mendedAt: now });
    this.#suspects = suspects;
    this.#tell({ counts: findings.counts, standing: found.length, mending: mending.length });
  }

  #tell(of: {
    readonly counts: Findings['counts'];
    readonly standing: number;
    readonly mending: number;
  }): void {
    const { log } = this.#options;
    const differs = of.standing > 0;
    if (of.mending > 0 || (differs && !this.#differs)) {
      log.warn('positions-table-differs', { ...of.counts, mending: of.mending });
    } else if (!differs && this.#differs) {
      log.info('positions-table-agrees', { mended: this.#mendedCount });
    }
    this.#differs = differs;
  }

  #noteMended(mended: readonly Suspect[]): void {
    this.#mendedCount += mended.length;
    this.#mended = [...mended, ...this.#mended].slice(0, SHOWN_MAX);
  }

  #fail(fault: string): void {
    this.#failed += 1;
    this.#obstacle = 'the table could not be read';
    if (fault !== this.#lastFault) this.#options.log.warn('reconcile-fault', { fault });
    this.#lastFault = fault;
  }
}

/** As long as mending usually takes: an extra row is closed after two more sweeps and a look at the account itself. */
const MENDING_PERIODS = 4;

function isOpen(suspect: Suspect, drainPeriodMs: number): boolean {
  const { sinceTick, mendedAt } = suspect;
  if (performance.now() - sinceTick < drainPeriodMs) return true;
  if (!isMendable(suspect)) return false;
  return mendedAt === undefined || Date.now() - Date.parse(mendedAt) < MENDING_PERIODS * drainPeriodMs;
}

function describeUnread(unread: readonly string[], accounts: ReadonlySet<string>): string | undefined {
  if (accounts.size === 0) return 'this bridge holds no account';
  if (unread.length === 0) return undefined;
  return `no complete list of positions since the last look: ${unread.map(maskAccount).join(', ')}`;
}

function shown({ kind, holder, conId, position, held, row, since, mendedAt }: Suspect): DifferenceStatus {
  return {
    kind,
    account: maskAccount(holder.account),
    ...(holder.modelCode === undefined ? {} : { modelCode: holder.modelCode }),
    conId,
    ...(position === undefined ? {} : { contract: position.contract }),
    held,
    ...(row === undefined ? {} : { table: row.quantity }),
    since,
    ...(mendedAt === undefined ? {} : { mendedAt }),
  };
}
