import type { GatewayEvent } from '../../../bridge/gateway/events.ts';
import type { Message } from '../../../bridge/gateway/notices.ts';
import { PacedRequests } from '../../../bridge/gateway/requests.ts';
import { CONNECTION_DEFAULTS } from '../../../bridge/gateway/settings.ts';
import { Wire, type WireSignal } from '../../../bridge/gateway/wire.ts';
import type { Log } from '../../../bridge/log.ts';
import { sleep } from '../../../bridge/wait.ts';
import { Inquiry } from './inquiry.ts';
import type { Happening, Observed, ObservedPosition } from './observed.ts';

export interface ObserverOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: number;
  /** Market data lines that it may use at a time. */
  readonly lines: number;
  /** Between two sweeps of the positions. */
  readonly sweepMs: number;
  /** One that has not ended after it never does. */
  readonly sweepDeadlineMs: number;
  /** Between two attempts to connect. */
  readonly retryMs: number;
  /** A line that is only asked for its price is given back after this at the latest. */
  readonly glanceMs: number;
  /** No tick on any line for this long is worth a word. */
  readonly quietMs: number;
}

export const OBSERVER_DEFAULTS = {
  clientId: 18,
  lines: 5,
  sweepMs: 30_000,
  sweepDeadlineMs: 20_000,
  retryMs: 1_000,
  glanceMs: 4_000,
  quietMs: 15_000,
} as const;

/** The client's own code for what it could not decode, with these words where it did not know the message at all. */
const UNREADABLE = 505;
const NO_PARSER = /^No parser implementation found/;
const HAPPENINGS_MAX = 100_000;

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * Looks at a gateway and writes down what it sees. It sends what the bridge may send and nothing else: positions,
 * contract details of what is held and of its underlyings, and a few market data lines: each contract that needs a
 * price for a moment, some of what is held for as long as it looks. Connects again whenever the session ends.
 */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #requests: PacedRequests;
  readonly #startedAt = performance.now();
  readonly #happenings: Happening[] = [];
  readonly #accounts = new Set<string>();
  readonly #inquiry: Inquiry;
  #positions: readonly ObservedPosition[] = [];
  #sweep:
    | { readonly atMs: number; readonly rows: ObservedPosition[]; readonly timer: NodeJS.Timeout }
    | undefined;
  #nextSweep: NodeJS.Timeout | undefined;
  #hasId = false;
  #hasAccounts = false;
  #isReady = false;
  #lastTickMs: number | undefined;
  #isReset = false;
  #over: (() => void) | undefined;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#requests = new PacedRequests({
      requestsPerSecond: CONNECTION_DEFAULTS.requestsPerSecond,
      refused: () => {},
      broken: () => this.#over?.(),
    });
    this.#inquiry = new Inquiry({ ...options, requests: this.#requests });
  }

  /** How often a session began so far. */
  get sessions(): number {
    return this.#happenings.filter(({ type }) => type === 'ready').length;
  }

  get observed(): Observed {
    return {
      happenings: this.#happenings,
      accounts: [...this.#accounts],
      positions: this.#positions,
      details: this.#inquiry.details,
      lines: this.#inquiry.lines,
    };
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#attempt(signal);
      await sleep(this.#options.retryMs, signal);
    }
  }

  /** One connection, from its first packet until it is gone. */
  async #attempt(signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    this.#over = () => over.resolve();
    this.#hasId = false;
    this.#hasAccounts = false;
    this.#isReset = false;
    const { host, port, clientId } = this.#options;
    const wire: Wire = new Wire({
      settings: { ...CONNECTION_DEFAULTS, host, port, clientId },
      log: SILENT,
      listen: (heard) => this.#hear(heard, wire),
    });
    const handshake = setTimeout(() => {
      if (!this.#isReady) over.resolve();
    }, CONNECTION_DEFAULTS.handshakeDeadlineMs);
    signal.addEventListener('abort', this.#over);
    wire.open();
    await over.promise;
    clearTimeout(handshake);
    signal.removeEventListener('abort', this.#over);
    if (this.#isReady && !signal.aborted) {
      this.#note({ type: 'away', atMs: this.#now(), how: this.#isReset ? 'reset' : 'end' });
    }
    this.#forget();
    await wire.close();
  }

  #forget(): void {
    this.#isReady = false;
    this.#lastTickMs = undefined;
    clearTimeout(this.#sweep?.timer);
    clearTimeout(this.#nextSweep);
    this.#sweep = undefined;
    this.#inquiry.forget();
    this.#requests.detach();
  }

  #hear(signal: WireSignal, wire: Wire): void {
    switch (signal.type) {
      case 'tcpConnected':
        this.#note({ type: 'accepted', atMs: this.#now() });
        break;
      case 'nextValidId':
        this.#hasId = true;
        this.#begin(wire);
        break;
      case 'managedAccounts':
        for (const account of signal.accounts) this.#accounts.add(account);
        this.#hasAccounts = true;
        this.#begin(wire);
        break;
      case 'socketError':
        this.#isReset = /ECONNRESET/.test(signal.message);
        this.#over?.();
        break;
      case 'closed':
        this.#over?.();
        break;
      case 'message':
        this.#message(signal.message);
        break;
      case 'data':
        if (this.#isReady) this.#data(signal.event);
        break;
      case 'serverVersion':
      case 'currentTime':
        break;
      default:
        signal satisfies never;
    }
  }

  #begin(wire: Wire): void {
    if (this.#isReady || !this.#hasId || !this.#hasAccounts) return;
    this.#isReady = true;
    this.#requests.attach(wire);
    this.#note({ type: 'ready', atMs: this.#now() });
    this.#startSweep();
    this.#inquiry.askAbout(this.#positions.map(({ contract }) => contract.conId));
  }

  #startSweep(): void {
    const atMs = this.#now();
    const timer = setTimeout(() => this.#endSweep(false), this.#options.sweepDeadlineMs);
    this.#sweep = { atMs, rows: [], timer };
    this.#requests.requestPositions();
  }

  #endSweep(hasEnded: boolean): void {
    const sweep = this.#sweep;
    if (sweep === undefined) return;
    clearTimeout(sweep.timer);
    this.#sweep = undefined;
    this.#note({ type: 'sweep', atMs: sweep.atMs, rows: sweep.rows.length, hasEnded });
    if (hasEnded && sweep.rows.length >= this.#positions.length) this.#positions = sweep.rows;
    this.#requests.cancelPositions();
    this.#nextSweep = setTimeout(() => this.#startSweep(), this.#options.sweepMs);
    this.#inquiry.askAbout(this.#positions.map(({ contract }) => contract.conId));
  }

  #data(event: GatewayEvent): void {
    switch (event.type) {
      case 'position':
        this.#accounts.add(event.account);
        if (event.quantity !== '0') this.#sweep?.rows.push(event);
        break;
      case 'positionEnd':
        this.#endSweep(true);
        break;
      default:
        if (this.#inquiry.learn(event)) this.#ticked();
        break;
    }
  }

  #ticked(): void {
    const now = this.#now();
    if (this.#lastTickMs !== undefined && now - this.#lastTickMs >= this.#options.quietMs) {
      this.#note({ type: 'quiet', atMs: this.#lastTickMs, forMs: Math.round(now - this.#lastTickMs) });
    }
    this.#lastTickMs = now;
  }

  #message({ code, message, reqId }: Message): void {
    const atMs = this.#now();
    if (code === UNREADABLE && reqId === undefined) {
      if (NO_PARSER.test(message)) this.#note({ type: 'unknown-message', atMs });
      return;
    }
    if (reqId === undefined) {
      this.#note({ type: 'message', atMs, code, text: message });
      return;
    }
    const line = this.#inquiry.refused(reqId);
    if (line !== undefined) this.#note({ type: 'message', atMs, code, text: message, line });
  }

  #note(happening: Happening): void {
    if (this.#happenings.length < HAPPENINGS_MAX) this.#happenings.push(happening);
  }

  #now(): number {
    return Math.round(performance.now() - this.#startedAt);
  }
}
