import type { SessionFault } from './faults.ts';
import type { ConnectionSettings } from './settings.ts';

/**
 * The life of the session with the gateway as one pure function. `connecting` is TCP, `handshaking` waits for
 * nextValidId and managedAccounts, `half-open` is both of them for the one probe of an open circuit.
 */
export type Session =
  | { readonly name: 'idle' | 'stopped' }
  | (Handshake & Journey & { readonly name: 'connecting' | 'handshaking' | 'half-open' })
  | (Journey & {
      readonly name: 'ready';
      /** A heartbeat was answered: without it a session that ends was one more failed attempt. */
      readonly answered: boolean;
      readonly linkUp: boolean;
    })
  | (Journey & { readonly name: 'waiting' | 'open-circuit' });

export type SessionName = Session['name'];

/** What one attempt hands on to the next. */
interface Journey {
  /** Failed attempts so far, forgotten at the first answer. */
  readonly failures: number;
  /** Where 1300 said that the gateway listens now. After a failed attempt the other of the two ports is tried. */
  readonly movedTo?: number;
  /** This attempt, or the next, is made at `movedTo`. */
  readonly atMoved: boolean;
}

interface Handshake {
  readonly tcp: boolean;
  readonly nextValidId: boolean;
  /** Empty until they came. */
  readonly accounts: readonly string[];
  /** 2110 may come before nextValidId: the gateway is up, its own link is not. */
  readonly linkUp: boolean;
  readonly linkCode?: number;
}

export type SessionEvent =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  | { readonly type: 'tcpConnected' }
  | { readonly type: 'nextValidId' }
  | { readonly type: 'managedAccounts'; readonly accounts: readonly string[] }
  /** The handshake took too long. */
  | { readonly type: 'deadlinePassed' }
  /** The attempt, or the session, is over. */
  | { readonly type: 'failed'; readonly fault: SessionFault }
  /** A heartbeat was answered. */
  | { readonly type: 'answered' }
  | { readonly type: 'heartbeatMissed' }
  | { readonly type: 'waitOver' }
  | { readonly type: 'linkDown'; readonly code: number }
  | { readonly type: 'linkUp'; readonly linesKept: boolean };

export type SessionEffect =
  /** Make a fresh client, start the handshake deadline. `port` undefined is the one configured. */
  | { readonly type: 'connect'; readonly port: number | undefined }
  /** Drop the client with everything that waits for it. */
  | { readonly type: 'disconnect' }
  | { readonly type: 'wait'; readonly delayMs: number }
  | { readonly type: 'stopWaiting' }
  | { readonly type: 'note'; readonly fault: SessionFault }
  | { readonly type: 'announceReady'; readonly accounts: readonly string[] }
  | { readonly type: 'announceLost'; readonly fault: SessionFault | undefined }
  | { readonly type: 'announceLinkDown'; readonly code: number }
  | { readonly type: 'announceLinkUp'; readonly linesKept: boolean };

export interface Transition {
  readonly session: Session;
  readonly effects: readonly SessionEffect[];
}

export type SessionLimits = Pick<
  ConnectionSettings,
  'backoffMinMs' | 'backoffMaxMs' | 'breakerThreshold' | 'breakerPeriodMs'
>;

export const IDLE: Session = { name: 'idle' };

const DEPARTURE: Journey = { failures: 0, atMoved: false };

/**
 * @param random in [0, 1): the jitter of a wait that may follow
 * @returns the same session and no effect where the event means nothing in this state
 */
export function step(
  session: Session,
  event: SessionEvent,
  limits: SessionLimits,
  random: number,
): Transition {
  if (event.type === 'stop') return stop(session);
  switch (session.name) {
    case 'idle':
      return event.type === 'start' ? attempt('connecting', DEPARTURE) : unchanged(session);
    case 'connecting':
    case 'handshaking':
    case 'half-open':
      return stepHandshake(session, event, { limits, random });
    case 'ready':
      return stepReady(session, event, { limits, random });
    case 'waiting':
      return event.type === 'waitOver' ? attempt('connecting', session) : unchanged(session);
    case 'open-circuit':
      return event.type === 'waitOver' ? attempt('half-open', session) : unchanged(session);
    case 'stopped':
      return unchanged(session);
  }
}

interface Chance {
  readonly limits: SessionLimits;
  readonly random: number;
}

type Attempt = Extract<Session, Handshake>;

function stepHandshake(session: Attempt, event: SessionEvent, chance: Chance): Transition {
  switch (event.type) {
    case 'tcpConnected': {
      const name = session.name === 'half-open' ? 'half-open' : 'handshaking';
      return unchanged({ ...session, name, tcp: true });
    }
    case 'nextValidId':
      return completed({ ...session, nextValidId: true });
    case 'managedAccounts':
      return completed({ ...session, accounts: event.accounts });
    case 'linkDown':
      return unchanged({ ...session, linkUp: false, linkCode: event.code });
    case 'linkUp':
      return unchanged({ ...session, linkUp: true });
    case 'deadlinePassed':
      return failed(
        session,
        { kind: session.tcp ? 'silent' : 'unreachable', detail: missing(session) },
        chance,
      );
    case 'failed':
      return failed(session, event.fault, chance);
    default:
      return unchanged(session);
  }
}

function stepReady(session: Session & { name: 'ready' }, event: SessionEvent, chance: Chance): Transition {
  switch (event.type) {
    case 'answered':
      return unchanged(session.answered ? session : { ...session, answered: true, failures: 0 });
    case 'linkDown':
      // 2110 after 1100 says nothing new.
      if (!session.linkUp) return unchanged(session);
      return {
        session: { ...session, linkUp: false },
        effects: [{ type: 'announceLinkDown', code: event.code }],
      };
    case 'linkUp':
      // Told even when the link was not known to be down: after 1101 no line is alive.
      return {
        session: { ...session, linkUp: true },
        effects: [{ type: 'announceLinkUp', linesKept: event.linesKept }],
      };
    case 'heartbeatMissed':
      return lost(session, { kind: 'no-heartbeat' }, chance);
    case 'failed':
      return lost(session, event.fault, chance);
    default:
      return unchanged(session);
  }
}

/** Ready means both: a gateway that gives an id and no account is still loading. */
function completed(session: Attempt): Transition {
  if (!session.nextValidId || session.accounts.length === 0) return unchanged(session);
  const { linkUp, accounts, linkCode = 1100 } = session;
  const announced: SessionEffect[] = [{ type: 'announceReady', accounts }];
  if (!linkUp) announced.push({ type: 'announceLinkDown', code: linkCode });
  return { session: { name: 'ready', ...journeyOf(session), answered: false, linkUp }, effects: announced };
}

function failed(session: Attempt, fault: SessionFault, chance: Chance): Transition {
  const told: SessionEffect[] = [{ type: 'disconnect' }, { type: 'note', fault }];
  const pause = pauseAfter(session, fault, chance);
  return { session: pause.session, effects: [...told, ...pause.effects] };
}

/** The gateway is there and answers: such faults are not a matter for the breaker, only for patience. */
function pauseAfter(session: Attempt, fault: SessionFault, chance: Chance): Transition {
  const { limits, random } = chance;
  if (fault.kind === 'client-id-in-use') {
    const periodMs = Math.max(limits.backoffMinMs, limits.backoffMaxMs / 4);
    return waiting(journeyOf(session), jitter(periodMs, random));
  }
  if (fault.kind === 'port-moved') return waiting(moved(session, fault), jitter(limits.backoffMinMs, random));
  return retryAfter(otherPort({ ...journeyOf(session), failures: session.failures + 1 }), chance);
}

function lost(session: Session & { name: 'ready' }, fault: SessionFault, chance: Chance): Transition {
  const { port } = fault;
  const failures = session.answered || port !== undefined ? 0 : session.failures + 1;
  const pause = retryAfter({ ...moved(session, fault), failures }, chance);
  return {
    session: pause.session,
    effects: [
      { type: 'disconnect' },
      { type: 'note', fault },
      { type: 'announceLost', fault },
      ...pause.effects,
    ],
  };
}

function retryAfter(journey: Journey, { limits, random }: Chance): Transition {
  const { failures } = journey;
  if (failures >= limits.breakerThreshold) {
    const delayMs = jitter(limits.breakerPeriodMs, random);
    return { session: { name: 'open-circuit', ...journey }, effects: [{ type: 'wait', delayMs }] };
  }
  return waiting(journey, backoffMs(failures, limits, random));
}

function waiting(journey: Journey, delayMs: number): Transition {
  return { session: { name: 'waiting', ...journey }, effects: [{ type: 'wait', delayMs }] };
}

function journeyOf({ failures, movedTo, atMoved }: Journey): Journey {
  return { failures, atMoved, ...(movedTo === undefined ? {} : { movedTo }) };
}

/** A text that names no port leaves only the ports that are known. */
function moved(session: Journey, { port }: SessionFault): Journey {
  const journey = journeyOf(session);
  return port === undefined ? journey : { ...journey, movedTo: port, atMoved: true };
}

/** A gateway that was told to move may have been moved back, or restarted with what it had saved. */
function otherPort(journey: Journey): Journey {
  return journey.movedTo === undefined ? journey : { ...journey, atMoved: !journey.atMoved };
}

/** Doubles with each failure, up to the cap; the upper half of it is jitter. */
export function backoffMs(failures: number, limits: SessionLimits, random: number): number {
  const doublings = Math.min(Math.max(0, failures - 1), 30);
  return jitter(Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** doublings), random);
}

function jitter(periodMs: number, random: number): number {
  return Math.round((periodMs * (1 + random)) / 2);
}

function attempt(name: 'connecting' | 'half-open', session: Journey): Transition {
  const journey = journeyOf(session);
  const handshake = { tcp: false, nextValidId: false, accounts: [], linkUp: true };
  return {
    session: { name, ...journey, ...handshake },
    effects: [{ type: 'connect', port: journey.atMoved ? journey.movedTo : undefined }],
  };
}

function stop(session: Session): Transition {
  const stopped: Session = { name: 'stopped' };
  switch (session.name) {
    case 'stopped':
      return unchanged(session);
    case 'idle':
      return unchanged(stopped);
    case 'waiting':
    case 'open-circuit':
      return { session: stopped, effects: [{ type: 'stopWaiting' }] };
    case 'ready':
      return {
        session: stopped,
        effects: [{ type: 'disconnect' }, { type: 'announceLost', fault: undefined }],
      };
    default:
      return { session: stopped, effects: [{ type: 'disconnect' }] };
  }
}

function missing(session: Attempt): string {
  if (!session.tcp) return 'no connection';
  const absent = [
    ...(session.nextValidId ? [] : ['nextValidId']),
    ...(session.accounts.length > 0 ? [] : ['managedAccounts']),
  ];
  return `no ${absent.join(' and no ')}`;
}

function unchanged(session: Session): Transition {
  return { session, effects: [] };
}
