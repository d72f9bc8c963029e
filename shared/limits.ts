/**
 * Limits of AWS and of IB, our own choices within them, and the relations between them: a limit that is changed
 * alone fails here, when the module loads, and not in production. Units come last in the names.
 */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_S = 86_400;

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
export const SQS = {
  sendBatchMax: 10,
  /** Of one message and of all messages of one SendMessageBatch together. */
  payloadMaxBytes: 1024 * 1024,
  longPollMaxS: 20,
  retentionMaxS: 14 * DAY_S,
} as const;

/** The drain: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
export const DRAIN = {
  batchSize: 50,
  /** One object a minute whatever trickles in: docs/decisions/0023-cost.md. */
  batchWindowS: 60,
  timeoutS: 60,
  memoryMb: 512,
  /** At least six function timeouts plus the window, so that a batch in work is not delivered a second time. */
  visibilityTimeoutS: 6 * 60 + 60,
  maxReceiveCount: 5,
} as const;

/** https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailureinvocation.html */
export const FEED = {
  batchSize: 100,
  timeoutS: 10,
  memoryMb: 256,
  retryAttempts: 10,
  recordAgeMaxS: 3600,
  queueVisibilityTimeoutS: 30,
  /** A version that is missing for longer starts a scan. */
  gapMaxMs: 2 * SECOND_MS,
  antiEntropyPeriodMs: MINUTE_MS,
  lagMaxMs: 30 * SECOND_MS,
  replicaAgeMaxMs: DAY_S * SECOND_MS,
} as const;

export const DEAD_LETTER = { batchSize: 10, timeoutS: 30, memoryMb: 256 } as const;

/** The compactor: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const COMPACT = {
  timeoutS: 900,
  memoryMb: 1024,
  /** For raw copies, what a sort spills and the files it makes. */
  diskMb: 2048,
  /** The database's own bound; Node, the binding and the copies in flight have the rest. */
  databaseMemoryMb: 256,
  /** Raw objects that one commit takes, of at most DRAIN.batchSize rows each. */
  batchObjects: 5000,
  /** Raw objects that the database has open at once: each costs memory for its metadata. */
  openObjects: 250,
  /** One row group is one file. Half of it and less is put together with others. */
  rowGroupRows: 102_400,
  /** Rows that one commit appends or rearranges. */
  commitRows: 250_000,
  requestsMax: 32,
  /** No batch begins with less time: what is left is for the next call. */
  reserveMs: 3 * MINUTE_MS,
  /** Other compactors that come first, in a row, before one gives up. */
  attemptsMax: 10,
  checkpointCommits: 10,
  /** Raw objects go, and files that were replaced, when nobody can need them any more. */
  graceS: 7 * DAY_S,
} as const;

export const ATHENA = {
  /** A question that reads more is ended: 0.05 USD at 5 USD per TB. https://aws.amazon.com/athena/pricing/ */
  scannedMaxBytes: 10 * 1024 ** 3,
  /** No snapshot is older than slotwise. */
  firstDay: '2026-11-01',
} as const;

export const RETENTION = {
  auditDays: 30,
  /** Closed positions stay as items of quantity 0, so that no redelivery resurrects them. */
  closedPositionDays: 30,
  queueS: SQS.retentionMaxS,
} as const;

/** https://interactivebrokers.github.io/tws-api/market_data.html; why each default: docs/operations.md */
export const GATEWAY = {
  linesCap: 100,
  /** For the trader's own TWS, phone and other programs: they share the account's lines. */
  linesReserve: 10,
  /** Of the cap, what the polled lane is sure of however much the strategies want. */
  polledLines: 5,
  requestsPerSecond: 40,
  /** Above it reqPositions is not offered: https://interactivebrokers.github.io/tws-api/positions.html */
  accountsInOneListMax: 50,
  /** A snapshot request ends after about 11 s, whatever came. */
  snapshotDeadlineMs: 15 * SECOND_MS,
  /** A stream that is only there for one answer: bid, ask and greeks of a quiet contract may take a while. */
  shortStreamMs: 4 * SECOND_MS,
  /** IB answers a cancel within milliseconds of its subscribe with 354 or 300 (QuantConnect/Lean#1134). */
  lineHoldMinMs: 300,
} as const;

/** Why each default: docs/operations.md */
export const LINES = {
  answerDeadlineMs: MINUTE_MS,
  verifyDeadlineMs: 30 * SECOND_MS,
  silenceMs: 2 * MINUTE_MS,
  competingRetryMs: 5 * MINUTE_MS,
  /** How many times longer a silent line is waited for while lines of the same underlying speak. */
  siblingPatience: 5,
  /** The longest pause between two requests of a line that stays silent, as a multiple of silenceMs. */
  silencePauseMax: 30,
  /** Lines requested again in one second at most: a cancel and a request each, a quarter of the pace. */
  requestedAgainPerSecond: 5,
  /** Between two looks at the age of the contract details of what streams: their hours reach some days ahead. */
  hoursRenewMs: 60 * MINUTE_MS,
  /** Refusals that the gateway had queued while its link was down arrive for a moment longer. */
  linkGraceMs: 10 * SECOND_MS,
  /** A request brings the standing quote within seconds: what comes later is the market. */
  replayMs: 10 * SECOND_MS,
  /** After an opening or a close: the last ticks of the session, and TWS itself may switch the type. */
  typeGraceMs: MINUTE_MS,
} as const;

/** Two weeks of 200 contracts of which 20 stream, where a poll finds a twentieth changed: docs/operations.md. */
export const OUTBOX = {
  /** Bodies that wait, in UTF-8; the file is about a fifth larger, and its log takes up to 64 MiB beside it. */
  maxBytes: 1024 * 1024 * 1024,
} as const;

export const BRIDGE = {
  sweepPeriodMs: 30 * SECOND_MS,
  sweepDeadlineMs: 20 * SECOND_MS,
  keyframePeriodMs: 15 * MINUTE_MS,
  snapshotPeriodMs: MINUTE_MS,
  degradedPeriodMs: 15 * SECOND_MS,
  markPeriodMs: 15 * MINUTE_MS,
  recorderPeriodMs: MINUTE_MS,
  heartbeatPeriodMs: MINUTE_MS,
  /** A lease by heartbeats: three may be lost before another bridge takes an account. */
  leaseMs: 4 * MINUTE_MS,
} as const;

/** Of the positions table with the sweeps: docs/decisions/0021-reconciler.md */
export const RECONCILE = {
  /** From the queue to the table where the first try succeeds. */
  drainPeriodMs: (DRAIN.batchWindowS + DRAIN.timeoutS) * SECOND_MS,
  /** After the outbox has let go of a keyframe: the ordinary way to the table, twice the batch window. */
  settleMs: 2 * DRAIN.batchWindowS * SECOND_MS,
  /** Rows of one page, and so in memory at once. */
  pageRows: 100,
  /** Differences of each kind that are remembered, and mended at one look. */
  suspectsMax: 250,
} as const;

/** Held short options that no strategy streams: what makes one worth a line that nobody else needs. */
export const WATCH = {
  linesMax: 10,
  /** Trading days after the present one: the last trading day and the one before it. */
  tradingDaysLeftMax: 1,
  /** Distance of the underlying from the strike, as a share of the strike. */
  nearRatio: 0.01,
  releaseRatio: 0.015,
  holdMs: 15 * MINUTE_MS,
  /** A price of the underlying that is older says nothing: longer than the slowest period at which marks are polled. */
  priceAgeMaxMs: 20 * MINUTE_MS,
  /** Prices move and days end without an event of their own. */
  periodMs: 5 * SECOND_MS,
} as const;

function relation(holds: boolean, text: string): void {
  if (!holds) throw new RangeError(`limits.ts: ${text}`);
}

relation(
  DRAIN.visibilityTimeoutS >= 6 * DRAIN.timeoutS + DRAIN.batchWindowS,
  'the drain needs a visibility timeout of six function timeouts plus the batch window',
);
relation(DRAIN.batchSize <= 10 || DRAIN.batchWindowS >= 1, 'a batch above 10 needs a window of at least 1 s');
relation(
  DRAIN.visibilityTimeoutS * DRAIN.maxReceiveCount < RETENTION.queueS,
  'a message must reach its last try before the queue forgets it',
);
relation(
  RETENTION.closedPositionDays * DAY_S > RETENTION.queueS,
  'a tombstone must outlive every message that could resurrect the position',
);
relation(
  COMPACT.databaseMemoryMb < COMPACT.memoryMb / 2,
  'the database shares its memory with Node and the binding',
);
relation(
  COMPACT.reserveMs < COMPACT.timeoutS * SECOND_MS,
  'the compactor needs time to begin anything at all',
);
relation(
  COMPACT.batchObjects * DRAIN.batchSize <= COMPACT.commitRows,
  'a batch of raw objects must fit into one commit',
);
relation(BRIDGE.sweepDeadlineMs < BRIDGE.sweepPeriodMs, 'a sweep must give up before the next one is due');
relation(
  2 * RECONCILE.drainPeriodMs + RECONCILE.settleMs < BRIDGE.keyframePeriodMs / 2,
  'two looks at the positions table must fit well between two keyframes',
);
relation(BRIDGE.leaseMs > 3 * BRIDGE.heartbeatPeriodMs, 'a lease must outlive three lost heartbeats');
relation(
  4 * 2 * LINES.requestedAgainPerSecond <= GATEWAY.requestsPerSecond,
  'lines requested again must leave most of the pace to others',
);
relation(GATEWAY.linesReserve < GATEWAY.linesCap, 'the reserve must leave lines to the bridge');
relation(
  WATCH.nearRatio < WATCH.releaseRatio,
  'a watched option must be released further off than it was taken',
);
relation(GATEWAY.requestsPerSecond < GATEWAY.linesCap / 2, 'IB allows lines / 2 requests per second');
