import type { AuditItem } from '../../shared/audit.ts';
import type { Declarations } from '../verify/declarations.ts';

/** A row of the lake that an audit item may have outlived, or that has no item any more. */
export interface StoredRow {
  readonly id: string;
  readonly conId: number;
  readonly priority: number;
  readonly bodyDigest: string;
  readonly objectKey: string;
  readonly observedAt: string;
  readonly receivedAt: string;
}

/** What is known of one message, whoever knows it. */
export interface Trail {
  readonly id: string;
  /**
   * RETRYING, SUCCESS, FAILED as the audit says; of a row without an item SUCCESS. Derived: QUEUED, the queue has taken
   * it and nobody has tried it; WAITING, it is in the outbox; DROPPED, the outbox gave it up and said so.
   */
  readonly status: AuditItem['status'] | 'QUEUED' | 'WAITING' | 'DROPPED';
  readonly snapshotId?: string;
  readonly conId?: number;
  readonly priority?: number;
  readonly attempts?: number;
  readonly causes?: AuditItem['causes'];
  readonly bodyDigest?: string;
  readonly objectKey?: string;
  readonly createdAt?: string;
  readonly updatedAt?: string;
  /** From the row. */
  readonly observedAt?: string;
}

export function trailOfItem(item: AuditItem): Trail {
  const {
    failedDay: _failedDay,
    expiresAt: _expiresAt,
    undecodable: _undecodable,
    messageId: _messageId,
    ...rest
  } = item;
  return withoutUndefined(rest) as Trail;
}

/** Where the audit has forgotten, the row is all there is to say. */
export function trailOfRow(row: StoredRow): Trail {
  const { receivedAt, ...rest } = row;
  return { ...rest, status: 'SUCCESS', createdAt: receivedAt };
}

/**
 * What ledgers and drops say of an id that neither audit nor lake has.
 * @returns undefined when no bridge has said that it gave this number out
 */
export function derivedTrail(id: string, declared: Declarations): Trail | undefined {
  const [bridge, epoch, number, ...more] = id.split(':');
  const seq = Number(number);
  if (more.length > 0 || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  const isOurs = (one: { bridge: string; epoch: string }) => one.bridge === bridge && one.epoch === epoch;
  const drop = declared.drops.find((one) => isOurs(one) && one.first <= seq && seq <= one.last);
  if (drop !== undefined) {
    return {
      id,
      status: 'DROPPED',
      causes: [{ at: drop.at, attempt: 0, text: drop.reason }],
      updatedAt: drop.at,
    };
  }
  const taken = declared.acknowledgements.filter((one) => isOurs(one) && one.acknowledged >= seq);
  if (taken.length > 0) {
    const atMs = Math.min(...taken.map((one) => one.atMs));
    return { id, status: 'QUEUED', updatedAt: new Date(atMs).toISOString() };
  }
  const ledger = declared.ledgers.find((one) => isOurs(one) && one.last >= seq);
  return ledger === undefined ? undefined : { id, status: 'WAITING', updatedAt: ledger.at };
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}
