import type { Log } from '../log.ts';
import { ConnectionRecord, type ConnectionStatus } from './connection-record.ts';
import { Deadline } from './deadline.ts';
import type { Gateway, GatewayEvent, GatewayRequests } from './events.ts';
import { type SessionFault, socketFault } from './faults.ts';
import { Heartbeat } from './heartbeat.ts';
import { Listeners } from './listeners.ts';
import { classify, isKnownCode, type Message } from './notices.ts';
import { PacedRequests } from './requests.ts';
import { IDLE, type Session, type SessionEffect, type SessionEvent, step } from './session.ts';
import type { ConnectionSettings } from './settings.ts';
import { Wire, type WireSignal } from './wire.ts';

/** For the cancels of 100 lines at the default pace, 2.5 s; what is not sent by then the gateway frees by itself. */
const CANCELS_DEADLINE_MS = 3_000;
/** What an unreadable message says of the list that it belongs to. */
const UNREADABLE = {
  positions: 'positionMalformed',
  'account-positions': 'accountPositionMalformed',
  portfolio: 'portfolioFailed',
} as const;
/** Socket and timers are gone after this at the latest, whatever the other side does. */
const CLOSE_DEADLINE_MS = 1_000;

/**
 * The session with the gateway: runs the state machine of session.ts over one Wire per attempt, and passes on what
 * comes in as typed events. It never gives up by itself; `status()` says what a person should check.
 */
export class GatewayConnection implements Gateway, AsyncDisposable {
  readonly #settings: ConnectionSettings;
  readonly #log: Log;
  readonly #record: ConnectionRecord;
  readonly #random: () => number;
  readonly #cancelsDeadlineMs: number;
  readonly #requests: PacedRequests;
  readonly #heartbeat: Heartbeat;
  readonly #handshake = new Deadline();
  readonly #listeners: Listeners<GatewayEvent>;
  readonly #watchers: Listeners<ConnectionStatus>;
  readonly #events: SessionEvent[] = [];
  readonly #closing = new Set<Promise<void>>();
  #session: Session = IDLE;
  #wire: Wire | undefined;
  #wait: NodeJS.Timeout | undefined;
  #unknownCodes = new Set<number>();

  /**
   * @param options.random the jitter of the waits, in [0, 1)
   * @param options.cancelsDeadlineMs how long `stop` waits for the pacer to send the cancels. Default 3 s
   */
  constructor(options: {
    readonly settings: ConnectionSettings;
    readonly log: Log;
    readonly random?: () => number;
    readonly cancelsDeadlineMs?: number;
  }) {
    this.#settings = options.settings;
    this.#log = options.log;
    this.#record = new ConnectionRecord(options.settings);
    this.#listeners = new Listeners(options.log);
    this.#watchers = new Listeners(options.log);
    this.#random = options.random ?? Math.random;
    this.#cancelsDeadlineMs = options.cancelsDeadlineMs ?? CANCELS_DEADLINE_MS;
    this.#requests = new PacedRequests({
      requestsPerSecond: options.settings.requestsPerSecond,
      refused: (refusal) => this.#listeners.tell({ type: 'requestNotice', at: Date.now(), ...refusal }),
      broken: (cause) => this.#fail({ kind: 'socket', detail: String(cause) }),
    });
    this.#heartbeat = new Heartbeat({
      periodMs: options.settings.heartbeatPeriodMs,
      deadlineMs: options.settings.heartbeatDeadlineMs,
      ask: (sent) => this.#requests.requestCurrentTime(sent),
      missed: () => this.#dispatch({ type: 'heartbeatMissed' }),
    });
  }

  get requests(): GatewayRequests {
    return this.#requests;
  }

  get isReady(): boolean {
    return this.#session.name === 'ready';
  }

  /** Listeners of ours that threw: each one is a fault in the bridge. */
  get listenerFaults(): number {
    return this.#listeners.faults + this.#watchers.faults;
  }

  start(): void {
    this.#dispatch({ type: 'start' });
  }

  /** What was cancelled leaves first. For good: a connection that was stopped does not start again. */
  async stop(): Promise<void> {
    await this.#requests.urgentSent(this.#cancelsDeadlineMs);
    this.#dispatch({ type: 'stop' });
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, CLOSE_DEADLINE_MS);
    await Promise.race([Promise.all(this.#closing), deadline.promise]);
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  subscribe(listener: (event: GatewayEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** @returns unsubscribe. Called after each change of state or link, with the status then. */
  watch(watcher: (status: ConnectionStatus) => void): () => void {
    return this.#watchers.add(watcher);
  }

  status(): ConnectionStatus {
    return this.#record.status(this.#session);
  }

  /** One event at a time: what an effect brings about waits for the effects before it. */
  #dispatch(event: SessionEvent): void {
    this.#events.push(event);
    if (this.#events.length > 1) return;
    for (let next = this.#events[0]; next !== undefined; next = this.#events[0]) {
      const before = this.#session;
      const { session, effects } = step(before, next, this.#settings, this.#random());
      this.#session = session;
      for (const effect of effects) this.#run(effect);
      this.#events.shift();
      if (session !== before) this.#changed(before, session);
    }
  }

  #run(effect: SessionEffect): void {
    switch (effect.type) {
      case 'connect':
        this.#connect(effect.port ?? this.#settings.port);
        break;
      case 'disconnect':
        this.#disconnect();
        break;
      case 'wait':
        this.#record.waits(effect.delayMs);
        this.#wait = setTimeout(() => this.#dispatch({ type: 'waitOver' }), effect.delayMs);
        break;
      case 'stopWaiting':
        this.#record.waits(undefined);
        clearTimeout(this.#wait);
        break;
      case 'note':
        this.#log.warn('gateway-fault', { kind: effect.fault.kind, fault: this.#record.fault(effect.fault) });
        break;
      case 'announceReady':
        this.#ready(effect.accounts);
        break;
      case 'announceLost': {
        const reason = effect.fault === undefined ? 'stopped' : (this.#record.lastFault ?? effect.fault.kind);
        this.#listeners.tell({ type: 'lost', at: Date.now(), reason });
        break;
      }
      case 'announceLinkDown':
        this.#record.linkDown(effect.code);
        this.#listeners.tell({ type: 'linkDown', at: Date.now(), code: effect.code });
        break;
      case 'announceLinkUp':
        this.#record.recovered();
        this.#listeners.tell({ type: 'linkUp', at: Date.now(), linesKept: effect.linesKept });
        break;
      default:
        effect satisfies never;
    }
  }

  #connect(port: number): void {
    this.#record.connecting(port);
    const wire = new Wire({
      settings: { ...this.#settings, port },
      log: this.#log,
      listen: (signal) => this.#receive(signal),
    });
    this.#wire = wire;
    this.#handshake.start(this.#settings.handshakeDeadlineMs, () =>
      this.#dispatch({ type: 'deadlinePassed' }),
    );
    try {
      wire.open();
    } catch (cause) {
      // A port out of range throws here and now.
      this.#fail({ kind: 'socket', detail: String(cause) });
    }
  }

  #disconnect(): void {
    this.#handshake.clear();
    this.#heartbeat.stop();
    const givenUp = this.#requests.detach();
    if (givenUp > 0) this.#log.info('gateway-requests-given-up', { count: givenUp });
    this.#record.disconnected();
    const closed = this.#wire?.close();
    this.#wire = undefined;
    if (closed === undefined) return;
    this.#closing.add(closed);
    void closed.then(() => this.#closing.delete(closed));
  }

  #ready(accounts: readonly string[]): void {
    this.#handshake.clear();
    this.#record.ready(accounts);
    this.#unknownCodes.clear();
    if (this.#wire !== undefined) this.#requests.attach(this.#wire);
    this.#heartbeat.start();
    this.#listeners.tell({
      type: 'ready',
      at: Date.now(),
      serverVersion: this.#record.serverVersion ?? 0,
      accounts,
    });
  }

  #receive(signal: WireSignal): void {
    switch (signal.type) {
      case 'tcpConnected':
      case 'nextValidId':
      case 'managedAccounts':
        this.#dispatch(signal);
        break;
      case 'serverVersion':
        this.#record.greeted(signal.version);
        break;
      case 'currentTime':
        this.#heartbeat.answered();
        if (this.#session.name === 'ready' && !this.#session.answered && this.#session.linkUp) {
          this.#record.recovered();
        }
        this.#dispatch({ type: 'answered' });
        break;
      case 'socketError':
        this.#fail(socketFault(signal.message, this.#session.name === 'ready'));
        break;
      case 'closed':
        this.#fail({ kind: this.isReady ? 'closed' : 'hung-up' });
        break;
      case 'message':
        this.#notice({ ...signal.message, message: this.#record.masked(signal.message.message) });
        break;
      case 'data':
        if (this.isReady) this.#listeners.tell(signal.event);
        break;
      default:
        signal satisfies never;
    }
  }

  #notice(message: Message): void {
    const notice = classify(message);
    const at = Date.now();
    this.#logNotice(message);
    switch (notice.kind) {
      case 'linkDown':
        this.#dispatch({ type: 'linkDown', code: message.code });
        break;
      case 'linkUp':
        this.#dispatch({ type: 'linkUp', linesKept: notice.linesKept });
        break;
      case 'farm':
        this.#listeners.tell({ type: 'farm', at, code: message.code, farm: notice.farm, up: notice.up });
        break;
      case 'session':
        this.#fail(notice.fault);
        break;
      case 'pacing':
        this.#requests.slowDown();
        break;
      case 'unreadable':
        if (notice.list !== undefined) {
          this.#listeners.tell({ type: UNREADABLE[notice.list], at, fault: message.message });
        }
        break;
      case 'portfolio':
        this.#listeners.tell({ type: 'portfolioFailed', at, fault: `${message.message} (${message.code})` });
        break;
      case 'request': {
        const { code, message: text, reqId = 0 } = message;
        const { meaning } = notice;
        this.#listeners.tell({ type: 'requestNotice', at, reqId, code, message: text, meaning });
        break;
      }
      case 'information':
        break;
      default:
        notice satisfies never;
    }
  }

  /** What concerns the session is logged as it comes; what concerns a request is its owner's to tell. */
  #logNotice({ code, message, reqId }: Message): void {
    if (reqId === undefined) this.#log.info('gateway-notice', { code, message });
    else if (!isKnownCode(code) && !this.#unknownCodes.has(code)) {
      this.#unknownCodes.add(code);
      this.#log.warn('gateway-code-unknown', { code, message, reqId });
    }
  }

  #fail(fault: SessionFault): void {
    this.#dispatch({ type: 'failed', fault });
  }

  #changed(before: Session, session: Session): void {
    const wasAttempt =
      before.name === 'connecting' || before.name === 'handshaking' || before.name === 'half-open';
    const isPause = session.name === 'waiting' || session.name === 'open-circuit';
    if (wasAttempt && isPause) this.#record.attemptFailed();
    if (before.name !== session.name) {
      this.#log.info('gateway-state', {
        from: before.name,
        to: session.name,
        ...(isPause ? { nextAttemptAt: this.#record.nextAttemptAt } : {}),
      });
    }
    this.#watchers.tell(this.status());
  }
}
