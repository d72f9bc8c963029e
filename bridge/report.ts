import { maskAccount } from '../shared/account.ts';
import { assign } from '../shared/assignment.ts';
import type { Gauges } from '../shared/message.ts';
import type { BridgeStatus } from '../shared/status.ts';
import type { AccountsOfBridge } from './accounts.ts';
import type { GatewayConnection } from './gateway/connection.ts';
import type { ContractBook } from './gateway/contracts.ts';
import type { Dispatcher } from './handlers/dispatcher.ts';
import type { SnapshotLane } from './lines/lane/lane.ts';
import type { LineLedger } from './lines/ledger.ts';
import type { Streams } from './lines/streams.ts';
import type { OutboxStatus } from './outbox/draft.ts';
import type { Publisher } from './outbox/publisher.ts';
import type { PositionBook } from './positions/book.ts';
import type { Sweeper } from './positions/sweep.ts';
import type { Reconciler } from './reconciler/reconciler.ts';
import type { RegistryFeed } from './registry/feed.ts';
import type { RegistryReplica } from './registry/replica.ts';

/** The parts that the bridge's status is read off. */
export interface Parts {
  readonly accounts: AccountsOfBridge;
  readonly book: PositionBook;
  readonly connection: GatewayConnection;
  readonly contracts: ContractBook;
  readonly dispatcher: Dispatcher;
  readonly feed: RegistryFeed;
  readonly ledger: LineLedger;
  readonly publisher: Publisher;
  readonly reconciler: Reconciler;
  /** IB security types to record; undefined is all. */
  readonly recordedSecTypes: ReadonlySet<string> | undefined;
  readonly replica: RegistryReplica;
  readonly snapshots: SnapshotLane;
  readonly streams: Streams;
  readonly sweeper: Sweeper;
}

/** @param outbox asked for beforehand: it answers from its own thread */
export function reportStatus(
  parts: Parts,
  context: {
    readonly bridge: string;
    readonly startedAt: string;
    readonly at: string;
    readonly outbox: OutboxStatus;
  },
): BridgeStatus {
  const { bridge, startedAt, at } = context;
  const { lastFault: bookFault, lastCommitMs, positions, doubts } = parts.book.status();
  const { lastFault: sweepFault, ...sweeps } = parts.sweeper.counts();
  const { fault: outboxFault, ...outbox } = context.outbox;
  const { lastFault: publisherFault, ...published } = parts.publisher.status();
  const outboxFaults = [outboxFault, publisherFault].filter((each) => each !== undefined);
  const { scans: _scans, undecodable: _undecodable, ...registry } = parts.feed.status();
  const fault = sweepFault ?? bookFault;
  return {
    schema: 1,
    bridge,
    pid: process.pid,
    startedAt,
    at,
    gateway: {
      ...parts.connection.status(),
      accountsElsewhere: [...parts.accounts.held.elsewhere].map(([account, holder]) => ({
        account: maskAccount(account),
        bridge: holder,
      })),
    },
    lines: linesOf(parts),
    ticks: parts.streams.ticks,
    sweeps: {
      ...sweeps,
      positions,
      ...(lastCommitMs === undefined ? {} : { lastCommitMs }),
      doubts: doubts.map((doubt) => ({ ...doubt, account: maskAccount(doubt.account) })),
      ...(fault === undefined ? {} : { lastFault: fault }),
    },
    reconcile: parts.reconciler.status(),
    assignments: { overAssigned: overAssigned(parts) },
    outbox: {
      ...outbox,
      ...published,
      ...(outboxFaults.length === 0 ? {} : { lastFault: outboxFaults.join('; ') }),
    },
    registry,
    handlers: parts.dispatcher.status(),
    memoryBytes: process.memoryUsage.rss(),
  };
}

/** A leg without a line shows what its polls say. */
function linesOf({ ledger, streams, snapshots }: Parts): BridgeStatus['lines'] {
  const { rows, ...streaming } = streams.status();
  return {
    ...ledger.status(),
    ...streaming,
    rows: rows.map((row) => (row.quality === 'no-line' ? { ...row, ...snapshots.quoteOf(row.conId) } : row)),
    ...snapshots.status(),
  };
}

/** The heartbeat's gauges: the status without names and reasons. */
export function gaugesOf(status: BridgeStatus, lastKeyframeAt: string | undefined): Gauges {
  const { gateway, lines, sweeps, outbox, registry } = status;
  const ageMs = (at: string | undefined) =>
    at === undefined ? undefined : Math.max(0, Date.parse(status.at) - Date.parse(at));
  const active = lines.strategies.filter(({ state }) => state !== 'inactive' && state !== 'not-ours');
  return {
    gatewayReady: gateway.state === 'ready' ? 1 : 0,
    linesCap: lines.cap,
    linesInUse: lines.streaming + lines.stale + lines.snapshotsInFlight,
    linesRefused: lines.refused,
    strategiesActive: active.length,
    strategiesDegraded: active.filter(({ state }) => state === 'degraded').length,
    positions: sweeps.positions,
    outboxDepth: outbox.depth,
    outboxOldestMs: ageMs(outbox.oldestAt) ?? 0,
    registryVersion: registry.version,
    registryLag: registry.lag,
    sweepAgeMs: ageMs(sweeps.lastAt),
    keyframeAgeMs: ageMs(lastKeyframeAt),
    sweepsFailed: sweeps.failed,
    positionsDoubted: sweeps.doubts.reduce((sum, { positions }) => sum + positions, 0),
    tableDifferences: standingDifferences(status),
    overAssigned: status.assignments.overAssigned.length,
  };
}

/** What may still be on its way is none. */
function standingDifferences({ reconcile }: BridgeStatus): number {
  if (reconcile?.state !== 'differs') return 0;
  return Object.values(reconcile.differences).reduce((sum, count) => sum + count, 0);
}

/**
 * Only of contracts that the sweeps have shown or that strategies of ours claim; before the first sweep of nothing.
 * What is not recorded has no position here to be measured by, and a contract whose type is not known yet may be one.
 */
function overAssigned(parts: Parts): BridgeStatus['assignments']['overAssigned'] {
  const { accounts, book, contracts, recordedSecTypes, replica, sweeper } = parts;
  if (sweeper.counts().complete === 0) return [];
  const { ours } = accounts.held;
  const strategies = [...replica.replica.strategies.values()].filter(({ account }) => ours.has(account));
  const secTypes = new Map<number, string>();
  const holdings = book.positions().map(({ account, contract, quantity }) => {
    secTypes.set(contract.conId, contract.secType);
    return { account, conId: contract.conId, quantity };
  });
  const isRecorded = (conId: number) => {
    const secType = secTypes.get(conId) ?? contracts.peek(conId)?.contract.secType;
    return recordedSecTypes === undefined || (secType !== undefined && recordedSecTypes.has(secType));
  };
  return assign(holdings, strategies)
    .filter((row) => row.overAssigned && isRecorded(row.conId))
    .map(({ account, conId, quantity, unassigned }) => ({
      account: maskAccount(account),
      conId,
      quantity,
      unassigned,
    }));
}
