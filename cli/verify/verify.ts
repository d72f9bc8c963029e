import type { Ledger } from '../../shared/message.ts';
import { compareText } from '../output/compare.ts';
import type { Evidence, StoredRun } from './evidence.ts';
import { merged, type Range, size, within, without } from './ranges.ts';

export interface Terms {
  readonly nowMs: number;
  /** A message that the queue took longer ago is stored or dead, or it is lost. */
  readonly horizonMs: number;
  /** Only what was observed in it, its end aside. */
  readonly time?: { readonly startMs: number; readonly endMs: number };
}

/** Where the numbers of one epoch are: produced is the sum of the others. */
export interface EpochAccount {
  readonly bridge: string;
  readonly epoch: string;
  readonly produced: number;
  readonly stored: number;
  readonly deadLettered: number;
  readonly dropped: number;
  /** Nowhere yet, and the queue took them a short while ago. */
  readonly inFlight: number;
  /** Nowhere yet, and no ledger says that they have left the outbox. */
  readonly waiting: number;
  /** Nowhere, and the outbox that had them is gone. */
  readonly unknown: number;
  /** Nowhere, and nothing is left that could still bring them. */
  readonly lost: number;
  readonly lostRanges: readonly Range[];
  /** Its outbox was lost or torn: how many numbers it gave out last nobody knows. */
  readonly hasUnknownTail: boolean;
  /** Rows tell of it, and no ledger says where it ended. */
  readonly lacksLedger: boolean;
  /** When its newest ledger was written. */
  readonly ledgerAt?: string;
}

interface Mismatch {
  readonly bridge: string;
  readonly epoch: string;
  readonly day: string;
}

export type Verdict = 'balanced' | 'lost' | 'undecided' | 'balanced except an unknown tail' | 'nothing known';

export interface Verification {
  readonly verdict: Verdict;
  readonly epochs: readonly EpochAccount[];
  /** As many rows as a ledger counts, and others than it names. */
  readonly mismatches: readonly Mismatch[];
  readonly conflicts: number;
}

/** One epoch's evidence, and what the epoch after it says of its end. */
interface Epoch {
  readonly bridge: string;
  readonly epoch: string;
  readonly ledgers: readonly Ledger[];
  readonly runs: readonly StoredRun[];
  readonly next: { readonly epoch: string; readonly began?: Ledger['began'] } | undefined;
  /** Some later epoch began with another outbox. */
  readonly isCutOff: boolean;
}

/**
 * Proves that produced = stored + dead-lettered + declared drops, or says what is missing from it. Numbers of an epoch
 * have no gaps, so that its largest known one says how many there are; ledgers, and the epoch after it, say where it
 * ended. A gap has no time of its own: it belongs to every date between its neighbours.
 */
export function verify(evidence: Evidence, terms: Terms): Verification {
  const epochs = epochsOf(evidence)
    .map((epoch) => accountFor(epoch, evidence, terms))
    .filter((account) => account.produced > 0 || account.hasUnknownTail || account.lacksLedger);
  const mismatches = mismatchesOf(evidence, terms);
  return {
    verdict: verdictOf(epochs, mismatches, evidence.conflicts),
    epochs,
    mismatches,
    conflicts: evidence.conflicts,
  };
}

function verdictOf(
  epochs: readonly EpochAccount[],
  mismatches: readonly Mismatch[],
  conflicts: number,
): Verdict {
  if (conflicts > 0 || mismatches.length > 0 || epochs.some(({ lost }) => lost > 0)) return 'lost';
  if (epochs.length === 0) return 'nothing known';
  const isOpen = ({ inFlight, waiting, lacksLedger }: EpochAccount) =>
    inFlight > 0 || waiting > 0 || lacksLedger;
  if (epochs.some(isOpen)) return 'undecided';
  return epochs.some(({ hasUnknownTail }) => hasUnknownTail) ? 'balanced except an unknown tail' : 'balanced';
}

function epochsOf(evidence: Evidence): Epoch[] {
  const keyed = new Map<string, { bridge: string; epoch: string }>();
  const note = (bridge: string, epoch: string) => keyed.set(`${bridge}:${epoch}`, { bridge, epoch });
  for (const { bridge, epoch } of evidence.stored) note(bridge, epoch);
  for (const { bridge, epoch } of evidence.dead) note(bridge, epoch);
  for (const { bridge, epoch } of evidence.drops) note(bridge, epoch);
  for (const { bridge, epoch, began } of evidence.ledgers) {
    note(bridge, epoch);
    if (began?.predecessor !== undefined && began.predecessor.seq > 0) note(bridge, began.predecessor.epoch);
  }
  const ledgersOf = Map.groupBy(evidence.ledgers, ({ bridge, epoch }) => `${bridge}:${epoch}`);
  const runsOf = Map.groupBy(evidence.stored, ({ bridge, epoch }) => `${bridge}:${epoch}`);
  const found: Epoch[] = [];
  const newestFirst = [...keyed.values()].toSorted(
    (left, right) => compareText(left.bridge, right.bridge) || compareText(right.epoch, left.epoch),
  );
  for (const { bridge, epoch } of newestFirst) {
    const later = found.at(-1)?.bridge === bridge ? found.at(-1) : undefined;
    const began = later?.ledgers[0]?.began;
    found.push({
      bridge,
      epoch,
      ledgers: (ledgersOf.get(`${bridge}:${epoch}`) ?? []).toSorted((a, b) => compareText(a.day, b.day)),
      runs: runsOf.get(`${bridge}:${epoch}`) ?? [],
      next:
        later === undefined ? undefined : { epoch: later.epoch, ...(began === undefined ? {} : { began }) },
      isCutOff: later !== undefined && (later.isCutOff || isAnotherOutbox(began)),
    });
  }
  return found.reverse();
}

function isAnotherOutbox(began: Ledger['began']): boolean {
  return began !== undefined && began.cause !== 'start';
}

function accountFor(epoch: Epoch, evidence: Evidence, terms: Terms): EpochAccount {
  const isOurs = (one: { bridge: string; epoch: string }) =>
    one.bridge === epoch.bridge && one.epoch === epoch.epoch;
  const dead = evidence.dead.filter(isOurs);
  const places = {
    stored: merged(epoch.runs),
    dead: dead.map(({ seq }) => ({ first: seq, last: seq })),
    drops: evidence.drops.filter(isOurs),
  };
  const seen = [...places.stored, ...places.dead, ...places.drops];
  const lastSeen = Math.max(0, ...seen.map(({ last }) => last));
  const lastOfLedgers = Math.max(0, ...epoch.ledgers.map(({ last }) => last));
  const end = endOf(epoch);
  const produced = Math.max(lastSeen, lastOfLedgers, end?.seq ?? 0);

  const deadOnly = without(places.dead, places.stored);
  const dropped = without(places.drops, [...places.stored, ...deadOnly]);
  const missing = without([{ first: 1, last: produced }], seen).filter((gap) => isAsked(gap, epoch, terms));
  const acknowledged = evidence.acknowledgements.filter(isOurs);
  const takenUpTo = Math.max(0, ...acknowledged.map((one) => one.acknowledged));
  const overdue = acknowledged.filter(({ atMs }) => terms.nowMs - atMs >= terms.horizonMs);
  const overdueUpTo = Math.max(0, ...overdue.map((one) => one.acknowledged));

  const lostRanges = within(missing, { first: 1, last: overdueUpTo });
  const inFlight = size(within(missing, { first: overdueUpTo + 1, last: takenUpTo }));
  const never = size(within(missing, { first: takenUpTo + 1, last: produced }));
  const counts = {
    stored: epoch.runs.reduce((sum, run) => sum + run.countInTime, 0),
    deadLettered: deadInTime(dead, deadOnly, terms),
    dropped: size(dropped.filter((gap) => isAsked(gap, epoch, terms))),
    inFlight,
    waiting: epoch.isCutOff ? 0 : never,
    unknown: epoch.isCutOff ? never : 0,
    lost: size(lostRanges),
  };
  const ledgerAt = epoch.ledgers
    .map(({ at }) => at)
    .toSorted()
    .at(-1);
  const tail = { first: produced + 1, last: produced + 1 };
  const isTailAsked = isAsked(tail, epoch, terms);
  return {
    bridge: epoch.bridge,
    epoch: epoch.epoch,
    produced: Object.values(counts).reduce((sum, count) => sum + count, 0),
    ...counts,
    lostRanges,
    hasUnknownTail: isTailAsked && isAnotherOutbox(epoch.next?.began),
    lacksLedger: isTailAsked && !epoch.isCutOff && end === undefined && lacksLedger(),
    ...(ledgerAt === undefined ? {} : { ledgerAt }),
  };

  function lacksLedger(): boolean {
    return lastOfLedgers === 0 || (epoch.next !== undefined && lastOfLedgers < lastSeen);
  }
}

/** What the epoch after it knows of its end: exact unless another outbox began. */
function endOf({ epoch, next }: Epoch): { readonly seq: number } | undefined {
  const predecessor = next?.began?.predecessor;
  return predecessor?.epoch === epoch ? { seq: predecessor.seq } : undefined;
}

function deadInTime(
  dead: readonly { readonly seq: number; readonly atMs: number }[],
  counted: readonly Range[],
  { time }: Terms,
): number {
  if (time === undefined) return size(counted);
  const isIn = ({ atMs }: { atMs: number }) => atMs >= time.startMs && atMs < time.endMs;
  const seqs = new Set(dead.filter(isIn).map(({ seq }) => seq));
  return [...seqs].filter((seq) => within(counted, { first: seq, last: seq }).length > 0).length;
}

/** Whether numbers without a time of their own may have been observed in the time asked about. */
function isAsked(gap: Range, { epoch, runs, next }: Epoch, { time, nowMs }: Terms): boolean {
  if (time === undefined) return true;
  const before = runs.filter(({ last }) => last < gap.first).map(({ lastAtMs }) => lastAtMs);
  const after = runs.filter(({ first }) => first > gap.last).map(({ firstAtMs }) => firstAtMs);
  const fromMs = before.length > 0 ? Math.max(...before) : epochMs(epoch);
  const toMs = after.length > 0 ? Math.min(...after) : next === undefined ? nowMs : epochMs(next.epoch);
  return fromMs < time.endMs && Math.max(toMs, fromMs) >= time.startMs;
}

function epochMs(epoch: string): number {
  return Number(epoch.slice(0, 13));
}

function mismatchesOf({ ledgers, digests }: Evidence, { time }: Terms): Mismatch[] {
  const stored = new Map(digests.map((one) => [`${one.bridge}:${one.epoch}:${one.day}`, one]));
  return ledgers
    .filter(({ day }) => time === undefined || touches(day, time))
    .filter(({ bridge, epoch, day, count, digest }) => {
      const found = stored.get(`${bridge}:${epoch}:${day}`);
      return found !== undefined && found.count === count && found.digest !== digest;
    })
    .map(({ bridge, epoch, day }) => ({ bridge, epoch, day }));
}

function touches(day: string, time: { readonly startMs: number; readonly endMs: number }): boolean {
  const startMs = Date.parse(`${day}T00:00:00Z`);
  return startMs < time.endMs && startMs + 86_400_000 > time.startMs;
}
