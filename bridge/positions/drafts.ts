import { openStrategiesByContract, type Replica } from '../../shared/replica.ts';
import type { Quote } from '../lines/quote.ts';
import type { SnapshotDraft } from '../outbox/draft.ts';
import type { PositionChange } from './differ.ts';

export interface DraftContext {
  /** What is known of a contract's price now, streamed or polled. */
  readonly quoteOf: (conId: number) => Quote | undefined;
  readonly replica: Replica;
}

/**
 * Snapshots of the polled lane, one per change and in its order. The quantity is the sweep's; the mark is what the
 * contract's line or its last poll says, with the quality that goes with it.
 */
export function draftChanges(
  changes: readonly PositionChange[],
  { quoteOf, replica }: DraftContext,
): SnapshotDraft[] {
  const owners = ownersByAccount(replica);
  return changes.map(({ reason, position, sweepId, observedAt }) => {
    const { account, modelCode, contract, quantity, averageCost } = position;
    const quote = quoteOf(contract.conId);
    return {
      ...(sweepId === undefined ? {} : { sweepId }),
      lane: 'poll',
      priority: 2,
      reason,
      account,
      ...(modelCode === undefined ? {} : { modelCode }),
      contract,
      quantity,
      averageCost,
      ...(quote?.mark === undefined ? {} : { mark: quote.mark }),
      quality: quote?.quality ?? 'none',
      strategyIds: owners(account, contract.conId),
      registryVersion: replica.contiguous,
      observedAt,
    };
  });
}

/** @returns ids of the open strategies of the account that hold or watch the contract; one index per account */
export function ownersByAccount(replica: Replica): (account: string, conId: number) => string[] {
  const indexes = new Map<string, Map<number, string[]>>();
  return (account, conId) => {
    let index = indexes.get(account);
    if (!index) {
      index = openStrategiesByContract(replica.strategies.values(), account);
      indexes.set(account, index);
    }
    return index.get(conId) ?? [];
  };
}
