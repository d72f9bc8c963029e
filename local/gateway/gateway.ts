import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Activity } from './activity.ts';
import { Book, type PortfolioControl } from './book.ts';
import { Catalogue } from './catalogue.ts';
import { FaultSwitches, type Faults } from './fault-switches.ts';
import type { FaultInput, FaultOf } from './faults.ts';
import { type Injection, Injector } from './injector.ts';
import { type LineCounts, LineLedger } from './lines.ts';
import { Market } from './market.ts';
import { MarketData } from './market-data.ts';
import { NOTICES } from './notices.ts';
import { type GatewayOptions, type Settings, withDefaults } from './options.ts';
import { Peer, type Reception } from './peer.ts';
import { type ReceivedRequest, RequestLog } from './request-log.ts';
import type { Session } from './session.ts';
import { type ExercisedFault, StandingFaults } from './standing-faults.ts';

interface ClientStats {
  readonly clientId: number;
  /** What was agreed with this client. */
  readonly serverVersion: number;
  /** Lines in use, snapshots included. */
  readonly lines: number;
}

export interface GatewayStats {
  /** The highest version that it speaks; what was agreed is with each client. */
  readonly serverVersion: number;
  readonly clients: readonly ClientStats[];
  /** Connections accepted since the start. */
  readonly connections: number;
  readonly lines: LineCounts;
  readonly positions: number;
  readonly requests: number;
  /** Requests that could have placed, changed or cancelled an order. All were refused. */
  readonly orders: number;
  readonly paceViolations: number;
  /** Market data messages sent. */
  readonly ticks: number;
  /** Not sent because the client did not read. */
  readonly ticksDropped: number;
}

export interface SimulatedGateway extends AsyncDisposable {
  readonly host: string;
  /** Where it listens now: a port change moves it. */
  readonly port: number;
  readonly portfolio: PortfolioControl;
  /** The plainest faults, as switches; all others by `inject`. */
  readonly faults: Faults;
  /**
   * @param forMs after which a standing fault ends by itself; otherwise the caller ends it
   * @throws ZodError on what is no fault, RangeError on a position that does not exist
   */
  inject(fault: FaultInput, forMs?: number): Injection;
  /** What injected faults did to somebody, oldest first: the newest 10,000. */
  readonly faultsExercised: readonly ExercisedFault[];
  /** @returns unsubscribe */
  onFault(listener: (fault: ExercisedFault) => void): () => void;
  /** The newest requests, oldest first. */
  readonly requests: readonly ReceivedRequest[];
  stats(): GatewayStats;
  /** @returns unsubscribe */
  onRequest(listener: (request: ReceivedRequest) => void): () => void;
  /** Ends every connection in order, as a gateway does that shuts down. New ones are welcome. */
  disconnectAll(): void;
  /** Resets every connection, as a lost network does. */
  dropClients(): void;
  /** Settles once every socket and timer is gone. */
  stop(): Promise<void>;
}

/**
 * A TCP server that speaks the TWS API as an IB Gateway does.
 * @throws RangeError on a setting that cannot be; the server's own error (`code` EADDRINUSE and the like) when it
 * cannot listen, or the file system's when the request log cannot be written
 */
export async function startGateway(options: GatewayOptions): Promise<SimulatedGateway> {
  const gateway = new Gateway(withDefaults(options));
  await gateway.start();
  return gateway;
}

/** IB serves 32 clients; who has not said who it is yet counts too. */
const CONNECTIONS_MAX = 64;

/** A timer may fire this much before its time. */
const TIMER_GRAIN_MS = 1;

class Gateway implements SimulatedGateway {
  readonly faults: Faults;
  readonly #settings: Settings;
  readonly #standing = new StandingFaults();
  readonly #injector: Injector;
  #server: Server = createServer();
  readonly #peers = new Set<Peer>();
  readonly #log: RequestLog;
  readonly #marketData: MarketData;
  readonly #book: Book;
  readonly #activity: Activity;
  readonly #reception: Reception;
  readonly #timers: NodeJS.Timeout[] = [];
  #connections = 0;
  #orders = 0;
  #violations = 0;
  #port = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    const { portfolio, seed, today } = settings;
    const { accounts } = portfolio;
    const catalogue = new Catalogue(portfolio.instruments);
    const { instruments } = catalogue;
    const market = new Market({ instruments, seed, today, stepMs: settings.tickPeriodMs });
    const standing = this.#standing;
    const ledger = new LineLedger(settings.linesCap);
    const marketData = new MarketData({ ...settings, catalogue, market, ledger, standing });
    const book = new Book({ ...portfolio, instruments });
    const control = {
      sessions: () => this.#sessions,
      drop: (how: 'end' | 'reset') => this.#drop(how),
      movePort: (fault: FaultOf<'port-change'>) => void this.#movePort(fault),
    };
    this.#injector = new Injector({ standing, marketData, ledger, book, control });
    this.faults = new FaultSwitches((fault) => this.inject(fault), settings.faults);
    this.#log = new RequestLog({ max: settings.requestLogMax, accounts });
    this.#marketData = marketData;
    this.#book = book;
    this.#activity = new Activity({ portfolio, book, seed });
    this.#reception = {
      settings,
      log: this.#log,
      floor: {
        accounts,
        catalogue,
        book,
        market,
        marketData,
        accountUpdates: new Map(),
        faults: standing,
        today,
        marketHours: settings.marketHours,
      },
      isClientIdInUse: (clientId) => this.#sessions.some((session) => session.clientId === clientId),
      onViolation: () => {
        this.#violations += 1;
      },
      onOrder: () => {
        this.#orders += 1;
      },
      onClose: (peer) => this.#peers.delete(peer),
    };
  }

  get host(): string {
    return this.#settings.host;
  }

  get port(): number {
    return this.#port;
  }

  get portfolio(): PortfolioControl {
    return this.#book;
  }

  get requests(): readonly ReceivedRequest[] {
    return this.#log.newest;
  }

  get faultsExercised(): readonly ExercisedFault[] {
    return this.#standing.exercised;
  }

  async start(): Promise<void> {
    const { port, requestLogPath, tickPeriodMs, tickTurns, accountUpdatePeriodMs, changesPerMinute } =
      this.#settings;
    if (requestLogPath !== undefined) await this.#log.open(requestLogPath);
    try {
      this.#port = await this.#listen(this.#server, port);
    } catch (error) {
      await this.#log.close();
      throw error;
    }
    this.#timers.push(this.#startMarket(tickPeriodMs / tickTurns, tickTurns));
    this.#timers.push(setInterval(() => this.#updateAccounts(), accountUpdatePeriodMs));
    if (changesPerMinute > 0) {
      this.#timers.push(setInterval(() => this.#activity.step(), 60_000 / changesPerMinute));
    }
  }

  async stop(): Promise<void> {
    this.#injector.stop();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    if (this.#server.listening) {
      const closed = once(this.#server, 'close');
      this.#server.close();
      for (const peer of this.#peers) peer.destroy();
      await closed;
    }
    await this.#log.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  inject(fault: FaultInput, forMs?: number): Injection {
    return this.#injector.inject(fault, forMs);
  }

  onFault(listener: (fault: ExercisedFault) => void): () => void {
    return this.#standing.onExercised(listener);
  }

  disconnectAll(): void {
    this.inject({ kind: 'drop', how: 'end' });
  }

  dropClients(): void {
    this.inject({ kind: 'drop', how: 'reset' });
  }

  onRequest(listener: (request: ReceivedRequest) => void): () => void {
    return this.#log.subscribe(listener);
  }

  stats(): GatewayStats {
    const lines = this.#marketData.counts();
    return {
      serverVersion: this.#settings.serverVersion,
      clients: this.#sessions.map(({ clientId, version }) => ({
        clientId,
        serverVersion: version,
        lines: lines.byClient.get(clientId) ?? 0,
      })),
      connections: this.#connections,
      lines,
      positions: this.#book.size,
      requests: this.#log.count,
      orders: this.#orders,
      paceViolations: this.#violations,
      ticks: this.#marketData.ticks,
      ticksDropped: this.#marketData.ticksDropped,
    };
  }

  get #sessions(): Session[] {
    return [...this.#peers].flatMap(({ session }) => (session === undefined ? [] : [session]));
  }

  /**
   * Timers are late by a millisecond now and then, and by more on a busy machine: what was missed is made up for, up
   * to one move of the market, so that the rate is what was asked for.
   */
  #startMarket(turnMs: number, turns: number): NodeJS.Timeout {
    let dueMs = performance.now() + turnMs;
    return setInterval(() => {
      const nowMs = performance.now() + TIMER_GRAIN_MS;
      for (let turn = 0; turn < turns && dueMs <= nowMs; turn += 1) {
        this.#marketData.tick();
        dueMs += turnMs;
      }
      if (dueMs <= nowMs) dueMs = nowMs;
    }, turnMs);
  }

  /** @returns the port */
  async #listen(server: Server, port: number): Promise<number> {
    server.maxConnections = CONNECTIONS_MAX;
    server.on('connection', (socket) => this.#accept(socket));
    server.listen({ host: this.#settings.host, port });
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  #updateAccounts(): void {
    for (const session of this.#sessions) session.updateAccount();
  }

  #drop(how: 'end' | 'reset'): number {
    const { size } = this.#peers;
    for (const peer of this.#peers) {
      if (how === 'end') peer.end();
      else peer.reset();
    }
    return size;
  }

  /** Where the other port cannot be had, it stays where it is, and nothing is exercised. */
  async #movePort(fault: FaultOf<'port-change'>): Promise<void> {
    const next = createServer();
    const moved = await this.#listen(next, fault.port).catch(() => undefined);
    if (moved === undefined) return;
    if (!this.#server.listening) {
      next.close();
      return;
    }
    this.#server.close();
    this.#server = next;
    this.#port = moved;
    for (const session of this.#sessions) session.notify(-1, NOTICES.portMoved(moved));
    this.#standing.exercise(fault, `listens on ${moved}`, this.#drop('end'));
  }

  #accept(socket: Socket): void {
    const refusal = this.#standing.of('connections-refused');
    if (refusal !== undefined) {
      socket.destroy();
      this.#standing.exercise(refusal, 'a connection was closed at once');
      return;
    }
    this.#connections += 1;
    const peer = new Peer(socket, this.#reception);
    this.#peers.add(peer);
    peer.start();
  }
}
