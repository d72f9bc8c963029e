import { EventName, IBApi, type Contract as IbContract } from '@stoqey/ib';
import type { Log } from '../log.ts';
import * as decode from './decode.ts';
import type { GatewayEvent, MarketDataType, RequestContract } from './events.ts';
import { FrameSplitter } from './frames.ts';
import type { Message } from './notices.ts';
import type { ConnectionSettings } from './settings.ts';
import { readTick } from './ticks.ts';

/** What one connection says of itself, beside the events of the data that it carries. */
export type WireSignal =
  | { readonly type: 'tcpConnected' }
  | { readonly type: 'serverVersion'; readonly version: number }
  | { readonly type: 'nextValidId' }
  | { readonly type: 'managedAccounts'; readonly accounts: readonly string[] }
  | { readonly type: 'currentTime' }
  /** 502: whatever the operating system says of the socket. */
  | { readonly type: 'socketError'; readonly message: string }
  | { readonly type: 'closed' }
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'data'; readonly event: GatewayEvent };

/**
 * One IBApi for one attempt, never reused: what an earlier connection left in its command buffer, its decoder or its
 * rate limiter would reach the next one. Every listener is wrapped, because an exception in one is an uncaught one
 * and costs the rest of the TCP chunk. Errors with id -1 come as `info`, all others as `error`.
 */
export class Wire {
  readonly #api: IBApi;
  readonly #log: Log;
  readonly #listen: (signal: WireSignal) => void;
  readonly #closed = Promise.withResolvers<void>();
  /** What a closed wire still says belongs to nobody. */
  #muted = false;
  #opened = false;

  constructor(options: {
    readonly settings: ConnectionSettings;
    readonly log: Log;
    readonly listen: (signal: WireSignal) => void;
  }) {
    const { host, port, clientId, requestsPerSecond } = options.settings;
    this.#log = options.log;
    this.#listen = options.listen;
    // One that is left out is looked up in files of the working directory. The library's limiter lets a tenth of its
    // rate pass in any 100 ms: at ten times ours it never holds back what our pacer lets through.
    this.#api = new IBApi({ host, port, clientId, maxReqPerSec: requestsPerSecond * 10 });
    this.#guardDecoder();
    this.#subscribe();
  }

  /** @throws RangeError on a port that is none */
  open(): void {
    this.#api.connect();
    this.#opened = true;
  }

  /** Silent from here on. @returns when the socket is gone */
  close(): Promise<void> {
    this.#muted = true;
    if (this.#opened) this.#api.disconnect();
    else this.#closed.resolve();
    return this.#closed.promise;
  }

  requestPositions(): void {
    this.#api.reqPositions();
  }

  cancelPositions(): void {
    this.#api.cancelPositions();
  }

  /** An empty model code asks for the account and all of its models. */
  requestAccountPositions(reqId: number, account: string): void {
    this.#api.reqPositionsMulti(reqId, account, '');
  }

  cancelAccountPositions(reqId: number): void {
    this.#api.cancelPositionsMulti(reqId);
  }

  requestAccountUpdates(account: string): void {
    this.#api.reqAccountUpdates(true, account);
  }

  cancelAccountUpdates(account: string): void {
    this.#api.reqAccountUpdates(false, account);
  }

  /** Never with generic ticks, never a regulatory snapshot, which costs money on every call. */
  requestMarketData(reqId: number, contract: RequestContract, mode: 'stream' | 'snapshot'): void {
    this.#api.reqMktData(reqId, toIb(contract), '', mode === 'snapshot', false);
  }

  cancelMarketData(reqId: number): void {
    this.#api.cancelMktData(reqId);
  }

  requestMarketDataType(type: MarketDataType): void {
    this.#api.reqMarketDataType(type);
  }

  requestContractDetails(reqId: number, contract: Partial<RequestContract>): void {
    this.#api.reqContractDetails(reqId, toIb(contract));
  }

  requestCurrentTime(): void {
    this.#api.reqCurrentTime();
  }

  /**
   * What comes is cut into frames here, ticks are read here, and the library gets the rest a frame at a time. What its
   * decoder throws (an advancedOrderReject that is no JSON) would end the process, a frame of negative length would
   * keep it in a loop for good: either costs this connection and no more. The library offers no place for that but its
   * own socket's method.
   */
  #guardDecoder(): void {
    const { socket } = (this.#api as unknown as Internals).controller;
    const read = socket.onData.bind(socket);
    const frames = new FrameSplitter();
    const take = (frame: Buffer) => {
      if (this.#muted) return;
      const tick = readTick(frame, Date.now());
      if (tick === undefined) read(frame);
      else this.#data(tick);
    };
    socket.onData = (bytes) => {
      try {
        frames.push(bytes, take);
      } catch (cause) {
        if (!this.#muted) this.#listen({ type: 'socketError', message: `unreadable frame: ${cause}` });
      }
    };
  }

  #subscribe(): void {
    const on = this.#on.bind(this);
    on(EventName.sent, (tokens: readonly unknown[]) => {
      // The first thing sent is the greeting, right after TCP is up: the library has no event for that.
      if (tokens[0] === 'API\0') this.#listen({ type: 'tcpConnected' });
    });
    on(EventName.server, (version: number) => this.#listen({ type: 'serverVersion', version }));
    on(EventName.nextValidId, () => this.#listen({ type: 'nextValidId' }));
    on(EventName.managedAccounts, (list: string) =>
      this.#listen({ type: 'managedAccounts', accounts: decode.decodeAccounts(list) }),
    );
    on(EventName.currentTime, () => this.#listen({ type: 'currentTime' }));
    on(EventName.info, (message: string, code: number) => this.#message({ code, message }));
    on(EventName.error, (error: Error, code: number, reqId: number) => {
      if (code === SOCKET_ERROR) this.#listen({ type: 'socketError', message: error.message });
      else this.#message({ code, message: error.message, ...(reqId >= 0 ? { reqId } : {}) });
    });
    this.#api.on(EventName.disconnected, () => {
      this.#closed.resolve();
      if (!this.#muted) this.#listen({ type: 'closed' });
    });
    this.#subscribePositions();
    this.#subscribeAccountPositions();
    this.#subscribePortfolio();
    this.#subscribeLines();
    this.#subscribeContracts();
  }

  #subscribePositions(): void {
    this.#on(
      EventName.position,
      (
        account: string,
        contract: IbContract,
        quantity: number | undefined,
        averageCost: number | undefined,
      ) => {
        const row = decode.decodePosition({ account, contract, quantity, averageCost });
        if (row.ok) this.#data({ type: 'position', at: Date.now(), ...row.value });
        else this.#data({ type: 'positionMalformed', at: Date.now(), fault: row.fault });
      },
    );
    this.#on(EventName.positionEnd, () => this.#data({ type: 'positionEnd', at: Date.now() }));
  }

  #subscribeAccountPositions(): void {
    this.#on(
      EventName.positionMulti,
      (
        reqId: number,
        account: string,
        modelCode: string,
        contract: IbContract,
        quantity: number | undefined,
        averageCost: number | undefined,
      ) => {
        const at = Date.now();
        const row = decode.decodePosition({ account, contract, quantity, averageCost });
        const model = modelCode === '' ? {} : { modelCode };
        if (row.ok) this.#data({ type: 'accountPosition', at, reqId, ...row.value, ...model });
        else this.#data({ type: 'accountPositionMalformed', at, reqId, fault: row.fault });
      },
    );
    this.#on(EventName.positionMultiEnd, (reqId: number) =>
      this.#data({ type: 'accountPositionEnd', at: Date.now(), reqId }),
    );
  }

  #subscribePortfolio(): void {
    this.#on(
      EventName.updatePortfolio,
      (
        contract: IbContract,
        quantity: number | undefined,
        marketPrice: number | undefined,
        marketValue: number | undefined,
        averageCost: number | undefined,
        _unrealized: number | undefined,
        _realized: number | undefined,
        account: string,
      ) => {
        const row = { account, contract, quantity, averageCost, marketPrice, marketValue };
        const decoded = decode.decodePortfolioRow(row);
        if (decoded.ok) this.#data({ type: 'portfolioRow', at: Date.now(), ...decoded.value });
        else this.#data({ type: 'portfolioFailed', at: Date.now(), fault: decoded.fault });
      },
    );
    this.#on(EventName.updateAccountValue, (key: string, value: string) => {
      if (!decode.isAccountNotReady(key, value)) return;
      const fault = 'the account is not ready: IB resets it, what it shows may be out of date';
      this.#data({ type: 'portfolioFailed', at: Date.now(), fault });
    });
    this.#on(EventName.accountDownloadEnd, (account: string) =>
      this.#data({ type: 'portfolioEnd', at: Date.now(), account }),
    );
  }

  #subscribeLines(): void {
    const pulse = (reqId: number) => this.#data({ type: 'pulse', at: Date.now(), reqId });
    this.#on(EventName.marketDataType, (reqId: number, value: number) => {
      const marketDataType = decode.decodeMarketDataType(value);
      if (marketDataType === undefined) pulse(reqId);
      else this.#data({ type: 'marketDataType', at: Date.now(), reqId, marketDataType });
    });
    this.#on(EventName.tickSnapshotEnd, (reqId: number) =>
      this.#data({ type: 'snapshotEnd', at: Date.now(), reqId }),
    );
    for (const name of [EventName.tickReqParams, EventName.tickEFP]) this.#on(name, pulse);
  }

  #subscribeContracts(): void {
    for (const name of [EventName.contractDetails, EventName.bondContractDetails]) {
      this.#on(name, (reqId: number, row: Parameters<typeof decode.decodeContractDetails>[0]) => {
        const details = decode.decodeContractDetails(row);
        const at = Date.now();
        if (details.ok) this.#data({ type: 'contractDetails', at, reqId, details: details.value });
        else this.#message({ code: UNREADABLE_ROW, message: details.fault, reqId });
      });
    }
    this.#on(EventName.contractDetailsEnd, (reqId: number) =>
      this.#data({ type: 'contractDetailsEnd', at: Date.now(), reqId }),
    );
  }

  /** The library's own overloads type each listener; what they cannot say of `unset` values, the rows above do. */
  #on<Args extends readonly unknown[]>(name: EventName, listener: (...args: Args) => void): void {
    this.#api.on(
      name as never,
      ((...args: Args) => {
        if (this.#muted) return;
        try {
          listener(...args);
        } catch (cause) {
          this.#log.error('gateway-row-failed', { event: name, cause: String(cause) });
          const list = LISTS.get(name);
          if (list !== undefined) this.#data({ type: list, at: Date.now(), fault: String(cause) });
        }
      }) as never,
    );
  }

  #message(message: Message): void {
    this.#listen({ type: 'message', message });
  }

  #data(event: GatewayEvent): void {
    this.#listen({ type: 'data', event });
  }
}

/** Of @stoqey/ib 1.6.10, where the version is pinned; test/bridge/gateway/connection.test.ts notices a change. */
interface Internals {
  readonly controller: { readonly socket: { onData(bytes: Buffer): void } };
}

/** Rows of lists that are complete or nothing. */
const LISTS: ReadonlyMap<EventName, 'positionMalformed' | 'accountPositionMalformed' | 'portfolioFailed'> =
  new Map([
    [EventName.position, 'positionMalformed'],
    [EventName.positionMulti, 'accountPositionMalformed'],
    [EventName.updatePortfolio, 'portfolioFailed'],
  ]);

/** The library's ErrorCode.CONNECT_FAIL: what it makes of every error of the socket. */
const SOCKET_ERROR = 502;
/** The client's own "unknown message", here for a row of a request that could not be read. */
const UNREADABLE_ROW = 508;

/** The encoder sends what it is given: numbers as numbers, an absent field empty. */
function toIb(contract: Partial<RequestContract>): IbContract {
  const { strike, multiplier, lastTradeDate, ...rest } = contract;
  return {
    ...rest,
    ...(lastTradeDate === undefined ? {} : { lastTradeDateOrContractMonth: lastTradeDate }),
    ...(strike === undefined ? {} : { strike: Number(strike) }),
    ...(multiplier === undefined ? {} : { multiplier: Number(multiplier) }),
    // The library's enums list what it knows; the wire takes any of IB's codes as text.
  } as IbContract;
}
