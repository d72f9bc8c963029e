import * as z from 'zod';
import { contractSchema } from './contract.ts';
import { decimalSchema } from './decimal.ts';
import { bridgeIdSchema, epochSchema, instantSchema, markSchema, qualitySchema } from './snapshot.ts';

/**
 * What the bridge says of itself: served at `GET /status.json` on loopback, written to `status.json` in its state
 * directory, read by the live page and the command line. Accounts are masked. Counters count since `startedAt`.
 */

const count = z.int().nonnegative();

/** Wanted and confirmed are two things: what we asked for, and what the gateway's own messages prove. */
const lineStateSchema = z.enum(['wanted', 'sent', 'confirmed', 'stale', 'refused', 'ended']);

const lineStatusSchema = z.object({
  conId: z.int().positive(),
  contract: contractSchema.optional(),
  state: lineStateSchema,
  /** ACTIVE strategies that hold or watch it; of the watch class all that hold it short. */
  strategyIds: z.array(z.string()),
  since: instantSchema,
  /** A sentence: why it has a line, or why not. */
  reason: z.string(),
  /** It is a line of the watch class: no strategy was granted it. */
  watch: z.boolean().optional(),
  quality: qualitySchema,
  mark: markSchema.optional(),
  ticks: count,
  /** Any message, a tick or not; absent before the first. */
  lastMessageAt: instantSchema.optional(),
  /** How often it was requested again: silent, unanswered, or for frozen data and back. Absent: never. */
  requestedAgain: count.optional(),
});

const legStatusSchema = z.object({
  conId: z.int().positive(),
  contract: contractSchema.optional(),
  /** As the strategy says: signed, 0 is watched. */
  quantity: decimalSchema,
  /** What the strategy's account holds in all; absent where this bridge does not know. */
  held: decimalSchema.optional(),
  /** Of a held short option that no strategy streams: whether the watch class has it, and why or why not. */
  watch: z.string().optional(),
});

const strategyStatusSchema = z.object({
  id: z.string(),
  /** Masked. */
  account: z.string(),
  priority: z.int(),
  linesNeeded: count,
  /** streaming: all of its lines. stale: some are silent. partial: the broker refused some. degraded: no room. */
  state: z.enum(['streaming', 'stale', 'partial', 'degraded', 'pending', 'inactive', 'not-ours']),
  since: instantSchema,
  reason: z.string(),
  legs: z.array(legStatusSchema),
});

const polledStatusSchema = z.object({
  name: z.string(),
  conId: z.int().positive().optional(),
  mark: markSchema.optional(),
  quality: qualitySchema,
  lastAt: instantSchema.optional(),
  /** Where the last values came from: a snapshot request, or the line that streams it anyway. */
  source: z.enum(['snapshot', 'stream']).optional(),
});

const laneClassStatusSchema = z.object({
  /** index: configured instruments. degraded: legs of strategies without lines. mark: every other position. */
  class: z.enum(['index', 'degraded', 'mark']),
  source: z.enum(['snapshot', 'short-stream', 'portfolio', 'off']),
  contracts: count,
  /** Of the contracts, how many have answered. */
  quoted: count,
  periodMs: z.number().positive(),
  /** What becomes of the period with the lines that are left: the same while they are enough. */
  reachedPeriodMs: z.number().positive(),
  /** Age of the oldest answer. */
  oldestMs: z.number().nonnegative().optional(),
});

/**
 * How the positions table differs from the sweeps. missing: no row. extra: held in the table alone. quantity: another
 * one. stale: older than the last keyframe. newer: before anything that could be sent now. unreadable: no snapshot.
 */
const differenceKindSchema = z.enum(['missing', 'extra', 'quantity', 'stale', 'newer', 'unreadable']);

const differenceSchema = z.object({
  kind: differenceKindSchema,
  /** Masked. */
  account: z.string(),
  modelCode: z.string().optional(),
  conId: z.int(),
  contract: contractSchema.optional(),
  /** As the last complete list has it; "0" is not held. */
  held: decimalSchema,
  /** As the table has it; absent without a row that can be read. */
  table: decimalSchema.optional(),
  /** When it was found as it is. */
  since: instantSchema,
  /** When the position was sent again, or the row handed to the rules of closing. */
  mendedAt: instantSchema.optional(),
});

const reconcileStatusSchema = z.object({
  /** undecided: not compared yet, or not lately, or what was found is too young; see `reason`. */
  state: z.enum(['agrees', 'differs', 'undecided']),
  /** Why it is undecided: a sentence. */
  reason: z.string().optional(),
  /** The last comparison that came to its end. */
  lastAt: instantSchema.optional(),
  /** Of it: positions compared, and rows of the table read, closed ones included. */
  positions: count,
  rows: count,
  /** Of it, by kind; young ones included. */
  differences: z.record(differenceKindSchema, count),
  /** A few of them. */
  examples: z.array(differenceSchema),
  /** Differences that are gone after they were mended. */
  mended: count,
  /** The last few of them, the newest first; `mendedAt` says when. */
  lastMended: z.array(differenceSchema),
  /** Comparisons that the table did not answer. */
  failed: count,
  lastFault: z.string().optional(),
});

export const bridgeStatusSchema = z.object({
  schema: z.literal(1),
  bridge: bridgeIdSchema,
  pid: z.int().positive(),
  startedAt: instantSchema,
  at: instantSchema,
  gateway: z.object({
    /** open-circuit: attempts failed in a row; half-open: one probe is under way. */
    state: z.enum([
      'idle',
      'connecting',
      'handshaking',
      'ready',
      'waiting',
      'open-circuit',
      'half-open',
      'stopped',
    ]),
    host: z.string(),
    port: z.int(),
    clientId: count,
    serverVersion: z.int().optional(),
    /** Masked. */
    accounts: z.array(z.string()),
    /** Accounts of this gateway that another bridge holds, masked, with its id. */
    accountsElsewhere: z.array(z.object({ account: z.string(), bridge: z.string() })),
    connections: count,
    failedAttempts: count,
    nextAttemptAt: instantSchema.optional(),
    /** One line for a person: what happened last and what to check. */
    lastFault: z.string().optional(),
    linkUp: z.boolean(),
  }),
  lines: z.object({
    /** What may be in use at once: the setting without the reserve, or less where the gateway granted less. */
    cap: count,
    /** A sentence. */
    capReason: z.string(),
    /** Lines of the account, as the settings say. */
    setting: count,
    /** Of them, what is left to the trader's own TWS. */
    reserve: count,
    /** Of the cap, what streams never take. */
    polledShare: count,
    /** Streams that the gateway confirmed and that are not stale, those of the watch class included. */
    streaming: count,
    /** Requested and silent: their marks are old. */
    stale: count,
    watching: count,
    snapshotsInFlight: count,
    refused: count,
    /** Requests made again for silence, for want of an answer or for another type of data. */
    requestedAgain: count,
    rows: z.array(lineStatusSchema),
    strategies: z.array(strategyStatusSchema),
    polled: z.array(polledStatusSchema),
    /** The snapshot lane by class, in the order of service. */
    lane: z.array(laneClassStatusSchema),
  }),
  ticks: count,
  sweeps: z.object({
    complete: count,
    failed: count,
    lastAt: instantSchema.optional(),
    /** From request to positionEnd. */
    lastDurationMs: z.number().nonnegative().optional(),
    /** From positionEnd to synced in the outbox. */
    lastCommitMs: z.number().nonnegative().optional(),
    positions: count,
    /** Positions that the broker's list lacks and that are not closed, by account (masked), and why not. */
    doubts: z.array(z.object({ account: z.string(), positions: count, cause: z.string() })).default([]),
    lastFault: z.string().optional(),
  }),
  /** The positions table against the sweeps; absent from bridges of earlier versions. */
  reconcile: reconcileStatusSchema.optional(),
  assignments: z.object({
    overAssigned: z.array(
      z.object({
        account: z.string(),
        conId: z.int().positive(),
        quantity: decimalSchema,
        unassigned: decimalSchema,
      }),
    ),
  }),
  outbox: z.object({
    epoch: epochSchema,
    produced: count,
    depth: count,
    oldestAt: instantSchema.optional(),
    /** Of all bodies that wait, and their bound. */
    bytes: count,
    maxBytes: count,
    sent: count,
    /** Snapshots given up because of the bound; each is declared. */
    dropped: count,
    /** Messages that SQS will never take: kept in the file, declared. */
    refused: count,
    /** Calls that the disk did not take and that changed nothing. */
    notWritten: count,
    /** Torn files that are kept beside the outbox. */
    quarantined: count,
    /** What keeps it from writing or sending now, and the remedy. */
    lastFault: z.string().optional(),
  }),
  registry: z.object({
    /** none: no replica at all, nothing is streamed. stale: last known good from disk, not yet confirmed. */
    state: z.enum(['none', 'stale', 'current']),
    version: count,
    strategies: count,
    /** Versions that the replica lacks, by the head as it was last read; absent before the first reading. */
    lag: count.optional(),
    lastScanAt: instantSchema.optional(),
    /** When the table last agreed with what is acted on; survives restarts. */
    confirmedAt: instantSchema.optional(),
    lastFault: z.string().optional(),
  }),
  handlers: z.array(
    z.object({ name: z.string(), handled: count, conflated: count, failed: count, waiting: count }),
  ),
  memoryBytes: count,
});

export type BridgeStatus = z.infer<typeof bridgeStatusSchema>;
export type LineStatus = z.infer<typeof lineStatusSchema>;
export type LineState = z.infer<typeof lineStateSchema>;
export type LegStatus = z.infer<typeof legStatusSchema>;
export type StrategyStatus = z.infer<typeof strategyStatusSchema>;
export type LaneClassStatus = z.infer<typeof laneClassStatusSchema>;
export type DifferenceKind = z.infer<typeof differenceKindSchema>;
export type DifferenceStatus = z.infer<typeof differenceSchema>;
export type ReconcileStatus = z.infer<typeof reconcileStatusSchema>;
export type PolledStatus = z.infer<typeof polledStatusSchema>;
