import type { SessionFault } from './faults.ts';
import type { ConnectionSettings } from './settings.ts';

/**
 * The life of the session with the gateway as one pure function. `connecting` is TCP, `handshaking` waits for
 * nextValidId and managedAccounts, `half-open` is both of them for the one probe of an open circuit.
 */
export type Session =
  | { readonly name: 'idle' | 'stopped' }
  | (Handshake & { readonly name: 'connecting' | 'handshaking' | 'half-open'; readonly failures: number })
  | {
      readonly name: 'ready';
      /** Failed attempts before this one, forgotten at the first answer. */
      readonly failures: number;
      /** A heartbeat was answered: without it a session that ends was one more failed attempt. */
      readonly answered: boolean;
      readonly linkUp: boolean;
    }
  | { readonly name: 'waiting' | 'open-circuit'; readonly failures: number };

export type SessionName = Session['name'];

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
  /** Make a fresh client, start the handshake deadline. */
  | { readonly type: 'connect' }
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
      return event.type === 'start' ? attempt('connecting', 0) : unchanged(session);
    case 'connecting':
    case 'handshaking':
    case 'half-open':
      return stepHandshake(session, event, { limits, random });
    case 'ready':
      return stepReady(session, event, { limits, random });
    case 'waiting':
      return event.type === 'waitOver' ? attempt('connecting', session.failures) : unchanged(session);
    case 'open-circuit':
      return event.type === 'waitOver' ? attempt('half-open', session.failures) : unchanged(session);
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
  const { failures, linkUp, accounts, linkCode = 1100 } = session;
  const announced: SessionEffect[] = [{ type: 'announceReady', accounts }];
  if (!linkUp) announced.push({ type: 'announceLinkDown', code: linkCode });
  return { session: { name: 'ready', failures, answered: false, linkUp }, effects: announced };
}

function failed(session: Attempt, fault: SessionFault, { limits, random }: Chance): Transition {
  const told: SessionEffect[] = [{ type: 'disconnect' }, { type: 'note', fault }];
  if (fault.kind === 'client-id-in-use') {
    // The gateway is there and answers: not a matter for the breaker, only for patience.
    const delayMs = jitter(Math.max(limits.backoffMinMs, limits.backoffMaxMs / 4), random);
    return {
      session: { name: 'waiting', failures: session.failures },
      effects: [...told, { type: 'wait', delayMs }],
    };
  }
  const pause = retryAfter(session.failures + 1, { limits, random });
  return { session: pause.session, effects: [...told, ...pause.effects] };
}

function lost(session: Session & { name: 'ready' }, fault: SessionFault, chance: Chance): Transition {
  const pause = retryAfter(session.answered ? 0 : session.failures + 1, chance);
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

function retryAfter(failures: number, { limits, random }: Chance): Transition {
  if (failures >= limits.breakerThreshold) {
    const delayMs = jitter(limits.breakerPeriodMs, random);
    return { session: { name: 'open-circuit', failures }, effects: [{ type: 'wait', delayMs }] };
  }
  const delayMs = backoffMs(failures, limits, random);
  return { session: { name: 'waiting', failures }, effects: [{ type: 'wait', delayMs }] };
}

/** Doubles with each failure, up to the cap; the upper half of it is jitter. */
export function backoffMs(failures: number, limits: SessionLimits, random: number): number {
  const doublings = Math.min(Math.max(0, failures - 1), 30);
  return jitter(Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** doublings), random);
}

function jitter(periodMs: number, random: number): number {
  return Math.round((periodMs * (1 + random)) / 2);
}

function attempt(name: 'connecting' | 'half-open', failures: number): Transition {
  return {
    session: { name, failures, tcp: false, nextValidId: false, accounts: [], linkUp: true },
    effects: [{ type: 'connect' }],
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
