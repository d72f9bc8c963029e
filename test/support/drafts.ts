import type { SnapshotDraft } from '../../bridge/outbox/draft.ts';
import { snapshot } from './snapshots.ts';

/** A valid draft; override what a test is about. */
export function draft(overrides: Partial<SnapshotDraft> = {}): SnapshotDraft {
  const {
    schema: _schema,
    kind: _kind,
    id: _id,
    bridge: _bridge,
    epoch: _epoch,
    seq: _seq,
    ...rest
  } = snapshot();
  return { ...rest, ...overrides };
}

/** `count` drafts that can be told apart by their conId: first, first + 1, ... */
export function drafts(count: number, first = 1): SnapshotDraft[] {
  const { contract, ...rest } = draft();
  return Array.from({ length: count }, (_, index) => ({
    ...rest,
    contract: { ...contract, conId: first + index },
  }));
}
