import { holderOf } from '../../shared/account.ts';
import { type Contract, contractSchema } from '../../shared/contract.ts';
import { type Decimal, isZero } from '../../shared/decimal.ts';
import { utcDay } from '../../shared/names.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { CommittedPosition, CommittedState, PositionCommit } from '../outbox/draft.ts';
import { type Comparison, compare, type Testimony, type Verdict, verdictOf } from './testimony.ts';
import { type Guard, isPastLastTradeDate, judgeAbsences, type VanishLimits } from './vanish.ts';

/** One row of the positions feed as the gateway sent it. */
export interface PositionRow {
  readonly account: string;
  /** The model of an advisor's account that holds it; absent is the account itself. */
  readonly modelCode?: string | undefined;
  readonly contract: Contract;
  readonly quantity: Decimal;
  readonly averageCost: Decimal;
  /** Receipt time in epoch milliseconds. */
  readonly at: number;
}

/** A complete cycle, from request to positionEnd. Times are ISO 8601. */
export interface Sweep {
  readonly sweepId: string;
  readonly startedAt: string;
  readonly completedAt: string;
  /** `performance.now()` at the completion. */
  readonly completedTick: number;
  readonly durationMs: number;
  /** Accounts whose list is complete; every other one's positions are untouched. Absent is all. */
  readonly accounts?: ReadonlySet<string>;
  /** The last row of each (account, modelCode, conId); zero rows included. */
  readonly rows: readonly PositionRow[];
}

export type HeldPosition = Omit<CommittedPosition, 'missedSweeps' | 'claimed'>;

export interface PositionChange {
  readonly reason: Snapshot['reason'];
  /** As it is now; quantity "0" where it closed. */
  readonly position: HeldPosition;
  readonly sweepId?: string;
  readonly observedAt: string;
}

/** An absence that sweeps agree on, and that the account's own holdings have not confirmed. */
interface Doubt {
  /** `performance.now()` of the sweep from which on only the witness is missing. */
  readonly sinceTick: number;
  /** What other models of the account hold of it: the witness knows none, so it has to have been asked after that. */
  readonly listed: Decimal;
  readonly witness: Exclude<Verdict, 'agrees'>;
}

/** The last complete list of an account. */
export type List = Pick<Sweep, 'sweepId' | 'completedAt'>;

/** What the next sweep or push is compared with. */
export interface PositionState {
  /** By `positionKey`. */
  readonly positions: ReadonlyMap<string, CommittedPosition>;
  readonly lastKeyframeAt?: string;
  /** By account; of this run. */
  readonly lists: ReadonlyMap<string, List>;
  /** By account; kept in memory only: after a restart the guard waits anew. */
  readonly guards: ReadonlyMap<string, Guard>;
  /** By `positionKey`; in memory only too. */
  readonly doubts: ReadonlyMap<string, Doubt>;
}

export interface DiffOptions {
  /** Accounts that this bridge holds and the gateway lists: every other account's positions are untouched. */
  readonly accounts: ReadonlySet<string>;
  /** IB security types to record; absent means all. */
  readonly secTypes?: ReadonlySet<string> | undefined;
  readonly keyframePeriodMs: number;
  readonly vanish: VanishLimits;
  /** By account, as far as they were asked. */
  readonly testimonies: ReadonlyMap<string, Testimony>;
}

export interface Diff {
  readonly commit: PositionCommit;
  readonly changes: readonly PositionChange[];
  /** The state once the commit is on disk. */
  readonly next: PositionState;
}

/**
 * A contract is closed when this many complete sweeps in a row lack it and the account's own holdings do so too, or
 * when a zero row says so.
 */
const SWEEPS_MISSED_MAX = 2;

export function positionKey(account: string, conId: number, modelCode?: string): string {
  return `${conId} ${holderOf({ account, modelCode })}`;
}

export function keyOf(position: Pick<PositionRow, 'account' | 'modelCode' | 'contract'>): string {
  return positionKey(position.account, position.contract.conId, position.modelCode);
}

/** @returns the state as the outbox kept it */
export function restoreState(committed: CommittedState): PositionState {
  return {
    positions: new Map(committed.positions.map((position) => [keyOf(position), position])),
    ...(committed.lastKeyframeAt === undefined ? {} : { lastKeyframeAt: committed.lastKeyframeAt }),
    lists: new Map(),
    guards: new Map(),
    doubts: new Map(),
  };
}

/** Compares a complete sweep with the committed state. An incomplete one never gets here. */
export function diffSweep(state: PositionState, sweep: Sweep, all: DiffOptions): Diff {
  const { sweepId, completedAt, completedTick } = sweep;
  const options = { ...all, accounts: sweep.accounts?.intersection(all.accounts) ?? all.accounts };
  const keyframe = isKeyframeDue(state.lastKeyframeAt, completedAt, options.keyframePeriodMs);
  const draft = new Draft(state, completedAt, sweepId);

  const seen = new Set<string>();
  for (const row of sweep.rows) {
    if (!isRecorded(row, options)) continue;
    seen.add(keyOf(row));
    draft.apply(row, keyframe);
  }

  const presences = [...state.positions]
    .filter(([, position]) => isRecorded(position, options))
    .map(([key, position]) => ({ key, position, missing: !seen.has(key) }));
  const today = utcDay(completedAt).replaceAll('-', '');
  const [expired, living] = partition(presences, ({ position }) => isPastLastTradeDate(position, today));
  for (const { position, missing } of expired) if (missing && draft.miss(position)) draft.close(position);
  const { guards, uncounted } = judgeAbsences(living, {
    guards: state.guards,
    nowTick: completedTick,
    limits: options.vanish,
  });
  const compareAccount = comparing(state, sweep, options);
  // A list that failed says nothing new. An account that went elsewhere may have changed meanwhile: its absences are
  // doubted anew once it is back.
  const isUnread = (account = '') => all.accounts.has(account) && !options.accounts.has(account);
  const doubts = new Map([...state.doubts].filter(([key]) => isUnread(state.positions.get(key)?.account)));
  for (const { key, position, missing } of living) {
    if (!missing || uncounted.has(key) || !draft.miss(position)) continue;
    const comparison = compareAccount(position.account);
    const listed = comparison.listed.get(position.contract.conId) ?? '0';
    const prior = state.doubts.get(key);
    const sinceTick = prior?.listed === listed ? prior.sinceTick : completedTick;
    const witness = verdictOf(position.contract, sinceTick, comparison);
    if (witness === 'agrees') draft.close(position);
    else doubts.set(key, { sinceTick, listed, witness });
  }

  const lastKeyframeAt = keyframe ? completedAt : state.lastKeyframeAt;
  const unread = [...state.guards].filter(([account]) => isUnread(account));
  const read = [...options.accounts].map((account) => [account, { sweepId, completedAt }] as const);
  return {
    commit: { ...draft.commit(), sweep: { sweepId, completedAt, keyframe } },
    changes: draft.changes,
    next: {
      positions: draft.positions,
      ...(lastKeyframeAt === undefined ? {} : { lastKeyframeAt }),
      lists: new Map([...state.lists, ...read]),
      guards: new Map([...unread, ...guards]),
      doubts,
    },
  };
}

/** Applies one row that the open subscription pushed between sweeps. */
export function diffPush(state: PositionState, row: PositionRow, options: DiffOptions): Diff {
  const draft = new Draft(state, new Date(row.at).toISOString());
  if (isRecorded(row, options)) draft.apply(row, false);
  return {
    commit: draft.commit(),
    changes: draft.changes,
    next: { ...state, positions: draft.positions },
  };
}

/** Collects what one sweep or push changes, each contract once. */
class Draft {
  readonly positions: Map<string, CommittedPosition>;
  readonly changes: PositionChange[] = [];
  readonly #upserts = new Map<string, CommittedPosition>();
  readonly #removals: PositionCommit['removals'][number][] = [];
  readonly #observedAt: string;
  readonly #sweepId: string | undefined;

  constructor(state: PositionState, observedAt: string, sweepId?: string) {
    this.positions = new Map(state.positions);
    this.#observedAt = observedAt;
    this.#sweepId = sweepId;
  }

  apply(row: PositionRow, keyframe: boolean): void {
    const { at: _, ...position } = row;
    const present = this.positions.get(keyOf(row));
    if (isZero(row.quantity)) {
      if (present) this.close(position);
      return;
    }
    const isNew = present === undefined || present.claimed;
    const isChanged = isNew || !isSamePosition(present, position);
    if (isChanged || present.missedSweeps > 0) this.#put({ ...position, missedSweeps: 0 });
    if (isChanged) this.#change(isNew ? 'opened' : 'changed', position);
    else if (keyframe) this.#change('keyframe', position);
  }

  /** A complete sweep lacks it. @returns whether enough of them do */
  miss(present: CommittedPosition): boolean {
    const missedSweeps = Math.min(present.missedSweeps + 1, SWEEPS_MISSED_MAX);
    if (missedSweeps > present.missedSweeps) this.#put({ ...present, missedSweeps });
    return missedSweeps === SWEEPS_MISSED_MAX;
  }

  close(position: HeldPosition): void {
    const key = keyOf(position);
    this.positions.delete(key);
    this.#upserts.delete(key);
    const { account, modelCode, contract, averageCost } = position;
    const holder = { account, ...(modelCode === undefined ? {} : { modelCode }) };
    this.#removals.push({ ...holder, conId: contract.conId });
    this.#change('closed', { ...holder, contract, quantity: '0', averageCost });
  }

  commit(): PositionCommit {
    return { upserts: [...this.#upserts.values()], removals: this.#removals };
  }

  #put(position: CommittedPosition): void {
    const key = keyOf(position);
    this.positions.set(key, position);
    this.#upserts.set(key, position);
  }

  #change(reason: PositionChange['reason'], position: HeldPosition): void {
    this.changes.push({
      reason,
      position,
      ...(this.#sweepId === undefined ? {} : { sweepId: this.#sweepId }),
      observedAt: this.#observedAt,
    });
  }
}

/** Each account once, and only accounts that are in doubt. */
function comparing(
  state: PositionState,
  sweep: Sweep,
  { testimonies }: DiffOptions,
): (account: string) => Comparison {
  const comparisons = new Map<string, Comparison>();
  return (account) => {
    const present = comparisons.get(account);
    if (present !== undefined) return present;
    const isOwn = (position: { readonly account: string }) => position.account === account;
    const comparison = compare({
      committed: [...state.positions.values()].filter(isOwn),
      rows: sweep.rows.filter(isOwn),
      testimony: testimonies.get(account),
    });
    comparisons.set(account, comparison);
    return comparison;
  };
}

function partition<T>(all: readonly T[], holds: (each: T) => boolean): readonly [readonly T[], readonly T[]] {
  const { yes = [], no = [] } = Object.groupBy(all, (each) => (holds(each) ? 'yes' : 'no'));
  return [yes, no];
}

/** What is not recorded is left alone: taking a type off the list closes nothing. */
export function isRecorded(
  { account, contract }: { readonly account: string; readonly contract: Contract },
  { accounts, secTypes }: Pick<DiffOptions, 'accounts' | 'secTypes'>,
): boolean {
  return accounts.has(account) && (secTypes === undefined || secTypes.has(contract.secType));
}

/** A clock that was set back makes it due as well: the rhythm starts anew instead of waiting for the old time. */
function isKeyframeDue(last: string | undefined, now: string, periodMs: number): boolean {
  if (last === undefined) return true;
  const elapsedMs = Date.parse(now) - Date.parse(last);
  return elapsedMs >= periodMs || elapsedMs < 0;
}

const CONTRACT_FIELDS = Object.keys(contractSchema.shape) as (keyof Contract)[];

function isSamePosition(left: HeldPosition, right: HeldPosition): boolean {
  return (
    left.quantity === right.quantity &&
    left.averageCost === right.averageCost &&
    CONTRACT_FIELDS.every((field) => left.contract[field] === right.contract[field])
  );
}
