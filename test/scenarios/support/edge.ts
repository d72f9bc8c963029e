import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContractBook } from '../../../bridge/gateway/contracts.ts';
import type { ConnectionSettings } from '../../../bridge/gateway/settings.ts';
import { LineLedger } from '../../../bridge/lines/ledger.ts';
import type { MarketHours } from '../../../bridge/lines/market-hours.ts';
import { Streams } from '../../../bridge/lines/streams.ts';
import type { TradingHours } from '../../../bridge/lines/trading-hours.ts';
import { WATCHDOG_LIMITS, type WatchdogLimits, withPatrol } from '../../../bridge/lines/watchdog.ts';
import { type DurableOutbox, openOutbox } from '../../../bridge/outbox/outbox.ts';
import { PositionBook } from '../../../bridge/positions/book.ts';
import type { AccountDoubt } from '../../../bridge/positions/doubts.ts';
import { Portfolios } from '../../../bridge/positions/portfolio.ts';
import { Sweeper } from '../../../bridge/positions/sweep.ts';
import { VANISH } from '../../../bridge/positions/vanish.ts';
import { Witness } from '../../../bridge/positions/witness.ts';
import type { FaultKind } from '../../../local/gateway/faults.ts';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../../local/gateway/generator.ts';
import type { GatewayOptions } from '../../../local/gateway/options.ts';
import type { Scenario } from '../../../local/gateway/scenario.ts';
import { ScenarioRun } from '../../../local/gateway/scenario-run.ts';
import type { ExercisedFault } from '../../../local/gateway/standing-faults.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import type { LineStatus } from '../../../shared/status.ts';
import { type Connected, connect } from '../../bridge/gateway/connected.ts';
import { strategy } from '../../bridge/lines/strategies.ts';
import { SILENT } from '../../bridge/scripted-gateway.ts';
import { eventually } from '../../support/eventually.ts';

export const SEED = 20_261_121;
export const portfolio = generatePortfolio({ seed: SEED, positions: 60, condors: 3 });
const condors = portfolio.condors.map((condor, index) =>
  strategy(condor.name, {
    account: condor.account,
    priority: index + 1,
    conIds: condor.legs.map((leg) => leg.conId),
  }),
);
/** What three condors want. */
export const LEGS = 12;

const ALWAYS_OPEN: MarketHours = { of: () => tradingHours('open') };

/** @returns hours that say the same of the whole of these days */
export function tradingHours(what: 'open' | 'closed'): TradingHours {
  const around = { opensAt: Date.now() - 3_600_000, closesAt: Date.now() + 3_600_000 };
  return {
    timeZone: 'UTC',
    sessions: what === 'open' ? [around] : [],
    tradingDays: [],
    knownFrom: around.opensAt,
    knownUntil: around.closesAt,
  };
}

/** The bridge without its cloud, at a gateway that misbehaves: three condors stream, the portfolio is swept. */
export class Edge implements AsyncDisposable {
  readonly gateway: SimulatedGateway;
  readonly bridge: Connected;
  readonly ledger: LineLedger;
  readonly streams: Streams;
  readonly book: PositionBook;
  readonly sweeper: Sweeper;
  readonly run: ScenarioRun | undefined;
  readonly #outbox: DurableOutbox;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<Edge, 'gateway' | 'bridge' | 'ledger' | 'streams' | 'book' | 'sweeper' | 'run'> & {
      readonly outbox: DurableOutbox;
      readonly stack: AsyncDisposableStack;
    },
  ) {
    this.gateway = parts.gateway;
    this.bridge = parts.bridge;
    this.ledger = parts.ledger;
    this.streams = parts.streams;
    this.book = parts.book;
    this.sweeper = parts.sweeper;
    this.run = parts.run;
    this.#outbox = parts.outbox;
    this.#stack = parts.stack;
  }

  static async start(
    options: {
      readonly gateway?: Partial<GatewayOptions>;
      readonly connection?: Partial<ConnectionSettings>;
      readonly recoveryMs?: number;
      readonly sweepDeadlineMs?: number;
      /** How long sweeps have to agree when most of an account vanished. Default ten minutes. */
      readonly agreeMs?: number;
      readonly scenario?: Scenario;
      readonly watchdog?: Partial<WatchdogLimits>;
      /** Default: open at any time, as the market of the simulated gateway is. */
      readonly hours?: MarketHours;
    } = {},
  ): Promise<Edge> {
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), 'slotwise-scenario-'));
    stack.defer(() => rm(directory, { recursive: true }));
    const gateway = stack.use(
      await startGateway({ portfolio, tickPeriodMs: 20, messagesPerSecondMax: 1000, ...options.gateway }),
    );
    const { scenario } = options;
    const run = scenario === undefined ? undefined : new ScenarioRun({ gateway, scenario });
    run?.start();
    stack.defer(() => run?.stop());
    const bridge = stack.use(
      connect({
        port: gateway.port,
        requestsPerSecond: 400,
        heartbeatPeriodMs: 100,
        heartbeatDeadlineMs: 3_000,
        ...options.connection,
      }),
    );
    const { connection } = bridge;
    const outbox = await openOutbox({ path: join(directory, 'outbox.db'), bridge: 'home', log: SILENT });
    stack.defer(() => outbox.close());
    const contracts = new ContractBook({
      gateway: connection,
      log: SILENT,
      path: join(directory, 'contracts.json'),
    });
    await contracts.start();
    stack.use(contracts);
    const ledger = new LineLedger({ cap: 100, recoveryMs: options.recoveryMs ?? 60_000 });
    stack.defer(() => ledger.stop());
    const streams = new Streams({
      gateway: connection,
      ledger,
      contracts,
      log: SILENT,
      onQuote: () => {},
      retryMs: 50,
      hours: options.hours ?? ALWAYS_OPEN,
      watchdog: withPatrol({ ...WATCHDOG_LIMITS, ...options.watchdog }),
    });
    streams.start();
    stack.defer(() => streams.stop());
    const portfolios = new Portfolios({
      gateway: connection,
      log: SILENT,
      deadlineMs: options.sweepDeadlineMs ?? 2_000,
      settleMs: 20,
    });
    portfolios.start();
    stack.defer(() => portfolios.stop());
    const witness = new Witness({
      readPortfolio: (account, signal) => portfolios.readPortfolio(account, signal),
      restMs: 100,
    });
    stack.defer(() => witness.stop());
    const book = new PositionBook({
      outbox,
      log: SILENT,
      replica: () => EMPTY_REPLICA,
      accounts: () => new Set(portfolio.accounts),
      quoteOf: () => undefined,
      diff: {
        keyframePeriodMs: 900_000,
        vanish: { ...VANISH, agreeMs: options.agreeMs ?? VANISH.agreeMs },
      },
      witness,
    });
    await book.start();
    stack.defer(() => book.stop());
    const sweeper = new Sweeper({
      gateway: connection,
      log: SILENT,
      onEvent: (event) => book.accept(event),
      periodMs: 150,
      deadlineMs: options.sweepDeadlineMs ?? 2_000,
      settleMs: 20,
    });
    sweeper.start();
    stack.defer(() => sweeper.stop());
    streams.update(
      condors
        .map((each, index) => ({ ...each, registryVersion: index + 1 }))
        .reduce(applyImage, EMPTY_REPLICA),
      { ours: new Set(portfolio.accounts), elsewhere: new Map() },
    );
    return new Edge({ gateway, bridge, ledger, streams, book, sweeper, run, outbox, stack: stack.move() });
  }

  /** @returns a bridge at work: every wanted line confirmed and ticking, the portfolio on disk */
  static async settled(options: Parameters<typeof Edge.start>[0] = {}): Promise<Edge> {
    const edge = await Edge.start(options);
    try {
      await edge.streaming();
      await edge.agree();
      return edge;
    } catch (cause) {
      await edge[Symbol.asyncDispose]();
      throw cause;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  rows(): LineStatus[] {
    return [...this.streams.status().rows];
  }

  /** Every wanted line is confirmed, the gateway counts the same, and each has a price of now. */
  async streaming(lines = LEGS): Promise<void> {
    await eventually(() => this.streams.status().streaming === lines, { what: `${lines} lines stream` });
    await eventually(() => this.gateway.stats().lines.streaming === lines, {
      what: `${lines} at the gateway`,
    });
    await eventually(() => this.rows().filter((row) => isFresh(row)).length === lines, {
      what: `${lines} lines with a price of now`,
    });
  }

  /** Every line received another tick. */
  async ticking(): Promise<void> {
    const before = new Map(this.rows().map((row) => [row.conId, row.ticks]));
    await eventually(() => this.rows().every((row) => row.ticks > (before.get(row.conId) ?? 0)), {
      what: 'every line ticks',
    });
  }

  /** What is committed on disk is what the gateway has. */
  async agree(): Promise<void> {
    await eventually(async () => (await this.committed()).join() === this.held().join(), {
      what: 'the committed positions are the gateway’s',
    });
  }

  held(): string[] {
    return this.gateway.portfolio.positions
      .map((row) => `${row.account} ${row.conId} ${row.quantity}`)
      .sort();
  }

  async committed(): Promise<string[]> {
    const { positions } = await this.#outbox.committed();
    return positions.map((row) => `${row.account} ${row.contract.conId} ${row.quantity}`).sort();
  }

  /** Snapshots that say `closed`, as "account conId". */
  async closed(): Promise<string[]> {
    const pending = await this.#outbox.peek({ count: 10_000, maxBytes: 50_000_000 });
    return pending
      .map(({ body }) => JSON.parse(body))
      .filter(({ reason }) => reason === 'closed')
      .map(({ account, contract }) => `${account} ${contract.conId}`);
  }

  /** Two more sweeps have ended: whatever the next ones would have done, they did. */
  async swept(more = 2): Promise<void> {
    const { complete } = this.sweeper.counts();
    await eventually(() => this.sweeper.counts().complete >= complete + more, { what: 'complete sweeps' });
  }

  /** Positions that the list lacks and that are not closed. */
  doubts(): readonly AccountDoubt[] {
    return this.book.status().doubts;
  }

  /** How often an account was asked for its own holdings. */
  asked(): number {
    return this.gateway.requests.filter(
      ({ name, fields }) => name === 'reqAccountUpdates' && fields[2] === '1',
    ).length;
  }

  /** The proof that a fault happened, and not only that it was asked for. */
  exercised(kind: FaultKind): Promise<ExercisedFault> {
    return eventually(() => this.gateway.faultsExercised.find((fault) => fault.kind === kind), {
      what: `${kind} exercised`,
    });
  }

  /** The request lines of the bridge for this contract, as the gateway received them. */
  requestsFor(conId: number): number {
    return this.gateway.requests.filter((request) => request.name === 'reqMktData' && request.conId === conId)
      .length;
  }
}

function isFresh({ state, quality }: LineStatus): boolean {
  return state === 'confirmed' && (quality === 'live' || quality === 'no-bid');
}
