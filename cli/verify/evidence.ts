import type { Ledger } from '../../shared/message.ts';
import type { Range } from './ranges.ts';

/** What verify() judges by, each kind with its own source. */
export interface Evidence {
  /** Of each epoch and UTC day the newest ledger. */
  readonly ledgers: readonly Ledger[];
  /** From all ledgers: at `atMs` at the latest, the queue had taken every number up to `acknowledged`. */
  readonly acknowledgements: readonly Acknowledgement[];
  /** Runs of neighbouring numbers that have a row, by seq. */
  readonly stored: readonly StoredRun[];
  readonly dead: readonly DeadNumber[];
  /** Ranges that an outbox gave up and declared. */
  readonly drops: readonly (OfEpoch & Range)[];
  /** What the lake has of each ledger's day, up to the ledger's last number. */
  readonly digests: readonly StoredDigest[];
  /** Ids with two bodies. */
  readonly conflicts: number;
}

interface OfEpoch {
  readonly bridge: string;
  readonly epoch: string;
}

export interface Acknowledgement extends OfEpoch {
  readonly acknowledged: number;
  readonly atMs: number;
}

export interface StoredRun extends OfEpoch, Range {
  /** observedAt of the first and the last row. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** Rows that were observed within the time asked about. */
  readonly countInTime: number;
}

export interface DeadNumber extends OfEpoch {
  readonly seq: number;
  /** observedAt, or when it was sent where the body does not say. */
  readonly atMs: number;
}

export interface StoredDigest extends OfEpoch {
  readonly day: string;
  readonly count: number;
  readonly digest: string;
}
