import { type Contract, contractSchema } from '../../shared/contract.ts';
import { type Decimal, isZero } from '../../shared/decimal.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { CommittedPosition, CommittedState, PositionCommit } from '../outbox/draft.ts';
import { type Guard, judgeAbsences, type VanishLimits } from './vanish.ts';

/** One row of the positions feed as the gateway sent it. */
export interface PositionRow {
  readonly account: string;
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
  readonly durationMs: number;
  /** The last row of each (account, conId); zero rows included. */
  readonly rows: readonly PositionRow[];
}

export type HeldPosition = Omit<CommittedPosition, 'missedSweeps'>;

export interface PositionChange {
  readonly reason: Snapshot['reason'];
  /** As it is now; quantity "0" where it closed. */
  readonly position: HeldPosition;
  readonly sweepId?: string;
  readonly observedAt: string;
}

/** What the next sweep or push is compared with. */
export interface PositionState {
  /** By `positionKey`. */
  readonly positions: ReadonlyMap<string, CommittedPosition>;
  readonly lastKeyframeAt?: string;
  /** By account; kept in memory only: after a restart the guard waits anew. */
  readonly guards: ReadonlyMap<string, Guard>;
}

export interface DiffOptions {
  /** Accounts that this bridge holds and the gateway lists: every other account's positions are untouched. */
  readonly accounts: ReadonlySet<string>;
  /** IB security types to record; absent means all. */
  readonly secTypes?: ReadonlySet<string> | undefined;
  readonly keyframePeriodMs: number;
  readonly vanish: VanishLimits;
}

export interface Diff {
  readonly commit: PositionCommit;
  readonly changes: readonly PositionChange[];
  /** The state once the commit is on disk. */
  readonly next: PositionState;
}

/** A contract is closed when this many complete sweeps in a row lack it, or a zero row says so. */
const SWEEPS_MISSED_MAX = 2;

export function positionKey(account: string, conId: number): string {
  return `${account} ${conId}`;
}

/** @returns the state as the outbox kept it */
export function restoreState(committed: CommittedState): PositionState {
  return {
    positions: new Map(
      committed.positions.map((position) => [
        positionKey(position.account, position.contract.conId),
        position,
      ]),
    ),
    ...(committed.lastKeyframeAt === undefined ? {} : { lastKeyframeAt: committed.lastKeyframeAt }),
    guards: new Map(),
  };
}

/** Compares a complete sweep with the committed state. An incomplete one never gets here. */
export function diffSweep(state: PositionState, sweep: Sweep, options: DiffOptions): Diff {
  const { sweepId, completedAt } = sweep;
  const keyframe = isKeyframeDue(state.lastKeyframeAt, completedAt, options.keyframePeriodMs);
  const draft = new Draft(state, completedAt, sweepId);

  const seen = new Set<string>();
  for (const row of sweep.rows) {
    if (!isRecorded(row, options)) continue;
    seen.add(positionKey(row.account, row.contract.conId));
    draft.apply(row, keyframe);
  }

  const presences = [...state.positions]
    .filter(([, position]) => isRecorded(position, options))
    .map(([key, position]) => ({ key, position, missing: !seen.has(key) }));
  const { guards, uncounted } = judgeAbsences(presences, {
    guards: state.guards,
    now: completedAt,
    limits: options.vanish,
  });
  for (const { key, position, missing } of presences) {
    if (missing && !uncounted.has(key)) draft.miss(position);
  }

  const lastKeyframeAt = keyframe ? completedAt : state.lastKeyframeAt;
  const others = [...state.guards].filter(([account]) => !options.accounts.has(account));
  return {
    commit: { ...draft.commit(), sweep: { sweepId, completedAt, keyframe } },
    changes: draft.changes,
    next: {
      positions: draft.positions,
      ...(lastKeyframeAt === undefined ? {} : { lastKeyframeAt }),
      guards: new Map([...others, ...guards]),
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
  readonly #upserts: CommittedPosition[] = [];
  readonly #removals: { account: string; conId: number }[] = [];
  readonly #observedAt: string;
  readonly #sweepId: string | undefined;

  constructor(state: PositionState, observedAt: string, sweepId?: string) {
    this.positions = new Map(state.positions);
    this.#observedAt = observedAt;
    this.#sweepId = sweepId;
  }

  apply(row: PositionRow, keyframe: boolean): void {
    const { account, contract, quantity, averageCost } = row;
    const present = this.positions.get(positionKey(account, contract.conId));
    const position = { account, contract, quantity, averageCost };
    if (isZero(quantity)) {
      if (present) this.#close(position);
      return;
    }
    const isChanged = present === undefined || !isSamePosition(present, position);
    if (isChanged || present.missedSweeps > 0) this.#put({ ...position, missedSweeps: 0 });
    if (isChanged) this.#change(present === undefined ? 'opened' : 'changed', position);
    else if (keyframe) this.#change('keyframe', position);
  }

  /** A complete sweep lacks it. */
  miss(present: CommittedPosition): void {
    const missedSweeps = present.missedSweeps + 1;
    const { account, contract, averageCost } = present;
    if (missedSweeps < SWEEPS_MISSED_MAX) this.#put({ ...present, missedSweeps });
    else this.#close({ account, contract, quantity: '0', averageCost });
  }

  commit(): PositionCommit {
    return { upserts: this.#upserts, removals: this.#removals };
  }

  #put(position: CommittedPosition): void {
    this.positions.set(positionKey(position.account, position.contract.conId), position);
    this.#upserts.push(position);
  }

  #close(position: HeldPosition): void {
    const { account, contract } = position;
    this.positions.delete(positionKey(account, contract.conId));
    this.#removals.push({ account, conId: contract.conId });
    this.#change('closed', position);
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

/** What is not recorded is left alone: taking a type off the list closes nothing. */
function isRecorded(
  { account, contract }: { readonly account: string; readonly contract: Contract },
  { accounts, secTypes }: DiffOptions,
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
