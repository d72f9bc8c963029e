import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backoffMs,
  IDLE,
  type Session,
  type SessionEvent,
  type SessionLimits,
  type SessionName,
  step,
} from '../../../bridge/gateway/session.ts';

const LIMITS: SessionLimits = {
  backoffMinMs: 1_000,
  backoffMaxMs: 30_000,
  breakerThreshold: 3,
  breakerPeriodMs: 60_000,
};

const handshake = { tcp: false, nextValidId: false, accounts: [], linkUp: true };

const away = { failures: 1, atMoved: false };

const SESSIONS: Readonly<Record<SessionName, Session>> = {
  idle: IDLE,
  connecting: { name: 'connecting', ...away, ...handshake },
  handshaking: { name: 'handshaking', ...away, ...handshake, tcp: true, nextValidId: true },
  'half-open': { name: 'half-open', ...away, failures: 3, ...handshake, tcp: true, nextValidId: true },
  ready: { name: 'ready', ...away, answered: true, linkUp: true },
  waiting: { name: 'waiting', ...away },
  'open-circuit': { name: 'open-circuit', ...away, failures: 3 },
  stopped: { name: 'stopped' },
};

const EVENTS = {
  start: { type: 'start' },
  stop: { type: 'stop' },
  tcpConnected: { type: 'tcpConnected' },
  nextValidId: { type: 'nextValidId' },
  managedAccounts: { type: 'managedAccounts', accounts: ['DU9000001'] },
  deadlinePassed: { type: 'deadlinePassed' },
  refused: { type: 'failed', fault: { kind: 'refused' } },
  clientIdInUse: { type: 'failed', fault: { kind: 'client-id-in-use' } },
  portMoved: { type: 'failed', fault: { kind: 'port-moved', port: 4005 } },
  answered: { type: 'answered' },
  heartbeatMissed: { type: 'heartbeatMissed' },
  waitOver: { type: 'waitOver' },
  linkDown: { type: 'linkDown', code: 1100 },
  linkUp: { type: 'linkUp', linesKept: false },
} as const satisfies Record<string, SessionEvent>;

type EventName = keyof typeof EVENTS;

/** State -> event -> next state and effects; what is not in here changes nothing and does nothing. */
const TABLE: Readonly<Record<SessionName, Partial<Record<EventName, readonly [SessionName, ...string[]]>>>> =
  {
    idle: { start: ['connecting', 'connect'], stop: ['stopped'] },
    connecting: {
      stop: ['stopped', 'disconnect'],
      tcpConnected: ['handshaking'],
      nextValidId: ['connecting'],
      managedAccounts: ['connecting'],
      deadlinePassed: ['waiting', 'disconnect', 'note', 'wait'],
      refused: ['waiting', 'disconnect', 'note', 'wait'],
      clientIdInUse: ['waiting', 'disconnect', 'note', 'wait'],
      portMoved: ['waiting', 'disconnect', 'note', 'wait'],
      linkDown: ['connecting'],
    },
    handshaking: {
      stop: ['stopped', 'disconnect'],
      managedAccounts: ['ready', 'announceReady'],
      deadlinePassed: ['waiting', 'disconnect', 'note', 'wait'],
      refused: ['waiting', 'disconnect', 'note', 'wait'],
      clientIdInUse: ['waiting', 'disconnect', 'note', 'wait'],
      portMoved: ['waiting', 'disconnect', 'note', 'wait'],
      linkDown: ['handshaking'],
    },
    'half-open': {
      stop: ['stopped', 'disconnect'],
      managedAccounts: ['ready', 'announceReady'],
      deadlinePassed: ['open-circuit', 'disconnect', 'note', 'wait'],
      refused: ['open-circuit', 'disconnect', 'note', 'wait'],
      clientIdInUse: ['waiting', 'disconnect', 'note', 'wait'],
      portMoved: ['waiting', 'disconnect', 'note', 'wait'],
      linkDown: ['half-open'],
    },
    ready: {
      stop: ['stopped', 'disconnect', 'announceLost'],
      refused: ['waiting', 'disconnect', 'note', 'announceLost', 'wait'],
      clientIdInUse: ['waiting', 'disconnect', 'note', 'announceLost', 'wait'],
      portMoved: ['waiting', 'disconnect', 'note', 'announceLost', 'wait'],
      heartbeatMissed: ['waiting', 'disconnect', 'note', 'announceLost', 'wait'],
      linkDown: ['ready', 'announceLinkDown'],
      linkUp: ['ready', 'announceLinkUp'],
    },
    waiting: { stop: ['stopped', 'stopWaiting'], waitOver: ['connecting', 'connect'] },
    'open-circuit': { stop: ['stopped', 'stopWaiting'], waitOver: ['half-open', 'connect'] },
    stopped: {},
  };

const name = <T extends string>(names: Readonly<Record<T, unknown>>) => Object.keys(names) as T[];

/** Runs events through the machine and keeps what the last of them brought about. */
function play(events: readonly SessionEvent[], random = 0) {
  let session: Session = IDLE;
  let effects: readonly { readonly type: string }[] = [];
  for (const event of events) ({ session, effects } = step(session, event, LIMITS, random));
  return { session, effects };
}

const READY: readonly SessionEvent[] = [EVENTS.tcpConnected, EVENTS.managedAccounts, EVENTS.nextValidId];
const failTwice = [EVENTS.start, EVENTS.refused, EVENTS.waitOver, EVENTS.refused, EVENTS.waitOver];

describe('every state and event', () => {
  for (const state of name(SESSIONS)) {
    for (const event of name(EVENTS)) {
      const [next, ...effects] = TABLE[state][event] ?? [state];
      it(`${state}: ${event} leads to ${next}${effects.length > 0 ? ` with ${effects.join(', ')}` : ''}`, () => {
        const before = SESSIONS[state];
        const after = step(before, EVENTS[event], LIMITS, 0.5);
        expect(after.session.name).toBe(next);
        expect(after.effects.map((effect) => effect.type)).toEqual(effects);
        if (TABLE[state][event] === undefined) expect(after.session).toEqual(before);
      });
    }
  }
});

describe('ready', () => {
  it('needs nextValidId and accounts, in any order', () => {
    expect(play([EVENTS.start, ...READY]).session.name).toBe('ready');
    expect(play([EVENTS.start, ...READY.toReversed()]).session.name).toBe('ready');
    expect(play([EVENTS.start, EVENTS.tcpConnected, EVENTS.nextValidId]).session.name).toBe('handshaking');
  });

  it('waits on while the gateway gives an id but no account', () => {
    const empty: SessionEvent = { type: 'managedAccounts', accounts: [] };
    expect(play([EVENTS.start, EVENTS.tcpConnected, EVENTS.nextValidId, empty]).session.name).toBe(
      'handshaking',
    );
  });

  it('announces a link that was down before it', () => {
    const { session, effects } = play([EVENTS.start, { type: 'linkDown', code: 2110 }, ...READY]);
    expect(session).toMatchObject({ name: 'ready', linkUp: false });
    expect(effects).toEqual([
      { type: 'announceReady', accounts: ['DU9000001'] },
      { type: 'announceLinkDown', code: 2110 },
    ]);
  });

  it('tells 1101 even when the link was not known to be down, and 2110 after 1100 only once', () => {
    expect(play([EVENTS.start, ...READY, EVENTS.linkUp]).effects).toEqual([
      { type: 'announceLinkUp', linesKept: false },
    ]);
    expect(play([EVENTS.start, ...READY, EVENTS.linkDown, EVENTS.linkDown]).effects).toEqual([]);
  });

  it('closes the circuit', () => {
    const opened = [...failTwice, EVENTS.refused];
    expect(play(opened).session.name).toBe('open-circuit');
    expect(play([...opened, EVENTS.waitOver, ...READY]).session.name).toBe('ready');
  });

  it('that never answered a heartbeat counts as one more failed attempt', () => {
    expect(play([...failTwice, ...READY, EVENTS.heartbeatMissed]).session).toEqual({
      name: 'open-circuit',
      failures: 3,
      atMoved: false,
    });
  });

  it('that answered starts over from nothing', () => {
    const { session, effects } = play([...failTwice, ...READY, EVENTS.answered, EVENTS.heartbeatMissed], 1);
    expect(session).toEqual({ name: 'waiting', failures: 0, atMoved: false });
    expect(effects.at(-1)).toEqual({ type: 'wait', delayMs: LIMITS.backoffMinMs });
  });
});

describe('waiting', () => {
  it('grows with each failure, up to the cap, the upper half of it jitter', () => {
    const at = (random: number) => [1, 2, 3, 4, 5, 6, 60].map((n) => backoffMs(n, LIMITS, random));
    expect(at(0)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    expect(at(1)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('probes an open circuit at its own slower period', () => {
    expect(play([...failTwice, EVENTS.refused], 1).effects.at(-1)).toEqual({
      type: 'wait',
      delayMs: LIMITS.breakerPeriodMs,
    });
  });

  it('for a client id in use stays patient without opening the circuit', () => {
    const tries = Array.from({ length: 20 }, () => [EVENTS.clientIdInUse, EVENTS.waitOver]).flat();
    const { session } = play([EVENTS.start, ...tries]);
    expect(session).toMatchObject({ name: 'connecting', failures: 0 });
    expect(play([EVENTS.start, EVENTS.clientIdInUse], 1).effects.at(-1)).toEqual({
      type: 'wait',
      delayMs: LIMITS.backoffMaxMs / 4,
    });
  });

  it('says whether nothing answered at all or only the handshake was missing', () => {
    const fault = (events: readonly SessionEvent[]) =>
      step(play(events).session, EVENTS.deadlinePassed, LIMITS, 0).effects.find(
        (effect) => effect.type === 'note',
      )?.fault;
    expect(fault([EVENTS.start])).toEqual({ kind: 'unreachable', detail: 'no connection' });
    expect(fault([EVENTS.start, EVENTS.tcpConnected])).toEqual({
      kind: 'silent',
      detail: 'no nextValidId and no managedAccounts',
    });
  });
});

describe('a port that moved (1300)', () => {
  /** The ports of the attempts, in order. */
  function ports(events: readonly SessionEvent[]): (number | undefined)[] {
    let session: Session = IDLE;
    const tried: (number | undefined)[] = [];
    for (const event of events) {
      const { session: next, effects } = step(session, event, LIMITS, 0);
      session = next;
      for (const effect of effects) if (effect.type === 'connect') tried.push(effect.port);
    }
    return tried;
  }
  const toReady = [EVENTS.start, ...READY];

  it('is followed after the shortest wait, from a session that was never answered too', () => {
    expect(ports([...toReady, EVENTS.answered, EVENTS.portMoved, EVENTS.waitOver])).toEqual([
      undefined,
      4005,
    ]);
    for (const before of [
      toReady,
      [EVENTS.start, EVENTS.tcpConnected],
      [...failTwice, EVENTS.tcpConnected],
    ]) {
      const { effects } = play([...before, EVENTS.portMoved], 1);
      expect(effects.at(-1)).toEqual({ type: 'wait', delayMs: LIMITS.backoffMinMs });
    }
  });

  it('is remembered: the next session after a lost one is made there', () => {
    const moved = [...toReady, EVENTS.portMoved, EVENTS.waitOver, ...READY, EVENTS.answered];
    expect(ports([...moved, EVENTS.heartbeatMissed, EVENTS.waitOver])).toEqual([undefined, 4005, 4005]);
    expect(
      ports([...moved, EVENTS.clientIdInUse, EVENTS.waitOver, EVENTS.clientIdInUse, EVENTS.waitOver]),
    ).toEqual([undefined, 4005, 4005, 4005]);
  });

  it('that does not answer gives way to the configured one, and is tried again after that', () => {
    const failing = [EVENTS.refused, EVENTS.waitOver, EVENTS.deadlinePassed, EVENTS.waitOver];
    expect(ports([...toReady, EVENTS.portMoved, EVENTS.waitOver, ...failing, ...failing])).toEqual([
      undefined,
      4005,
      undefined,
      4005,
      undefined,
      4005,
    ]);
  });

  it('moves again, and once more', () => {
    const again: SessionEvent = { type: 'failed', fault: { kind: 'port-moved', port: 4006 } };
    expect(ports([...toReady, EVENTS.portMoved, EVENTS.waitOver, ...READY, again, EVENTS.waitOver])).toEqual([
      undefined,
      4005,
      4006,
    ]);
  });

  it('whose message names no port is a lost session like any other', () => {
    const nameless: SessionEvent = { type: 'failed', fault: { kind: 'port-moved' } };
    expect(ports([...toReady, nameless, EVENTS.waitOver])).toEqual([undefined, undefined]);
  });
});

it('whatever happens, a session waits or is under way until it is stopped, and each wait has one end', () => {
  const event = fc.constantFrom(...Object.values(EVENTS).filter(({ type }) => type !== 'stop'));
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (events, random) => {
        let session: Session = step(IDLE, EVENTS.start, LIMITS, random).session;
        for (const next of events) {
          const before = session;
          const { session: after, effects } = step(before, next, LIMITS, random);
          const types = effects.map((effect) => effect.type);
          const pauses = after.name === 'waiting' || after.name === 'open-circuit';
          expect(types.filter((type) => type === 'wait')).toHaveLength(pauses && after !== before ? 1 : 0);
          expect(types.includes('announceLost')).toBe(before.name === 'ready' && after.name !== 'ready');
          expect(types.includes('announceReady')).toBe(before.name !== 'ready' && after.name === 'ready');
          expect(after.name).not.toBe('stopped');
          session = after;
        }
      },
    ),
  );
});
