import { type AuditItem, messageAuditId } from '../../shared/audit.ts';
import type { Drop, Heartbeat, Ledger } from '../../shared/message.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { Received } from '../received.ts';

/** One message of the batch that goes back to the queue, and why. */
export interface Failure {
  readonly received: Received;
  /** One line for a person. */
  readonly cause: string;
}

/** A snapshot that is not stored yet. */
export interface Candidate {
  readonly snapshot: Snapshot;
  /** The copy that was sent first: the row is made of this one. */
  readonly received: Received;
  /** Further copies of the same body in the batch: stored with it, or failed with it. */
  readonly copies: readonly Received[];
}

export interface Carried<T> {
  readonly message: T;
  readonly received: Received;
}

/** The batch, every message in exactly one place. */
export interface Judgement {
  readonly candidates: readonly Candidate[];
  /** Stored by an earlier delivery: acknowledged without a further word. */
  readonly duplicates: readonly Received[];
  readonly failures: readonly Failure[];
  readonly heartbeats: readonly Carried<Heartbeat>[];
  readonly declarations: readonly Carried<Ledger | Drop>[];
}

/** @returns the ids whose audit decides on the batch: those of its snapshots */
export function idsToRead(batch: readonly Received[]): string[] {
  const ids = batch.filter(isSnapshot).map(({ audit }) => audit.id);
  return [...new Set(ids)];
}

/**
 * Judges each message on its own and each against the others of its id.
 * @param audit what is known of the ids in idsToRead
 */
export function judge(batch: readonly Received[], audit: ReadonlyMap<string, AuditItem>): Judgement {
  const failures: Failure[] = [];
  const heartbeats: Carried<Heartbeat>[] = [];
  const declarations: Carried<Ledger | Drop>[] = [];
  const snapshots = new Map<string, Carried<Snapshot>[]>();

  for (const received of batch) {
    const { decoded } = received;
    if (!decoded.ok) {
      failures.push({ received, cause: decoded.fault });
      continue;
    }
    const { message } = decoded;
    switch (message.kind) {
      case 'snapshot': {
        const bodies = snapshots.get(message.id) ?? [];
        snapshots.set(message.id, [...bodies, { message, received }]);
        break;
      }
      case 'heartbeat':
        heartbeats.push({ message, received });
        break;
      case 'ledger':
      case 'drop':
        declarations.push({ message, received });
        break;
      default:
        message satisfies never;
    }
  }

  const candidates: Candidate[] = [];
  const duplicates: Received[] = [];
  for (const [id, bodies] of snapshots) {
    const verdict = judgeBodies(bodies, audit.get(id));
    failures.push(...verdict.conflicts.map(conflict));
    if (verdict.isStored) duplicates.push(...verdict.same.map(({ received }) => received));
    else {
      const [first, ...copies] = verdict.same;
      if (first === undefined) continue;
      candidates.push({
        snapshot: first.message,
        received: first.received,
        copies: copies.map(({ received }) => received),
      });
    }
  }
  return { candidates, duplicates, failures, heartbeats, declarations };
}

/**
 * One id is one body: the one that the audit knows, else the one that was sent first. Every other is at fault.
 * @returns the copies of the one, in the order in which they were sent, and the others
 */
function judgeBodies(
  bodies: readonly Carried<Snapshot>[],
  item: AuditItem | undefined,
): { same: Carried<Snapshot>[]; conflicts: Received[]; isStored: boolean } {
  const known = item?.undecodable ? undefined : item;
  const sorted = [...bodies].sort((left, right) => compareSending(left.received, right.received));
  const digest = known?.bodyDigest ?? sorted[0]?.received.decoded.digest;
  return {
    same: sorted.filter(({ received }) => received.decoded.digest === digest),
    conflicts: sorted.map(({ received }) => received).filter(({ decoded }) => decoded.digest !== digest),
    isStored: known?.status === 'SUCCESS',
  };
}

/** The order must not depend on how SQS happened to put the batch together. */
function compareSending(left: Received, right: Received): number {
  return (
    compareText(left.sentAt, right.sentAt) ||
    compareText(left.decoded.digest, right.decoded.digest) ||
    compareText(left.messageId, right.messageId)
  );
}

export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Audited under the message's own id: the snapshot's belongs to the other body. */
export function conflict(received: Received): Failure {
  return {
    received: { ...received, audit: { ...received.audit, id: messageAuditId(received.messageId) } },
    cause: `${received.audit.snapshotId ?? received.audit.id} stands for another body: one id with two bodies is an error of its sender`,
  };
}

function isSnapshot({ decoded }: Received): boolean {
  return decoded.ok && decoded.message.kind === 'snapshot';
}
