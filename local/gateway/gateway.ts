import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Activity } from './activity.ts';
import { Book, type PortfolioControl } from './book.ts';
import { Catalogue } from './catalogue.ts';
import { type LineCounts, LineLedger } from './lines.ts';
import { Market } from './market.ts';
import { MarketData } from './market-data.ts';
import { type Faults, type GatewayOptions, type Settings, withDefaults } from './options.ts';
import { Peer, type Reception } from './peer.ts';
import { type ReceivedRequest, RequestLog } from './request-log.ts';
import type { Session } from './session.ts';

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
  readonly port: number;
  readonly portfolio: PortfolioControl;
  readonly faults: Faults;
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

class Gateway implements SimulatedGateway {
  readonly faults: Faults;
  readonly #settings: Settings;
  readonly #server: Server = createServer();
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
    const marketData = new MarketData({
      ...settings,
      catalogue,
      market,
      ledger: new LineLedger(settings.linesCap),
    });
    const book = new Book({ ...portfolio, instruments });
    this.faults = settings.faults;
    this.#log = new RequestLog({ max: settings.requestLogMax, accounts });
    this.#marketData = marketData;
    this.#book = book;
    this.#activity = new Activity({ portfolio, book, seed });
    this.#reception = {
      settings,
      log: this.#log,
      floor: { accounts, catalogue, book, market, marketData, faults: this.faults, today },
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

  async start(): Promise<void> {
    const { host, port, requestLogPath, tickPeriodMs, changesPerMinute } = this.#settings;
    if (requestLogPath !== undefined) await this.#log.open(requestLogPath);
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on('connection', (socket) => this.#accept(socket));
    this.#server.listen({ host, port });
    try {
      await once(this.#server, 'listening');
    } catch (error) {
      await this.#log.close();
      throw error;
    }
    const address = this.#server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : port;
    this.#timers.push(setInterval(() => this.#marketData.tick(), tickPeriodMs));
    if (changesPerMinute > 0) {
      this.#timers.push(setInterval(() => this.#activity.step(), 60_000 / changesPerMinute));
    }
  }

  async stop(): Promise<void> {
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

  disconnectAll(): void {
    for (const peer of this.#peers) peer.end();
  }

  dropClients(): void {
    for (const peer of this.#peers) peer.reset();
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

  #accept(socket: Socket): void {
    if (this.faults.refuseConnections) {
      socket.destroy();
      return;
    }
    this.#connections += 1;
    const peer = new Peer(socket, this.#reception);
    this.#peers.add(peer);
    peer.start();
  }
}
