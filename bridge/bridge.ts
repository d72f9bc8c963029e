import { join } from 'node:path';
import { LOCAL_RUN } from '../shared/local-run.ts';
import type { BridgeStatus } from '../shared/status.ts';
import { AccountsOfBridge } from './accounts.ts';
import { createCloudClients } from './cloud.ts';
import type { Settings } from './config.ts';
import { GatewayConnection } from './gateway/connection.ts';
import { ContractBook } from './gateway/contracts.ts';
import { describeContract } from './handlers/describe.ts';
import { Dispatcher } from './handlers/dispatcher.ts';
import type { Lane } from './handlers/handler.ts';
import { loadHandlers } from './handlers/load.ts';
import { Recorder } from './handlers/recorder.ts';
import { SnapshotLane } from './lines/lane/lane.ts';
import { PortfolioMarks } from './lines/lane/portfolio-marks.ts';
import { LineLedger } from './lines/ledger.ts';
import type { Quote } from './lines/quote.ts';
import { Streams } from './lines/streams.ts';
import { withPatrol } from './lines/watchdog.ts';
import type { Log } from './log.ts';
import { openOutbox } from './outbox/outbox.ts';
import { Publisher } from './outbox/publisher.ts';
import { PositionBook } from './positions/book.ts';
import { ownersByAccount } from './positions/drafts.ts';
import { Portfolios } from './positions/portfolio.ts';
import { listsFor, Sweeper } from './positions/sweep.ts';
import { VANISH } from './positions/vanish.ts';
import { Witness } from './positions/witness.ts';
import { Reconciler } from './reconciler/reconciler.ts';
import { RegistryFeed } from './registry/feed.ts';
import { AccountLeases } from './registry/lease.ts';
import { RegistryReplica } from './registry/replica.ts';
import { gaugesOf, type Parts, reportStatus } from './report.ts';
import { Heartbeats, type Report } from './status/heartbeat.ts';
import { startStatusServer } from './status/server.ts';

/** What the shutdown may take to bring the outbox into the queue; what is left is sent after the next start. */
const FLUSH_DEADLINE_MS = 10_000;

/** https://interactivebrokers.github.io/tws-api/market_data_type.html */
const MARKET_DATA_TYPES = { live: 1, delayed: 3 } as const;

export interface Bridge extends AsyncDisposable {
  readonly statusUrl: string;
  /** Settles when the outbox fails: nothing more can be accepted, and only a new start of the process helps. */
  readonly failed: Promise<Error>;
  status(): Promise<BridgeStatus>;
  /** In order: intake, lines, handlers, positions, outbox, gateway, cloud, status file. A second call does nothing. */
  stop(): Promise<void>;
}

/**
 * The composition root: builds the parts and starts them in the order in which they need each other: disk, cloud,
 * and the gateway last.
 * @throws Error for a person when a part cannot start: the outbox's file, a handler, the status port
 */
export async function startBridge({
  settings,
  log,
  signal,
}: {
  readonly settings: Settings;
  readonly log: Log;
  /** Ends the wait for the outbox's file. */
  readonly signal?: AbortSignal;
}): Promise<Bridge> {
  await using started = new AsyncDisposableStack();
  const startedAt = new Date().toISOString();
  const failed = Promise.withResolvers<Error>();
  const inState = (file: string) => join(settings.stateDir, file);
  const { cloud } = settings;

  const outbox = await openOutbox({
    path: inState('outbox.db'),
    bridge: settings.bridge,
    maxBytes: settings.outbox.maxBytes,
    log,
    onFault: (fault) => failed.resolve(fault),
    ...(signal && { signal }),
  });
  started.defer(() => outbox.close());

  const clients = createCloudClients({ region: cloud.region });
  started.use(clients);
  const publisher = new Publisher({ outbox, client: clients.sqs, queueUrl: cloud.snapshotQueueUrl, log });
  const replica = new RegistryReplica({ file: inState('replica.json'), log });
  await replica.load();
  const feed = new RegistryFeed({
    replica,
    sqs: clients.sqs,
    queueUrl: settings.feedQueueUrl,
    table: { client: clients.dynamodb, name: cloud.registryTable },
    log,
    longPollS: settings.feed.longPollS,
    periods: settings.feed,
  });

  const connection = new GatewayConnection({ settings: settings.gateway, log });
  const contracts = new ContractBook({ gateway: connection, log, path: inState('contracts.json') });
  const leases = new AccountLeases({
    client: clients.dynamodb,
    positionsTable: cloud.positionsTable,
    bridge: settings.bridge,
    log,
    periodMs: settings.heartbeat.periodMs,
  });
  const accounts = new AccountsOfBridge({ gateway: connection, leases });

  const portfolios = new Portfolios({
    gateway: connection,
    log,
    deadlineMs: settings.sweep.deadlineMs,
  });
  const ledger = new LineLedger(settings.lines);
  const offer = (lane: Lane) => (conId: number) => dispatcher.offer(conId, lane);
  const onStreamed = (conId: number) => {
    recorder.touch(conId);
    dispatcher.offer(conId, 'stream');
  };
  const streams = new Streams({
    gateway: connection,
    contracts,
    ledger,
    log,
    onQuote: onStreamed,
    marketDataType: MARKET_DATA_TYPES[settings.marketData.type],
    watchdog: withPatrol(settings.lines),
    contractOf: (conId) => book.positionsOf(conId)[0]?.contract,
    knowledge: {
      positionsOf: (conId) => book.positionsOf(conId),
      heldConIds: () => book.positions().map(({ contract }) => contract.conId),
      detailsOf: (conId) => contracts.peek(conId),
      quoteOf: (conId) => snapshots.quoteOf(conId),
    },
  });
  const portfolioMarks = new PortfolioMarks({
    gateway: connection,
    readPortfolio: (account, signal) => portfolios.readPortfolio(account, signal),
    accounts: () => accounts.held.ours,
    onQuote: offer('poll'),
    periodMs: settings.snapshots.markPeriodMs,
  });
  const { marks } = settings.snapshots;
  const snapshots = new SnapshotLane({
    gateway: connection,
    ledger,
    streams,
    log,
    contracts,
    instruments: settings.snapshots.contracts,
    marks: marks === 'portfolio' ? portfolioMarks : marks,
    held: () => book.positions().map(({ contract }) => contract.conId),
    periodsMs: {
      index: settings.snapshots.periodMs,
      degraded: settings.snapshots.degradedPeriodMs,
      mark: settings.snapshots.markPeriodMs,
    },
    onQuote: offer('poll'),
    marketDataType: MARKET_DATA_TYPES[settings.marketData.type],
  });
  const quoteOf = (conId: number): Quote | undefined => snapshots.quoteOf(conId);

  const secTypes = settings.sweep.secTypes.length === 0 ? undefined : new Set(settings.sweep.secTypes);
  const witness = new Witness({
    readPortfolio: (account, signal) => portfolios.readPortfolio(account, signal),
    restMs: 2 * settings.sweep.periodMs,
  });
  const book = new PositionBook({
    outbox,
    log,
    replica: () => replica.replica,
    accounts: () => accounts.held.ours,
    quoteOf,
    diff: {
      secTypes,
      keyframePeriodMs: settings.keyframe.periodMs,
      vanish: { ...VANISH, agreeMs: settings.sweep.massAbsenceMs },
    },
    witness,
    onChange: (changes) => {
      for (const { reason, position } of changes) {
        const { conId } = position.contract;
        if (reason === 'closed' && book.positionsOf(conId).length === 0) portfolioMarks.forget(conId);
        offer('poll')(conId);
      }
      snapshots.update();
    },
    onSweep: (swept) => reconciler.noteSweep(swept),
  });
  const reconciler = new Reconciler({
    bridge: settings.bridge,
    book,
    outbox,
    table: { client: clients.dynamodb, name: cloud.positionsTable },
    accounts: () => accounts.held.ours,
    secTypes,
    drainPeriodMs: settings.reconcile.drainPeriodMs,
    log,
  });
  /** Marks are worth most in a keyframe: they are read a sweep or two before it. */
  const marksLeadMs = 2 * settings.sweep.periodMs;
  const sweeper = new Sweeper({
    gateway: connection,
    log,
    onEvent: (event) => {
      book.accept(event);
      const isKeyframeNear = book.untilKeyframeMs() < marksLeadMs;
      if (event.type === 'sweep' && isKeyframeNear) portfolioMarks.refresh(marksLeadMs);
    },
    lists: () => listsFor(settings.sweep.lists, accounts.managed.length),
    accounts: () => accounts.held.ours,
    periodMs: settings.sweep.periodMs,
    deadlineMs: settings.sweep.deadlineMs,
  });

  const recorder: Recorder = new Recorder({
    outbox,
    log,
    replica: () => replica.replica,
    positionsOf: (conId) => book.positionsOf(conId),
    quoteOf: (conId) => streams.quoteOf(conId),
    minTickOf: (conId) => contracts.peek(conId)?.minTick,
    recordedSecTypes: secTypes,
    periodMs: settings.recorder.periodMs,
  });
  /** Asked for with every tick, so made anew with every change only. */
  let ownersOf = ownersByAccount(replica.replica);
  const own = await loadHandlers(settings.handlers, {
    directory: settings.stateDir,
    log,
    reserved: [recorder.name],
  });
  const dispatcher: Dispatcher = new Dispatcher({
    handlers: own,
    log,
    describe: (conId, lane) =>
      describeContract(conId, lane, {
        contractOf: (wanted) => contracts.peek(wanted)?.contract ?? snapshots.contractOf(wanted),
        positionsOf: (wanted) => book.positionsOf(wanted),
        quoteOf,
        strategyIdsOf: (wanted) =>
          [...accounts.held.ours].flatMap((account) => ownersOf(account, wanted)).sort(),
        now: new Date().toISOString(),
      }),
  });

  const plan = () => {
    ownersOf = ownersByAccount(replica.replica);
    streams.update(replica.replica, accounts.held);
    snapshots.update();
  };
  replica.onChange(plan);
  // A sweep before the accounts are known would be of nobody: the first one follows the first answer, and the request
  // for its marks.
  let isSweeping = false;
  accounts.onChange(() => {
    plan();
    portfolioMarks.update();
    if (!isSweeping) sweeper.start();
    isSweeping = true;
  });

  const parts: Parts = {
    accounts,
    book,
    connection,
    contracts,
    dispatcher,
    feed,
    ledger,
    publisher,
    reconciler,
    recordedSecTypes: secTypes,
    replica,
    snapshots,
    streams,
    sweeper,
  };
  const report = async (): Promise<Report> => {
    const status = reportStatus(parts, {
      bridge: settings.bridge,
      startedAt,
      at: new Date().toISOString(),
      outbox: await outbox.status(),
    });
    const gauges = gaugesOf(status, book.status().lastKeyframeAt);
    return { status, gauges, accounts: [...accounts.held.ours] };
  };
  const status = async () => (await report()).status;
  const heartbeats = new Heartbeats({
    bridge: settings.bridge,
    outbox,
    report,
    statusFile: inState(LOCAL_RUN.statusFile),
    periodMs: settings.heartbeat.periodMs,
    log,
  });
  // The lease on an account begins with the heartbeat that names it.
  accounts.onChange(() => void heartbeats.beat());

  const server = await startStatusServer({ port: settings.status.port, status, log });
  started.use(server);
  await book.start();
  await contracts.start();
  started.use(contracts);
  await dispatcher.start();
  started.defer(() => heartbeats.writeLast());
  publisher.start();
  started.defer(() => publisher.stop());
  feed.start();
  started.defer(() => feed.stop());
  accounts.start();
  started.defer(() => accounts.stop());
  portfolios.start();
  reconciler.start();
  recorder.start();
  streams.start();
  snapshots.start();
  if (marks === 'portfolio') portfolioMarks.start();
  heartbeats.start();
  connection.start();
  started.use(connection);

  /** Intake first; then what waits for the disk; then the disk's way to the cloud gets its last chance. */
  const goDown = async () => {
    sweeper.stop();
    await reconciler.stop();
    // Its last batch is of quotes that go with their lines.
    await recorder.stop();
    portfolioMarks.stop();
    witness.stop();
    portfolios.stop();
    snapshots.stop();
    streams.stop();
    ledger.stop();
    await dispatcher.stop();
    await book.stop();
    await heartbeats.stop();
    const { remaining } = await publisher.flush(AbortSignal.timeout(FLUSH_DEADLINE_MS));
    if (remaining > 0) log.warn('outbox-not-empty', { remaining, effect: 'sent after the next start' });
  };
  started.defer(goDown);
  const running = started.move();
  return {
    statusUrl: server.url,
    failed: failed.promise,
    status,
    stop: () => running.disposeAsync(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
