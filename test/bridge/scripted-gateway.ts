import type {
  ContractDetails,
  Gateway,
  GatewayEvent,
  GatewayRequests,
  RequestContract,
  RequestMeaning,
} from '../../bridge/gateway/events.ts';
import type { Log } from '../../bridge/log.ts';

type Untimed = GatewayEvent extends infer E ? (E extends GatewayEvent ? Omit<E, 'at'> : never) : never;

/**
 * The border of the connection, played by the test: what was asked for is written down, what comes is said by the
 * test. Counts lines as a gateway does, from what it reads in the order in which it reads it.
 */
export class ScriptedGateway implements Gateway {
  isReady = false;
  /** In order: "stream 11", "snapshot 5", "cancel 11", "positions", "cancel positions", "type 1", "stream 11 as 2". */
  readonly sent: string[] = [];
  /** Most lines in use at once. */
  peak = 0;
  /** Lines that it has; more are refused with 101 by the next `answer`. */
  cap = Number.POSITIVE_INFINITY;
  /** Requests refused with 101. */
  refused = 0;
  readonly #listeners = new Set<(event: GatewayEvent) => void>();
  readonly #lines = new Map<number, number>();
  readonly #snapshots = new Set<number>();
  readonly #unanswered: number[] = [];
  #lastReqId = 0;

  readonly requests: GatewayRequests = {
    requestPositions: () => this.#send('positions'),
    cancelPositions: () => this.#send('cancel positions'),
    requestAccountPositions: (account) => {
      this.#send(`positions ${account}`);
      return ++this.#lastReqId;
    },
    cancelAccountPositions: (reqId) => this.#send(`cancel positions ${reqId}`),
    requestAccountUpdates: (account) => this.#send(`portfolio ${account}`),
    cancelAccountUpdates: (account) => this.#send(`cancel portfolio ${account}`),
    requestMarketData: (contract: RequestContract, mode, type) => {
      const reqId = ++this.#lastReqId;
      this.#send(`${mode} ${contract.conId}${type === undefined ? '' : ` as ${type}`}`);
      if (this.#lines.size >= this.cap) {
        this.refused += 1;
        this.#unanswered.push(reqId);
        return reqId;
      }
      this.#lines.set(reqId, contract.conId);
      if (mode === 'snapshot') this.#snapshots.add(reqId);
      this.peak = Math.max(this.peak, this.#lines.size);
      return reqId;
    },
    cancelMarketData: (reqId) => {
      this.#send(`cancel ${this.#lines.get(reqId) ?? `unknown ${reqId}`}`);
      this.#lines.delete(reqId);
    },
    requestMarketDataType: (type) => this.#send(`type ${type}`),
    requestContractDetails: () => ++this.#lastReqId,
  };

  subscribe(listener: (event: GatewayEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What was asked for since the last call. */
  taken(): string[] {
    return this.sent.splice(0);
  }

  get inUse(): number {
    return this.#lines.size;
  }

  emit(event: Untimed): void {
    if (event.type === 'ready') this.isReady = true;
    if (event.type === 'lost') {
      this.isReady = false;
      this.#lines.clear();
      this.#unanswered.length = 0;
    }
    const timed = { ...event, at: Date.now() } as GatewayEvent;
    for (const listener of [...this.#listeners]) listener(timed);
  }

  ready(): void {
    this.emit({ type: 'ready', serverVersion: 193, accounts: ['DU1234567'] });
  }

  /** A price on every line of the contract. */
  tick(conId: number, price = 2): void {
    for (const reqId of this.reqIds(conId)) this.emit({ type: 'price', reqId, field: 'last', price });
  }

  /** Refuses what was beyond its cap. */
  answer(): void {
    for (const reqId of this.#unanswered.splice(0)) {
      this.emit({ type: 'requestNotice', reqId, code: 101, message: 'max tickers', meaning: 'no-line' });
    }
  }

  /** Takes away what is beyond its cap: 101 on lines that streamed, the last ones first. */
  evict(): void {
    const beyond = [...this.#lines.keys()].toReversed().slice(0, Math.max(0, this.#lines.size - this.cap));
    for (const reqId of beyond) this.#lines.delete(reqId);
    this.#unanswered.push(...beyond);
    this.answer();
  }

  get conIds(): number[] {
    return [...new Set(this.#lines.values())];
  }

  notice(conId: number, meaning: RequestMeaning, code = 200): void {
    for (const reqId of this.reqIds(conId)) {
      if (meaning !== 'harmless' && meaning !== 'competing-session') this.#lines.delete(reqId);
      this.emit({ type: 'requestNotice', reqId, code, message: 'as scripted', meaning });
    }
  }

  endSnapshot(conId: number): void {
    for (const reqId of this.reqIds(conId)) this.endRequest(reqId);
  }

  endRequest(reqId: number): void {
    this.#lines.delete(reqId);
    this.emit({ type: 'snapshotEnd', reqId });
  }

  snapshotReqIds(): number[] {
    return [...this.#lines.keys()].filter((reqId) => this.#snapshots.has(reqId));
  }

  reqIds(conId: number): number[] {
    return [...this.#lines].filter(([, each]) => each === conId).map(([reqId]) => reqId);
  }

  #send(text: string): void {
    if (!this.isReady) throw new Error(`sent before ready: ${text}`);
    this.sent.push(text);
  }
}

export const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };

export function details(conId: number, symbol = `S${conId}`): ContractDetails {
  return {
    contract: { conId, symbol, secType: 'OPT', currency: 'USD' },
    validExchanges: ['SMART'],
    minTick: 0.01,
    priceMagnifier: 1,
  };
}
