import type { GatewayRequests, MarketDataType, RequestContract, RequestMeaning } from './events.ts';
import { type Lane, type PacedRequest, Pacer } from './pacer.ts';
import type { Wire } from './wire.ts';

/** Counts for the whole process: an answer to a request of an earlier connection finds nobody. */
let lastRequestId = 0;

export interface LocalRefusal {
  readonly reqId: number;
  readonly code: number;
  readonly message: string;
  readonly meaning: RequestMeaning;
}

interface Options {
  readonly requestsPerSecond: number;
  /** A request that was not sent; told after the call has returned its id. */
  readonly refused: (refusal: LocalRefusal) => void;
  /** The client library threw: its outbound side is wedged, the connection of no more use. */
  readonly broken: (cause: unknown) => void;
}

/** Everything that the bridge may send, through one pacer. Without a connection nothing is kept. */
export class PacedRequests implements GatewayRequests {
  readonly #options: Options;
  readonly #pacer: Pacer;
  #wire: Wire | undefined;
  /** What market data requests are made with that name no type, and what this gateway was told last. */
  #type: MarketDataType | undefined;
  #typeSent: MarketDataType | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #waitingForUrgent = new Set<() => void>();

  constructor(options: Options) {
    this.#options = options;
    this.#pacer = new Pacer({ requestsPerSecond: options.requestsPerSecond });
  }

  attach(wire: Wire): void {
    this.#wire = wire;
    // TWS forgets the type with the connection.
    this.#type = undefined;
    this.#typeSent = undefined;
    // Greeting and startApi went past us.
    this.#pacer.spend(performance.now());
    this.#pacer.spend(performance.now());
  }

  /** @returns how many requests were given up */
  detach(): number {
    this.#wire = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const givenUp = this.#pacer.abandon();
    this.#tellUrgentSent();
    return givenUp;
  }

  /** @returns once every cancel so far was sent, the connection is gone or the deadline has passed */
  async urgentSent(deadlineMs: number): Promise<void> {
    if (this.#pacer.waitingIn('urgent') === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, deadlineMs);
    this.#waitingForUrgent.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waitingForUrgent.delete(resolve);
  }

  slowDown(): void {
    this.#pacer.slowDown(performance.now());
  }

  requestPositions(): void {
    this.#offer({ key: 'positions', lane: 'request', send: (wire) => wire.requestPositions() });
  }

  cancelPositions(): void {
    if (this.#pacer.withdraw('positions')) return;
    this.#offer({ key: 'cancel positions', lane: 'urgent', send: (wire) => wire.cancelPositions() });
  }

  requestAccountPositions(account: string): number {
    const reqId = ++lastRequestId;
    const send = (wire: Wire) => wire.requestAccountPositions(reqId, account);
    this.#offer({ key: `account positions ${reqId}`, lane: 'request', reqId, send });
    return reqId;
  }

  cancelAccountPositions(reqId: number): void {
    if (this.#pacer.withdraw(`account positions ${reqId}`)) return;
    const send = (wire: Wire) => wire.cancelAccountPositions(reqId);
    this.#offer({ key: `cancel account positions ${reqId}`, lane: 'urgent', send });
  }

  requestAccountUpdates(account: string): void {
    const send = (wire: Wire) => wire.requestAccountUpdates(account);
    this.#offer({ key: 'account updates', lane: 'background', send });
  }

  cancelAccountUpdates(account: string): void {
    if (this.#pacer.withdraw('account updates')) return;
    const send = (wire: Wire) => wire.cancelAccountUpdates(account);
    this.#offer({ key: 'cancel account updates', lane: 'urgent', send });
  }

  requestMarketData(
    contract: RequestContract,
    mode: 'stream' | 'snapshot',
    type: MarketDataType | undefined = this.#type,
  ): number {
    const reqId = ++lastRequestId;
    const fault = contractFault(contract);
    if (fault !== undefined) {
      this.#refuse({ reqId, code: INVALID, message: fault, meaning: 'refused' });
      return reqId;
    }
    const lane = mode === 'stream' ? 'request' : 'background';
    const send = (wire: Wire) => wire.requestMarketData(reqId, contract, mode);
    this.#offer({ key: `line ${reqId}`, lane, reqId, send, prelude: () => this.#typeBefore(type) });
    return reqId;
  }

  cancelMarketData(reqId: number): void {
    if (this.#pacer.withdraw(`line ${reqId}`)) return;
    this.#offer({ key: `cancel ${reqId}`, lane: 'urgent', send: (wire) => wire.cancelMarketData(reqId) });
  }

  requestMarketDataType(type: MarketDataType): void {
    this.#type = type;
  }

  requestContractDetails(contract: RequestContract | { readonly conId: number }): number {
    const reqId = ++lastRequestId;
    const send = (wire: Wire) => wire.requestContractDetails(reqId, contract);
    this.#offer({ key: `details ${reqId}`, lane: 'background', reqId, send });
    return reqId;
  }

  /** Not part of what others may ask for: the connection's own proof of life. */
  requestCurrentTime(sent: () => void): void {
    const send = (wire: Wire) => {
      wire.requestCurrentTime();
      sent();
    };
    this.#offer({ key: 'time', lane: 'urgent', send });
  }

  /**
   * The type belongs to the connection and holds for the requests after it, so it goes out right before a request
   * that needs another one: whatever else was asked for, and withdrawn, meanwhile.
   * https://interactivebrokers.github.io/tws-api/market_data_type.html
   */
  #typeBefore(type: MarketDataType | undefined): PacedRequest | undefined {
    const wire = this.#wire;
    if (wire === undefined || this.#typeSent === type) return undefined;
    const wanted = type ?? TYPE_BY_DEFAULT;
    if (this.#typeSent === wanted) return undefined;
    this.#typeSent = wanted;
    return { key: 'type', lane: 'request', send: () => wire.requestMarketDataType(wanted) };
  }

  #offer(request: {
    readonly key: string;
    readonly lane: Lane;
    readonly reqId?: number;
    readonly prelude?: () => PacedRequest | undefined;
    readonly send: (wire: Wire) => void;
  }): void {
    const wire = this.#wire;
    if (wire === undefined) return;
    const offered = this.#pacer.offer({ ...request, send: () => request.send(wire) });
    if (offered === 'full' && request.reqId !== undefined) {
      const message = `not sent: ${this.#pacer.waiting} requests wait for the gateway already`;
      this.#refuse({ reqId: request.reqId, code: OVERLOAD, message, meaning: 'shed' });
      return;
    }
    this.#schedule();
  }

  /**
   * Never sends inside the caller: during `ready` the library still buffers, and what its encoder throws would come
   * up in the middle of its decoder.
   */
  #schedule(): void {
    if (this.#timer !== undefined) return;
    const nextAtMs = this.#pacer.nextAtMs();
    if (nextAtMs === undefined) return;
    const delayMs = Math.max(0, nextAtMs - performance.now());
    if (delayMs === 0) queueMicrotask(() => this.#pump());
    else {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#pump();
      }, Math.ceil(delayMs));
    }
  }

  #pump(): void {
    for (const request of this.#pacer.take(performance.now())) {
      try {
        request.send();
      } catch (cause) {
        this.#options.broken(cause);
        return;
      }
    }
    if (this.#pacer.waitingIn('urgent') === 0) this.#tellUrgentSent();
    this.#schedule();
  }

  #tellUrgentSent(): void {
    for (const tell of this.#waitingForUrgent) tell();
  }

  #refuse(refusal: LocalRefusal): void {
    queueMicrotask(() => this.#options.refused(refusal));
  }
}

/** What a connection has that asks for none. */
const TYPE_BY_DEFAULT: MarketDataType = 1;

/** The code with which IB itself refuses an invalid request, and the one for too many of them. */
const INVALID = 321;
const OVERLOAD = 100;

/** IB answers a blank exchange with 321 or 200: better not to ask. */
function contractFault(contract: RequestContract): string | undefined {
  if (contract.exchange.trim() === '') return `not sent: conId ${contract.conId} has no exchange`;
  if (Number.isInteger(contract.conId) && contract.conId > 0) return undefined;
  if (contract.conId === 0 && contract.symbol !== undefined && contract.secType !== undefined)
    return undefined;
  return `not sent: conId ${contract.conId} names no contract, and neither do symbol and secType`;
}
