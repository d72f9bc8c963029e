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
    this.#connection = new Connection(socket, {
      ownVersion: reception.settings.serverVersion,
      faults: reception.floor.faults,
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
    const { settings, floor } = this.#reception;
    const { messagesPerSecondMax } = settings;
    const strict = floor.faults.of('strict-pacing');
    const isServed = settings.pacing === 'pace' && strict === undefined;
    if (pace === 'above') return isServed;
    this.#reception.onViolation();
    if (strict !== undefined) floor.faults.exercise(strict, `violation ${pace.violation}`);
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
    if (this.#isUnanswered()) return known;
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

  #isUnanswered(): boolean {
    const { faults } = this.#reception.floor;
    const fault = faults.of('silence', ({ what }) => what !== 'ticks');
    if (fault !== undefined) faults.exercise(fault, 'a request got no answer');
    return fault !== undefined;
  }

  #startSession(clientId: number): Outcome {
    if (this.#session !== undefined) return {};
    const { floor } = this.#reception;
    const { faults } = floor;
    const lingering = faults.of(
      'client-ids-linger',
      ({ clientIds }) => clientIds?.includes(clientId) ?? true,
    );
    if (lingering !== undefined) faults.exercise(lingering, `client id ${clientId} was answered by 326`);
    if (lingering !== undefined || this.#reception.isClientIdInUse(clientId)) {
      const outcome = this.#refuse(NOTICES.clientIdInUse);
      this.end();
      return outcome;
    }
    this.#session = new Session({ clientId, floor, wire: this.#connection });
    const mute = faults.of('mute-handshake');
    this.#isMuted = mute !== undefined;
    if (mute === undefined) this.#session.greet();
    else faults.exercise(mute, `client id ${clientId} got no nextValidId`);
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
