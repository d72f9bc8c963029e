/** A request as it came off a socket. */
export interface ReceivedRequest {
  /** Counts the requests of this gateway from 1. */
  readonly sequence: number;
  /** Receipt of its last byte: epoch milliseconds with fractions, comparable between processes of one machine. */
  readonly at: number;
  /** The same moment by `performance.now()` of the gateway's process. */
  readonly monotonicMs: number;
  /** -1 before startApi. */
  readonly clientId: number;
  readonly messageId: number;
  /** `reqMktData`, `cancelMktData`, ...; `unknown` for an id that TWS does not have. */
  readonly name: string;
  readonly reqId?: number;
  /** Of a market data request, of the line that a cancel ends, of a contract details request. */
  readonly conId?: number;
  /** Of reqMktData. */
  readonly snapshot?: boolean;
  /** What is wrong with it, where it was refused. */
  readonly refusedWith?: number;
  /** The frame as received, message id first. */
  readonly fields: readonly string[];
}
