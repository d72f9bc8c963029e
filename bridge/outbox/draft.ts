import type { Contract } from '../../shared/contract.ts';
import type { Decimal } from '../../shared/decimal.ts';
import type { Message } from '../../shared/message.ts';
import type { Snapshot } from '../../shared/snapshot.ts';

/** A snapshot before the outbox gave it its place in the sequence. */
export type SnapshotDraft = Omit<Snapshot, 'schema' | 'kind' | 'id' | 'bridge' | 'epoch' | 'seq'>;

/** One row of the last committed position state: what the differ compares a sweep with, kept across restarts. */
export interface CommittedPosition {
  readonly account: string;
  /** The model of an advisor's account that holds it; absent is the account itself. */
  readonly modelCode?: string | undefined;
  readonly contract: Contract;
  readonly quantity: Decimal;
  readonly averageCost: Decimal;
  /** Complete sweeps in a row that lacked it: closed at two. */
  readonly missedSweeps: number;
  /** Only the `positions` table says so: it counts as held nowhere, and is there to be closed. */
  readonly claimed?: true | undefined;
}

/** What one sweep or push changes in the committed state; written in one transaction with its drafts. */
export interface PositionCommit {
  readonly upserts: readonly CommittedPosition[];
  readonly removals: readonly {
    readonly account: string;
    readonly modelCode?: string | undefined;
    readonly conId: number;
  }[];
  /** Absent on a push between sweeps. */
  readonly sweep?: { readonly sweepId: string; readonly completedAt: string; readonly keyframe: boolean };
}

export interface CommittedState {
  readonly positions: readonly CommittedPosition[];
  readonly lastSweep?: { readonly sweepId: string; readonly completedAt: string };
  readonly lastKeyframeAt?: string;
}

/** An accepted message: on disk and synced, waiting for its acknowledgement. */
export interface Pending {
  /** The row's key in the outbox, ascending in the order of acceptance. */
  readonly key: number;
  readonly message: Message['kind'];
  readonly body: string;
}

/**
 * The durable queue on local disk, in a thread of its own so that no tick waits for a disk. A promise that resolves
 * means synced: whatever happens to process or machine afterwards, the message is sent or its loss is declared.
 */
export interface Outbox {
  readonly epoch: string;
  committed(): Promise<CommittedState>;
  /** @throws OutboxFault when nothing was written: the caller keeps its state as it was before */
  commitPositions(commit: PositionCommit, drafts: readonly SnapshotDraft[]): Promise<void>;
  append(drafts: readonly SnapshotDraft[]): Promise<void>;
  /** Only the newest heartbeat waits. */
  putHeartbeat(body: string): Promise<void>;
  /** Newest first, at most `count` and `maxBytes` together; what is not acknowledged comes again. */
  peek(limit: { readonly count: number; readonly maxBytes: number }): Promise<readonly Pending[]>;
  acknowledge(keys: readonly number[]): Promise<void>;
  status(): Promise<OutboxStatus>;
  close(): Promise<void>;
}

export interface OutboxStatus {
  readonly epoch: string;
  /** Sequence numbers given in this epoch. */
  readonly produced: number;
  readonly depth: number;
  readonly oldestAt?: string;
  /** Of all bodies that wait. */
  readonly bytes: number;
  /** The bound of `bytes`. */
  readonly maxBytes: number;
  /** Snapshots that the bound made it give up since the start, each declared. */
  readonly dropped: number;
  /** Torn files that are kept beside it. */
  readonly quarantined: number;
  /** Calls since the start that could not be written, and changed nothing. */
  readonly notWritten: number;
  /** Why it cannot write now, and the remedy: absent as soon as it can. */
  readonly fault?: string;
}
