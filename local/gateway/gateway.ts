import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Activity } from './activity.ts';
import { Book, type PortfolioControl } from './book.ts';
import { Catalogue } from './catalogue.ts';
import { Connection } from './connection.ts';
import { type LineCounts, LineLedger } from './lines.ts';
import { Market } from './market.ts';
import { MarketData } from './market-data.ts';
import { messageName } from './message-names.ts';
import * as messages from './messages.ts';
import { NOTICES, type Notice } from './notices.ts';
import { type Faults, type GatewayOptions, type Settings, withDefaults } from './options.ts';
import { PaceMeter } from './pace.ts';
import { type ReceivedRequest, RequestLog } from './request-log.ts';
import { decodeRequest, type Request, UnreadableRequest } from './requests.ts';
import { type Floor, Session } from './session.ts';

export interface ClientStats {
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
/** With `reject`, the third violation ends the session. */
const VIOLATIONS_MAX = 3;

interface Peer {
  readonly connection: Connection;
  readonly pace: PaceMeter;
  /** After startApi. */
  session?: Session;
  /** Accepted while `mute` was on: it will never hear anything. */
  muted?: boolean;
}

class Gateway implements SimulatedGateway {
  readonly faults: Faults;
  readonly #settings: Settings;
  readonly #server: Server = createServer();
  readonly #peers = new Set<Peer>();
  readonly #log: RequestLog;
  readonly #ledger: LineLedger;
  readonly #marketData: MarketData;
  readonly #book: Book;
  readonly #activity: Activity;
  readonly #floor: Floor;
  readonly #timers: NodeJS.Timeout[] = [];
  #connections = 0;
  #orders = 0;
  #violations = 0;
  #port = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    const { portfolio, seed, today } = settings;
    const catalogue = new Catalogue(portfolio.instruments);
    const { instruments } = catalogue;
    const market = new Market({ instruments, seed, today, stepMs: settings.tickPeriodMs });
    this.faults = settings.faults;
    this.#log = new RequestLog({ max: settings.requestLogMax, accounts: portfolio.accounts });
    this.#ledger = new LineLedger(settings.linesCap);
    this.#marketData = new MarketData({ ...settings, catalogue, market, ledger: this.#ledger });
    this.#book = new Book({ ...portfolio, instruments });
    this.#activity = new Activity({ portfolio, book: this.#book, seed });
    this.#floor = {
      accounts: portfolio.accounts,
      catalogue,
      book: this.#book,
      market,
      marketData: this.#marketData,
      faults: this.faults,
      today,
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
      this.dropClients();
      await closed;
    }
    await this.#log.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  disconnectAll(): void {
    for (const { connection } of this.#peers) connection.end();
  }

  dropClients(): void {
    for (const { connection } of this.#peers) connection.reset();
  }

  onRequest(listener: (request: ReceivedRequest) => void): () => void {
    return this.#log.subscribe(listener);
  }

  stats(): GatewayStats {
    const lines = this.#ledger.counts();
    const sessions = [...this.#peers].flatMap(({ session }) => (session === undefined ? [] : [session]));
    return {
      serverVersion: this.#settings.serverVersion,
      clients: sessions.map(({ clientId, version }) => ({
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

  #accept(socket: Socket): void {
    if (this.faults.refuseConnections) {
      socket.destroy();
      return;
    }
    this.#connections += 1;
    const connection: Connection = new Connection(socket, this.#settings.serverVersion, {
      onFrame: (fields, monotonicMs) => this.#receive(peer, fields, monotonicMs),
      onClose: () => {
        this.#peers.delete(peer);
        peer.session?.close();
      },
    });
    const peer: Peer = { connection, pace: new PaceMeter(this.#settings.messagesPerSecondMax) };
    this.#peers.add(peer);
    connection.start();
  }

  #receive(peer: Peer, fields: readonly string[], monotonicMs: number): void {
    const [id = ''] = fields;
    const name = messageName(id);
    const outcome = this.#isAboveRate(peer, monotonicMs)
      ? { refusedWith: 100 }
      : this.#serve(peer, fields, name);
    this.#log.add({
      at: performance.timeOrigin + monotonicMs,
      monotonicMs,
      clientId: peer.session?.clientId ?? -1,
      messageId: /^\d+$/.test(id) ? Number(id) : -1,
      name,
      ...outcome,
      fields,
    });
  }

  /** @returns true when the message is not to be served */
  #isAboveRate(peer: Peer, nowMs: number): boolean {
    const pace = peer.pace.record(nowMs);
    if (pace === 'within') return false;
    const rejects = this.#settings.pacing === 'reject';
    if (pace === 'above') return rejects;
    this.#violations += 1;
    const max = this.#settings.messagesPerSecondMax;
    this.#notify(peer, NOTICES.tooFast(max, pace.received, pace.violation));
    if (rejects && pace.violation >= VIOLATIONS_MAX) peer.connection.end();
    return rejects;
  }

  #serve(
    peer: Peer,
    fields: readonly string[],
    name: string,
  ): Pick<ReceivedRequest, 'reqId' | 'conId' | 'snapshot' | 'refusedWith'> {
    let request: Request;
    try {
      request = decodeRequest(fields);
    } catch (error) {
      if (!(error instanceof UnreadableRequest)) throw error;
      const notice = NOTICES.unreadable(error.message);
      this.#notify(peer, notice);
      return { refusedWith: notice.code };
    }
    if (request.name === 'startApi') return this.#startSession(peer, request.clientId);
    if (request.name === 'order') this.#orders += 1;
    const known = 'reqId' in request ? { reqId: request.reqId } : {};
    // Before startApi and nextValidId requests may be dropped: this gateway always does.
    if (peer.session === undefined || peer.muted === true) return known;
    const { conId, notice } = peer.session.handle(request, name);
    return {
      ...known,
      ...(conId === undefined ? {} : { conId }),
      ...(request.name === 'reqMktData' ? { snapshot: request.snapshot } : {}),
      ...(notice === undefined ? {} : { refusedWith: notice.code }),
    };
  }

  #startSession(peer: Peer, clientId: number): { refusedWith?: number } {
    if (peer.session !== undefined) return {};
    if ([...this.#peers].some(({ session }) => session?.clientId === clientId)) {
      this.#notify(peer, NOTICES.clientIdInUse);
      peer.connection.end();
      return { refusedWith: NOTICES.clientIdInUse.code };
    }
    peer.session = new Session({ clientId, floor: this.#floor, wire: peer.connection });
    peer.muted = this.faults.mute;
    if (!peer.muted) peer.session.greet();
    return {};
  }

  #notify({ connection, muted }: Peer, notice: Notice): void {
    if (muted !== true) connection.send([messages.notice(connection.version, -1, notice, Date.now())]);
  }
}
