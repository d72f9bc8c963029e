import { snapshotId } from '../../shared/snapshot.ts';

/** Sequence numbers 1 to `last` that one outbox gave out in one epoch. */
export interface ProducedEpoch {
  readonly bridge: string;
  readonly epoch: string;
  readonly last: number;
}

/** Sequence numbers of one epoch, both ends included. */
export interface SeqRange {
  readonly bridge: string;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
}

export interface Evidence {
  readonly produced: readonly ProducedEpoch[];
  /** What the Parquet files hold; ranges may overlap. */
  readonly stored: readonly SeqRange[];
  /** What the bounded outbox declared given up; ranges may overlap. */
  readonly dropped: readonly SeqRange[];
  /** Snapshot ids decoded from the bodies under `dead/v1/`, duplicates allowed. */
  readonly deadIds: Iterable<string>;
  /** Messages that still wait: in the outbox, in the queue, in a consumer's hands. */
  readonly waiting: number;
}

export interface Reconciliation {
  readonly produced: number;
  readonly stored: number;
  readonly deadLettered: number;
  readonly dropped: number;
  /** Of what is nowhere else, as much as the waiting messages can account for. */
  readonly inFlight: number;
  /** Nowhere: neither stored, nor dead, nor declared, nor waiting. */
  readonly lost: number;
  /** The first few ids behind `inFlight` and `lost`. */
  readonly missingIds: readonly string[];
  /** Ids stored, dead or dropped that no outbox of this directory gave out. */
  readonly strangers: number;
}

const MISSING_IDS_MAX = 5;
const ID = /^(.+):(\d+)$/;

/**
 * Where every sequence number went that the outboxes gave out. Each counts once, and the lake comes first: what was
 * stored and later dead-lettered on a redelivery is stored.
 */
export function reconcile(evidence: Evidence): Reconciliation {
  const places = new Map(
    evidence.produced.map((epoch) => [`${epoch.bridge}:${epoch.epoch}`, new Uint8Array(epoch.last)]),
  );
  const strangers = new Set<string>();
  const counts = { stored: 0, deadLettered: 0, dropped: 0 };
  /** @returns false when no outbox gave this number out */
  const claim = (epoch: string, seq: number, as: keyof typeof counts): boolean => {
    const taken = places.get(epoch)?.[seq - 1];
    if (taken === undefined) return false;
    if (taken === 1) return true;
    places.get(epoch)?.fill(1, seq - 1, seq);
    counts[as] += 1;
    return true;
  };
  const claimRange = ({ bridge, epoch, first, last }: SeqRange, as: keyof typeof counts): void => {
    for (let seq = first; seq <= last; seq += 1) {
      if (!claim(`${bridge}:${epoch}`, seq, as)) strangers.add(snapshotId({ bridge, epoch, seq }));
    }
  };

  for (const range of evidence.stored) claimRange(range, 'stored');
  for (const id of evidence.deadIds) {
    const [, epoch = '', seq = ''] = ID.exec(id) ?? [];
    if (!claim(epoch, Number(seq), 'deadLettered')) strangers.add(id);
  }
  for (const range of evidence.dropped) claimRange(range, 'dropped');

  const produced = evidence.produced.reduce((sum, epoch) => sum + epoch.last, 0);
  const missing = produced - counts.stored - counts.deadLettered - counts.dropped;
  const inFlight = Math.min(missing, evidence.waiting);
  return {
    produced,
    ...counts,
    inFlight,
    lost: missing - inFlight,
    missingIds: missing === 0 ? [] : firstMissing(evidence.produced, places),
    strangers: strangers.size,
  };
}

function firstMissing(
  produced: readonly ProducedEpoch[],
  places: ReadonlyMap<string, Uint8Array>,
): readonly string[] {
  const found: string[] = [];
  for (const { bridge, epoch } of produced) {
    const taken = places.get(`${bridge}:${epoch}`) ?? new Uint8Array();
    let index = taken.indexOf(0);
    while (index >= 0 && found.length < MISSING_IDS_MAX) {
      found.push(snapshotId({ bridge, epoch, seq: index + 1 }));
      index = taken.indexOf(0, index + 1);
    }
  }
  return found;
}
