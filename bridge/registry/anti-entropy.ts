import { hasGap, type Replica } from '../../shared/replica.ts';

/** When the table itself has to be asked, whatever the feed brings. Pure: times are parameters, in milliseconds. */
export interface AntiEntropyPeriods {
  /** Between two readings of the head. */
  readonly headPeriodMs: number;
  /** How long the replica may be behind a head that was read. */
  readonly lagMaxMs: number;
  /** How long a version may be missing below one that was seen: the stream orders per item only. */
  readonly gapMaxMs: number;
  /** Without a full scan. */
  readonly scanAgeMaxMs: number;
}

export type ScanReason = 'boot' | 'gap' | 'lag' | 'restored' | 'age';

export interface Doubts {
  readonly headReadAt?: number;
  readonly scannedAt?: number;
  /** The first missing version is contiguous + 1; another one is another gap. */
  readonly gap?: { readonly contiguous: number; readonly since: number };
  readonly lag?: { readonly head: number; readonly since: number };
  /** The head was behind the replica: the table was put back from a backup. */
  readonly isRestored?: boolean;
}

/** After every image and before every decision. */
export function noteReplica(doubts: Doubts, replica: Replica, now: number): Doubts {
  const { gap, lag, ...rest } = doubts;
  const { contiguous } = replica;
  return {
    ...rest,
    ...(hasGap(replica) && { gap: gap?.contiguous === contiguous ? gap : { contiguous, since: now } }),
    ...(lag !== undefined && contiguous < lag.head && { lag }),
  };
}

/** @param head as read, strongly consistent */
export function noteHead(doubts: Doubts, replica: Replica, head: number, now: number): Doubts {
  const { lag, ...rest } = doubts;
  return {
    ...rest,
    headReadAt: now,
    isRestored: head < replica.contiguous,
    ...(head > replica.contiguous && { lag: lag ?? { head, since: now } }),
  };
}

export function noteScan(now: number): Doubts {
  return { headReadAt: now, scannedAt: now };
}

export type Step =
  | { readonly do: 'scan'; readonly reason: ScanReason }
  | { readonly do: 'read-head' }
  | { readonly do: 'wait'; readonly ms: number };

export function nextStep(doubts: Doubts, periods: AntiEntropyPeriods, now: number): Step {
  const { scannedAt, headReadAt = Number.NEGATIVE_INFINITY, gap, lag } = doubts;
  if (scannedAt === undefined) return { do: 'scan', reason: 'boot' };
  if (doubts.isRestored === true) return { do: 'scan', reason: 'restored' };
  const dueIn = {
    gap: gap === undefined ? Number.POSITIVE_INFINITY : gap.since + periods.gapMaxMs - now,
    lag: lag === undefined ? Number.POSITIVE_INFINITY : lag.since + periods.lagMaxMs - now,
    age: scannedAt + periods.scanAgeMaxMs - now,
  } as const;
  for (const reason of ['gap', 'lag', 'age'] as const) {
    if (dueIn[reason] <= 0) return { do: 'scan', reason };
  }
  const headDueIn = headReadAt + periods.headPeriodMs - now;
  if (headDueIn <= 0) return { do: 'read-head' };
  return { do: 'wait', ms: Math.min(headDueIn, dueIn.gap, dueIn.lag, dueIn.age) };
}
