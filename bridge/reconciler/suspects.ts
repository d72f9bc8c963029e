import { RECONCILE } from '../../shared/limits.ts';
import type { DifferenceKind } from '../../shared/status.ts';
import type { PositionState } from '../positions/differ.ts';
import type { Mending } from '../positions/mend.ts';
import { type Difference, isMendable } from './compare.ts';

/** A difference, and since when it has been the very same. */
export interface Suspect extends Difference {
  /** ISO 8601: the look that found it first. */
  readonly since: string;
  /** `performance.now()` of it. */
  readonly sinceTick: number;
  /** ISO 8601. */
  readonly mendedAt?: string;
}

/** By `positionKey`. */
export type Suspects = ReadonlyMap<string, Suspect>;

type Counts = Record<DifferenceKind, number>;

const NONE: Readonly<Counts> = { missing: 0, extra: 0, quantity: 0, stale: 0, newer: 0, unreadable: 0 };

/**
 * What one look brought; what is beyond the bound is counted only, and known suspects come before others. Bound:
 * RECONCILE.suspectsMax of each kind.
 */
export class Findings {
  readonly counts: Counts = { ...NONE };
  readonly differences: Difference[] = [];
  /** Accounts that were read to the end, with the time of our last heartbeat that the drain has seen. */
  readonly drainedAt = new Map<string, string | undefined>();
  readonly #known: Suspects;
  readonly #kept: Counts = { ...NONE };
  positions = 0;
  rows = 0;

  constructor(known: Suspects = new Map()) {
    this.#known = known;
    for (const { kind } of known.values()) this.#kept[kind] += 1;
  }

  add(difference: Difference): void {
    const { key, kind } = difference;
    this.counts[kind] += 1;
    const isKnown = this.#known.get(key)?.kind === kind;
    if (!isKnown && this.#kept[kind] >= RECONCILE.suspectsMax) return;
    if (!isKnown) this.#kept[kind] += 1;
    this.differences.push(difference);
  }
}

/** What the findings make of the suspects before. */
export interface Judgement {
  readonly suspects: Suspects;
  /** Gone after they were mended. */
  readonly mended: readonly Suspect[];
}

/**
 * The very same difference keeps its age; another one, of the same position too, begins anew. A claim stays until its
 * position is closed or turns out to be held. What was not looked at stays as it was.
 */
export function judge(
  before: Suspects,
  findings: Pick<Findings, 'differences' | 'drainedAt'>,
  context: {
    readonly state: Pick<PositionState, 'positions'>;
    readonly accounts: ReadonlySet<string>;
    readonly now: string;
    readonly nowTick: number;
  },
): Judgement {
  const { state, accounts, now: since, nowTick: sinceTick } = context;
  const suspects = new Map<string, Suspect>();
  const mended: Suspect[] = [];
  for (const difference of findings.differences) {
    const known = before.get(difference.key);
    const isSame = known !== undefined && identityOf(known) === identityOf(difference);
    suspects.set(difference.key, isSame ? known : { ...difference, since, sinceTick });
  }
  for (const [key, suspect] of before) {
    const { account } = suspect.holder;
    if (suspects.has(key) || !accounts.has(account)) continue;
    const position = state.positions.get(key);
    const isOpenClaim = suspect.kind === 'extra' && position?.claimed === true;
    if (!findings.drainedAt.has(account) || isOpenClaim) suspects.set(key, suspect);
    else if (suspect.mendedAt !== undefined && (suspect.kind !== 'extra' || position === undefined)) {
      mended.push(suspect);
    }
  }
  return { suspects, mended };
}

/** @returns those that two looks a drain period apart have found: what is true and not on its way */
export function standing(
  suspects: Suspects,
  { nowTick, drainPeriodMs }: { readonly nowTick: number; readonly drainPeriodMs: number },
): Suspect[] {
  return [...suspects.values()].filter(({ sinceTick }) => nowTick - sinceTick >= drainPeriodMs);
}

/**
 * Each once between two keyframes, and only while the drain is at work: a heartbeat that was sent after the difference
 * was found has come through.
 */
export function dueOf(
  found: readonly Suspect[],
  context: {
    readonly drainedAt: ReadonlyMap<string, string | undefined>;
    readonly lastKeyframeAt: string;
  },
): Suspect[] {
  return found.filter((suspect) => {
    const { holder, since, mendedAt } = suspect;
    const drainedAt = context.drainedAt.get(holder.account);
    const isOpen = mendedAt === undefined || mendedAt < context.lastKeyframeAt;
    return isMendable(suspect) && isOpen && drainedAt !== undefined && drainedAt > since;
  });
}

export function mendingOf(due: readonly Suspect[]): Mending {
  const [claims, resend] = [due.filter(isExtra), due.filter((suspect) => !isExtra(suspect))];
  return {
    resend: new Map(resend.map(({ key, held }) => [key, held])),
    claims: claims.flatMap(({ position }) => position ?? []),
  };
}

function isExtra({ kind }: Suspect): boolean {
  return kind === 'extra';
}

function identityOf({ kind, held, row }: Difference): string {
  return `${kind} ${held} ${row?.id}`;
}
