import { maskAccount } from '../../shared/account.ts';
import { BRIDGE } from '../../shared/limits.ts';
import type { Gateway, GatewayEvent, PortfolioRow } from '../gateway/events.ts';
import type { Log } from '../log.ts';

export type { PortfolioRow } from '../gateway/events.ts';

/** Reads that may wait for their turn: one for each account that a list of positions can have, and some. */
export const PORTFOLIO_QUEUE_MAX = 100;

/** An account's holdings could not be read. It says nothing about any position; ask again later. */
export class PortfolioFault extends Error {
  override readonly name = 'PortfolioFault';
  readonly disposition = 'retry';
}

interface Read {
  readonly account: string;
  readonly rows: Map<number, PortfolioRow>;
  readonly resolve: (rows: readonly PortfolioRow[]) => void;
  readonly reject: (cause: unknown) => void;
  settle?: NodeJS.Timeout;
}

/**
 * Reads an account's holdings with their market values: subscribe, collect to the end of that account's list,
 * unsubscribe. They take no market data line. IB knows one subscription of account updates per client, so reads
 * take turns (https://interactivebrokers.github.io/tws-api/account_updates.html). A list that did not end, or that a
 * lost connection or link cut, is a failure and never a part of an account.
 */
export class Portfolios {
  readonly #gateway: Gateway;
  readonly #log: Log;
  readonly #deadlineMs: number;
  readonly #settleMs: number;
  readonly #queue: Read[] = [];
  /** Accounts whose list was given up on this connection: its end may still come, and it is not the next list's. */
  readonly #overdue = new Set<string>();
  #unsubscribe: (() => void) | undefined;
  #reading: Read | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #isLinkDown = false;

  constructor(options: {
    readonly gateway: Gateway;
    readonly log: Log;
    /** From the request to the end of the list. */
    readonly deadlineMs?: number;
    /** After a list that was given up: the quiet after which an end is taken to be the last one. */
    readonly settleMs?: number;
  }) {
    this.#gateway = options.gateway;
    this.#log = options.log;
    this.#deadlineMs = options.deadlineMs ?? BRIDGE.sweepDeadlineMs;
    this.#settleMs = options.settleMs ?? 1000;
  }

  start(): void {
    this.#unsubscribe ??= this.#gateway.subscribe((event) => this.#receive(event));
  }

  /** Ends the subscription at the gateway too; whoever waits is told. */
  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#failAll('the bridge is stopping');
  }

  /**
   * One row per contract, the last one that came; quantity "0" where it closed today.
   * @throws PortfolioFault when there is no complete list, or the signal's reason
   */
  readPortfolio(account: string, signal: AbortSignal): Promise<readonly PortfolioRow[]> {
    const fault = signal.aborted ? signal.reason : this.#cannotRead();
    if (fault !== undefined) return Promise.reject(fault);
    const { promise, resolve, reject } = Promise.withResolvers<readonly PortfolioRow[]>();
    const abort = () => this.#giveUp(read, signal.reason);
    const leave = () => signal.removeEventListener('abort', abort);
    const read: Read = {
      account,
      rows: new Map(),
      resolve: (rows) => {
        leave();
        resolve(rows);
      },
      reject: (cause) => {
        leave();
        reject(cause);
      },
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#queue.push(read);
    this.#next();
    return promise;
  }

  #cannotRead(): PortfolioFault | undefined {
    if (this.#unsubscribe === undefined || !this.#gateway.isReady) {
      return new PortfolioFault('the gateway is not connected');
    }
    if (this.#isLinkDown)
      return new PortfolioFault('the gateway has no link to IB: its list may be incomplete');
    if (this.#queue.length < PORTFOLIO_QUEUE_MAX) return undefined;
    return new PortfolioFault(`${this.#queue.length} reads wait already`);
  }

  #next(): void {
    if (this.#reading !== undefined) return;
    const read = this.#queue.shift();
    if (read === undefined) return;
    this.#reading = read;
    this.#deadline = setTimeout(
      () => this.#giveUp(read, new PortfolioFault(`no end of the list within ${this.#deadlineMs} ms`)),
      this.#deadlineMs,
    );
    this.#gateway.requests.requestAccountUpdates(read.account);
  }

  #receive(event: GatewayEvent): void {
    switch (event.type) {
      case 'portfolioRow':
        this.#onRow(event);
        break;
      case 'portfolioEnd':
        this.#onEnd(event.account);
        break;
      case 'portfolioFailed':
        this.#failRead(event.fault);
        break;
      case 'ready':
        this.#isLinkDown = false;
        this.#overdue.clear();
        break;
      case 'lost':
        this.#failAll(`the connection was lost: ${event.reason}`);
        break;
      case 'linkDown':
        this.#isLinkDown = true;
        this.#failAll(`the gateway lost its link to IB (code ${event.code})`);
        break;
      case 'linkUp':
        this.#isLinkDown = false;
        break;
      default:
        break;
    }
  }

  #onRow({ account, contract, quantity, marketPrice, marketValue, averageCost }: PortfolioRow): void {
    const read = this.#reading;
    if (read?.account !== account) return;
    read.rows.set(contract.conId, {
      account,
      contract,
      quantity,
      ...(marketPrice === undefined ? {} : { marketPrice }),
      ...(marketValue === undefined ? {} : { marketValue }),
      averageCost,
    });
    if (read.settle !== undefined) this.#settle(read);
  }

  #onEnd(account: string): void {
    const read = this.#reading;
    if (read?.account !== account) this.#overdue.delete(account);
    else if (this.#overdue.has(account)) this.#settle(read);
    else this.#complete(read);
  }

  /** This end may be the overdue one, with the rows of this list still to come: it counts once nothing follows. */
  #settle(read: Read): void {
    clearTimeout(read.settle);
    read.settle = setTimeout(() => this.#complete(read), this.#settleMs);
  }

  #complete(read: Read): void {
    this.#overdue.delete(read.account);
    this.#end(read);
    read.resolve([...read.rows.values()]);
    this.#next();
  }

  #failRead(reason: string): void {
    if (this.#reading !== undefined) this.#giveUp(this.#reading, new PortfolioFault(reason));
  }

  #failAll(reason: string): void {
    for (const read of this.#queue.splice(0)) read.reject(new PortfolioFault(reason));
    this.#failRead(reason);
  }

  #giveUp(read: Read, cause: unknown): void {
    const waiting = this.#queue.indexOf(read);
    if (waiting >= 0) this.#queue.splice(waiting, 1);
    else {
      this.#overdue.add(read.account);
      this.#end(read);
      this.#log.warn('portfolio-not-read', { account: maskAccount(read.account), cause: String(cause) });
    }
    read.reject(cause);
    this.#next();
  }

  #end(read: Read): void {
    clearTimeout(this.#deadline);
    clearTimeout(read.settle);
    this.#reading = undefined;
    if (this.#gateway.isReady) this.#gateway.requests.cancelAccountUpdates(read.account);
  }
}
