import type { CommittedPosition } from '../outbox/draft.ts';

/**
 * A gateway that has just started may list no position, or some, and end the list as if it were complete. When most
 * of an account vanishes at once that is the likelier cause, so the absence has to last before it counts.
 */
export interface VanishLimits {
  /** Fewer than this many vanishing together are an ordinary day. */
  readonly positionsMin: number;
  /** Of the account's positions; more than this share has to be missing. */
  readonly share: number;
  /** How long sweeps have to lack the very same positions. */
  readonly agreeMs: number;
}

export const VANISH: VanishLimits = { positionsMin: 3, share: 0.5, agreeMs: 10 * 60_000 };

/** A mass absence under observation. */
export interface Guard {
  /** `performance.now()` of the first sweep of those that agree: a clock that is set proves nothing. */
  readonly sinceTick: number;
  readonly missing: ReadonlySet<string>;
}

/** A committed position that may have vanished, and whether the sweep lacks it. */
export interface Presence {
  readonly key: string;
  readonly position: CommittedPosition;
  readonly missing: boolean;
}

export interface Judgement {
  /** By account, of those judged. */
  readonly guards: ReadonlyMap<string, Guard>;
  /** Keys of missing positions whose absence does not count. */
  readonly uncounted: ReadonlySet<string>;
}

/**
 * Which absences of a complete sweep do not count. An account under guard stays so until nothing is missing or
 * sweeps have agreed for long enough; a set of missing positions that changes starts the time anew, because a list
 * that is still loading changes. Time alone does not prove that a list is complete: what counts then still needs the
 * account's own holdings as a witness, as every absence does.
 * @param presences without legs past their last trade date: they are expected to go
 * @param context.nowTick `performance.now()` at the completion of the sweep
 */
export function judgeAbsences(
  presences: readonly Presence[],
  context: { readonly guards: PositionGuards; readonly nowTick: number; readonly limits: VanishLimits },
): Judgement {
  const { nowTick, limits } = context;
  const guards = new Map<string, Guard>();
  const uncounted = new Set<string>();
  for (const [account, members] of Map.groupBy(presences, ({ position }) => position.account)) {
    const missing = new Set(members.filter((member) => member.missing).map((member) => member.key));
    if (missing.size === 0) continue;
    const prior = context.guards.get(account);
    const isMass = missing.size >= limits.positionsMin && missing.size > limits.share * members.length;
    if (!isMass && prior === undefined) continue;
    const agrees = prior !== undefined && isSameSet(prior.missing, missing);
    const guard = { sinceTick: agrees ? prior.sinceTick : nowTick, missing };
    guards.set(account, guard);
    if (nowTick - guard.sinceTick < limits.agreeMs) for (const key of missing) uncounted.add(key);
  }
  return { guards, uncounted };
}

type PositionGuards = ReadonlyMap<string, Guard>;

/**
 * By the UTC day: it ends after the session of its date in Chicago and New York, and before their next one.
 * @param today YYYYMMDD
 */
export function isPastLastTradeDate({ contract }: CommittedPosition, today: string): boolean {
  return contract.lastTradeDate !== undefined && contract.lastTradeDate < today;
}

function isSameSet(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && left.isSubsetOf(right);
}
