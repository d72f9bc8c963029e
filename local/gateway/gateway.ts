import type { LineCounts } from './lines.ts';
import type { Portfolio, Position } from './portfolio.ts';
import type { ReceivedRequest } from './request-log.ts';

export interface GatewayOptions {
  readonly portfolio: Portfolio;
  /** 0 takes a free one. Default 0. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Highest protocol version that it speaks. Default 193. */
  readonly serverVersion?: number;
  /** Market data lines, shared by all clients. Default 100. */
  readonly linesCap?: number;
  readonly seed?: number;
  /** The market moves once per period and every streamed line ticks. Default 250. */
  readonly tickPeriodMs?: number;
  /** From a snapshot request to tickSnapshotEnd. Default 11,000, as in reality. */
  readonly snapshotMs?: number;
  /** Default linesCap / 2, as IB documents. */
  readonly messagesPerSecondMax?: number;
  /** What happens above that rate: `pace` reports 100 and serves, `reject` drops and ends the session at the third time. */
  readonly pacing?: 'pace' | 'reject';
  /** What the account may see. Default live. */
  readonly feed?: 'live' | 'frozen' | 'delayed';
  /** Chance (0 to 1) that a snapshot lacks a field. Default 0. */
  readonly snapshotGaps?: number;
  /** Positions that open, change or close by themselves; condor legs stay. Default 0. */
  readonly changesPerMinute?: number;
  /** YYYY-MM-DD: options are priced as of this day. Default today in UTC. */
  readonly today?: string;
  /** Requests kept in memory. Default 10,000. */
  readonly requestLogMax?: number;
  /** Requests are appended here as JSON lines, accounts masked. */
  readonly requestLogPath?: string;
  readonly faults?: Partial<Faults>;
}

/** Misbehaviour, switched on and off while it runs. */
export interface Faults {
  /** New connections are closed at once. */
  refuseConnections: boolean;
  /** Connections are accepted, handshakes answered, and then nothing: never nextValidId. */
  mute: boolean;
  /** reqPositions is answered by rows without positionEnd. */
  holdPositionEnd: boolean;
}

/** Positions that open, change and close while it runs; every call pushes a row to the subscribers. */
export interface PortfolioControl {
  readonly positions: readonly Position[];
  /** @throws RangeError when the account or conId is unknown, or the position exists */
  open(position: Position): void;
  /** @throws RangeError when there is no such position */
  change(position: Position): void;
  /** Pushes a row of quantity 0. @throws RangeError when there is no such position */
  close(key: { readonly account: string; readonly conId: number }): void;
}

export interface ClientStats {
  readonly clientId: number;
  readonly serverVersion: number;
  readonly streaming: number;
  readonly snapshotsInFlight: number;
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
 * @throws the server's own error, `code` EADDRINUSE and the like, when it cannot listen
 */
export async function startGateway(_options: GatewayOptions): Promise<SimulatedGateway> {
  throw new Error('not yet');
}
