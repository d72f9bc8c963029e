import type { Decimal } from '../../shared/decimal.ts';
import type { CommittedPosition } from '../outbox/draft.ts';
import {
  type Diff,
  type DiffOptions,
  type HeldPosition,
  isRecorded,
  keyOf,
  type PositionChange,
  type PositionState,
} from './differ.ts';

/** What the `positions` table is to learn, or claims. */
export interface Mending {
  /** By `positionKey`: what the table does not have as it is, with the quantity that it was compared with. */
  readonly resend: ReadonlyMap<string, Decimal>;
  /** What the table holds and the account's last complete list does not. */
  readonly claims: readonly HeldPosition[];
}

/**
 * Sends positions again as the last complete list had them, and takes claims: they are closed by the rules of an
 * absence, of which that list is the first. What has changed since it was compared is left out, its change is on its
 * way.
 */
export function diffMending(
  state: PositionState,
  mending: Mending,
  options: Pick<DiffOptions, 'accounts' | 'secTypes'>,
): Diff {
  const changes: PositionChange[] = [];
  for (const [key, quantity] of mending.resend) {
    const position = state.positions.get(key);
    if (position === undefined || isDoubted(position) || position.quantity !== quantity) continue;
    const list = state.lists.get(position.account);
    if (list === undefined || !isRecorded(position, options)) continue;
    const { sweepId, completedAt: observedAt } = list;
    const { missedSweeps: _, claimed: __, ...held } = position;
    changes.push({ reason: 'keyframe', position: held, sweepId, observedAt });
  }
  const claims = mending.claims
    .filter((claim) => isRecorded(claim, options) && !state.positions.has(keyOf(claim)))
    .map((claim): CommittedPosition => ({ ...claim, missedSweeps: 1, claimed: true }));
  const positions = new Map(state.positions);
  for (const claim of claims) positions.set(keyOf(claim), claim);
  return { commit: { upserts: claims, removals: [] }, changes, next: { ...state, positions } };
}

/** The last complete list lacks it, and nobody has closed it: neither held nor gone. */
export function isDoubted({ missedSweeps }: CommittedPosition): boolean {
  return missedSweeps > 0;
}
