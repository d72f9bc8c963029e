import type { Socket } from 'node:net';
import { Connection } from './connection.ts';
import { messageName } from './message-names.ts';
import * as messages from './messages.ts';
import { NOTICES, type Notice } from './notices.ts';
import type { Settings } from './options.ts';
import { PaceMeter } from './pace.ts';
import type { ReceivedRequest, RequestLog } from './request-log.ts';
import { decodeRequest, type Request, UnreadableRequest } from './requests.ts';
import { type Floor, Session } from './session.ts';

/** With `reject`, the third violation of the rate ends the session. */
const VIOLATIONS_MAX = 3;

/** What a connection needs of the gateway that accepted it. */
export interface Reception {
  readonly settings: Settings;
  readonly floor: Floor;
  readonly log: RequestLog;
  isClientIdInUse(clientId: number): boolean;
  readonly onViolation: () => void;
  readonly onOrder: () => void;
  readonly onClose: (peer: Peer) => void;
}

/** What became of a request, for the log. */
type Outcome = Pick<ReceivedRequest, 'reqId' | 'conId' | 'snapshot' | 'refusedWith'>;

/** Whoever is at the other end of a socket; a client once startApi has said which. */
export class Peer {
  readonly #reception: Reception;
  readonly #connection: Connection;
  readonly #pace: PaceMeter;
  #session: Session | undefined;
  /** It came while `mute` was on: it will never hear anything. */
  #isMuted = false;

  constructor(socket: Socket, reception: Reception) {
    this.#reception = reception;
    this.#pace = new PaceMeter(reception.settings.messagesPerSecondMax);
    this.#connection = new Connection(socket, reception.settings.serverVersion, {
      onFrame: (fields, monotonicMs) => this.#receive(fields, monotonicMs),
      onClose: () => {
        this.#session?.close();
        reception.onClose(this);
      },
    });
  }

  get session(): Session | undefined {
    return this.#session;
  }

  start(): void {
    this.#connection.start();
  }

  /** In order: what is pending is sent first. */
  end(): void {
    this.#connection.end();
  }

  reset(): void {
    this.#connection.reset();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #receive(fields: readonly string[], monotonicMs: number): void {
    const [id = ''] = fields;
    const name = messageName(id);
    const outcome = this.#mayBeServed(monotonicMs) ? this.#serve(fields, name) : { refusedWith: 100 };
    this.#reception.log.add({
      at: performance.timeOrigin + monotonicMs,
      monotonicMs,
      clientId: this.#session?.clientId ?? -1,
      messageId: /^\d{1,9}$/.test(id) ? Number(id) : -1,
      name,
      ...outcome,
      fields,
    });
  }

  #mayBeServed(nowMs: number): boolean {
    const pace = this.#pace.record(nowMs);
    if (pace === 'within') return true;
    const { pacing, messagesPerSecondMax } = this.#reception.settings;
    const isServed = pacing === 'pace';
    if (pace === 'above') return isServed;
    this.#reception.onViolation();
    this.#notify(NOTICES.tooFast(messagesPerSecondMax, pace.received, pace.violation));
    if (!isServed && pace.violation >= VIOLATIONS_MAX) this.end();
    return isServed;
  }

  #serve(fields: readonly string[], name: string): Outcome {
    let request: Request;
    try {
      request = decodeRequest(fields);
    } catch (error) {
      if (!(error instanceof UnreadableRequest)) throw error;
      return this.#refuse(NOTICES.unreadable(error.message));
    }
    if (request.name === 'startApi') return this.#startSession(request.clientId);
    if (request.name === 'order') this.#reception.onOrder();
    const known = 'reqId' in request ? { reqId: request.reqId } : {};
    // What comes before nextValidId may be dropped by a real gateway: this one always does.
    if (this.#session === undefined || this.#isMuted) return known;
    const { conId, notice } = this.#session.handle(request, name);
    return {
      ...known,
      ...(conId === undefined ? {} : { conId }),
      ...(request.name === 'reqMktData' ? { snapshot: request.snapshot } : {}),
      ...(notice === undefined ? {} : { refusedWith: notice.code }),
    };
  }

  #startSession(clientId: number): Outcome {
    if (this.#session !== undefined) return {};
    const { floor } = this.#reception;
    if (this.#reception.isClientIdInUse(clientId)) {
      const outcome = this.#refuse(NOTICES.clientIdInUse);
      this.end();
      return outcome;
    }
    this.#session = new Session({ clientId, floor, wire: this.#connection });
    this.#isMuted = floor.faults.mute;
    if (!this.#isMuted) this.#session.greet();
    return {};
  }

  #refuse(notice: Notice): Outcome {
    this.#notify(notice);
    return { refusedWith: notice.code };
  }

  #notify(notice: Notice): void {
    if (this.#isMuted) return;
    this.#connection.send([messages.notice(this.#connection.version, -1, notice, Date.now())]);
  }
}
