import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MarketDataType } from '../../../bridge/gateway/events.ts';
import { LineLedger } from '../../../bridge/lines/ledger.ts';
import { Streams } from '../../../bridge/lines/streams.ts';
import type { TradingHours } from '../../../bridge/lines/trading-hours.ts';
import { WATCHDOG_LIMITS, type WatchdogLimits, withPatrol } from '../../../bridge/lines/watchdog.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import { recordingLog } from '../../support/log.ts';
import { details, ScriptedGateway } from '../scripted-gateway.ts';
import { strategy } from './strategies.ts';

const START = Date.parse('2026-11-23T15:00:00.000Z');
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** One session, from `opensAt` to `closesAt`. */
function session(opensAt: number, closesAt: number): TradingHours {
  const day = 24 * 60 * MINUTE;
  return {
    timeZone: 'UTC',
    sessions: [{ opensAt, closesAt }],
    tradingDays: [],
    knownFrom: opensAt - day,
    knownUntil: closesAt + day,
  };
}

describe('the watchdog of the lines', () => {
  let gateway: ScriptedGateway;
  let ledger: LineLedger;
  let streams: Streams;
  let hours: TradingHours | undefined;
  let log: ReturnType<typeof recordingLog>;
  let conIds: number[];
  let silenced: number[];
  let resolved: number[];

  beforeEach(() => {
    vi.useFakeTimers({ now: START });
    hours = session(START - 60 * MINUTE, START + 600 * MINUTE);
  });

  afterEach(() => {
    streams.stop();
    ledger.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  /** Lines 1 to n of one strategy, confirmed by a tick each. */
  function stream(
    lines: number,
    options: {
      readonly marketDataType?: MarketDataType;
      readonly watchdog?: WatchdogLimits;
      readonly isTicking?: boolean;
      readonly cap?: number;
    } = {},
  ): void {
    const { isTicking = true, cap = lines, ...rest } = options;
    gateway = new ScriptedGateway();
    log = recordingLog();
    silenced = [];
    resolved = [];
    ledger = new LineLedger({ cap });
    streams = new Streams({
      gateway,
      ledger,
      log,
      contracts: {
        peek: (conId) => details(conId, 'SPX'),
        resolve: (conId) => {
          resolved.push(conId);
          return Promise.resolve(details(conId, 'SPX'));
        },
      },
      onQuote: (conId) => silenced.push(conId),
      hours: { of: () => hours },
      ...rest,
    });
    streams.start();
    gateway.ready();
    conIds = Array.from({ length: lines }, (_, index) => index + 1);
    replan();
    for (const conId of conIds) {
      if (isTicking) gateway.tick(conId);
      else pulse(conId);
    }
    vi.advanceTimersByTime(SECOND);
    gateway.taken();
    silenced = [];
  }

  function replan(): void {
    streams.update(applyImage(EMPTY_REPLICA, strategy('a', { conIds })), {
      ours: new Set(['DU1234567']),
      elsewhere: new Map(),
    });
  }

  const rowOf = (conId: number) => streams.status().rows.find((row) => row.conId === conId);
  const stateOf = () => streams.status().strategies[0]?.state;
  const requests = () => gateway.taken().filter((text) => !text.startsWith('cancel'));
  const again = () => streams.status().requestedAgain;
  const pulse = (conId: number) => {
    for (const reqId of gateway.reqIds(conId)) gateway.emit({ type: 'pulse', reqId });
  };

  const DISTURBANCES = {
    '1100 and 1102': [
      { type: 'linkDown', code: 1100 },
      { type: 'linkUp', linesKept: true },
    ],
    '2103 and 2104': [
      { type: 'farm', code: 2103, farm: 'usopt', up: false },
      { type: 'farm', code: 2104, farm: 'usopt', up: true },
    ],
    '2105 and 2106': [
      { type: 'farm', code: 2105, farm: 'ushmds', up: false },
      { type: 'farm', code: 2106, farm: 'ushmds', up: true },
    ],
    '2157 and 2158': [
      { type: 'farm', code: 2157, farm: 'secdefnj', up: false },
      { type: 'farm', code: 2158, farm: 'secdefnj', up: true },
    ],
  } as const;

  it.each(Object.entries(DISTURBANCES))(
    'requests again after %s what does not tick within half a minute, and nothing else',
    (_, [down, up]) => {
      stream(3);
      gateway.emit(down);
      expect(streams.status()).toMatchObject({ streaming: 0, stale: 3 });
      expect(stateOf()).toBe('stale');
      expect(silenced).toEqual([1, 2, 3]);
      expect(rowOf(1)).toMatchObject({
        state: 'stale',
        quality: 'stale',
        since: '2026-11-23T15:00:01.000Z',
        reason: expect.stringMatching(
          new RegExp(`^stale since 2026-11-23T15:00:01.000Z: .*\\(${down.code}\\)$`),
        ),
      });
      vi.advanceTimersByTime(5 * SECOND);
      gateway.emit(up);
      gateway.tick(1);
      vi.advanceTimersByTime(29 * SECOND);
      expect(gateway.taken()).toEqual([]);
      vi.advanceTimersByTime(SECOND);
      expect(gateway.taken()).toEqual(['cancel 2', 'cancel 3']);
      vi.advanceTimersByTime(250);
      expect(gateway.taken()).toEqual(['stream 2', 'stream 3']);
      expect(rowOf(1)).toMatchObject({ state: 'confirmed', quality: 'live' });
      expect(rowOf(2)).toMatchObject({
        state: 'sent',
        requestedAgain: 1,
        lastMessageAt: '2026-11-23T15:00:00.000Z',
        reason: expect.stringMatching(
          /^stale since 2026-11-23T15:00:01.000Z.*, requested again at 2026-11-23T15:00:36/,
        ),
      });
      // That it answers is no proof that it is fed.
      pulse(2);
      expect(rowOf(2)).toMatchObject({
        state: 'stale',
        reason: expect.stringContaining('answered without a tick'),
      });
      for (const conId of [2, 3]) gateway.tick(conId);
      expect(rowOf(2)).toMatchObject({ state: 'confirmed', quality: 'live', reason: 'streams for a' });
      expect(stateOf()).toBe('streaming');
      expect(again()).toBe(2);
      vi.advanceTimersByTime(MINUTE);
      expect(gateway.taken()).toEqual([]);
      expect(log.entries.filter(({ event }) => event === 'lines-requested-again')).toMatchObject([
        { level: 'warn', fields: { conIds: [2, 3], waiting: 0 } },
      ]);
    },
  );

  it('counts from the last of several disturbances, and asks for nothing while the link is down', () => {
    stream(1);
    gateway.emit({ type: 'farm', code: 2103, farm: 'usopt', up: false });
    gateway.emit({ type: 'farm', code: 2104, farm: 'usopt', up: true });
    vi.advanceTimersByTime(20 * SECOND);
    gateway.emit({ type: 'linkDown', code: 1100 });
    vi.advanceTimersByTime(20 * MINUTE);
    expect(gateway.taken()).toEqual([]);
    expect(rowOf(1)?.reason).toMatch(
      /^stale since 2026-11-23T15:00:01.000Z: the gateway has no link to IB \(1100\)$/,
    );
    gateway.emit({ type: 'linkUp', linesKept: true });
    vi.advanceTimersByTime(29 * SECOND);
    expect(gateway.taken()).toEqual([]);
    vi.advanceTimersByTime(2 * SECOND);
    expect(requests()).toEqual(['stream 1']);
  });

  it('verifies what was requested while a farm was broken as well: an answer is no tick', () => {
    stream(1, { cap: 3 });
    gateway.emit({ type: 'farm', code: 2103, farm: 'usopt', up: false });
    vi.advanceTimersByTime(SECOND);
    conIds = [1, 2, 3];
    replan();
    for (const conId of [2, 3]) pulse(conId);
    gateway.taken();
    gateway.emit({ type: 'farm', code: 2104, farm: 'usopt', up: true });
    for (const conId of [1, 3]) gateway.tick(conId);
    expect(rowOf(2)?.reason).toMatch(/requested while link or farms were disturbed/);
    expect([1, 2, 3].map((conId) => rowOf(conId)?.state)).toEqual(['confirmed', 'stale', 'confirmed']);
    vi.advanceTimersByTime(31 * SECOND);
    expect(requests()).toEqual(['stream 2']);
    // What is requested in peace is not doubted by the next disturbance's end alone.
    gateway.tick(2);
    gateway.emit({ type: 'linkUp', linesKept: true });
    expect([1, 2, 3].map((conId) => rowOf(conId)?.state)).toEqual(['confirmed', 'confirmed', 'confirmed']);
  });

  it('asks once after a disturbance; what answers without a tick is left to its age', () => {
    stream(1);
    gateway.emit({ type: 'farm', code: 2103, farm: 'usopt', up: false });
    gateway.emit({ type: 'farm', code: 2104, farm: 'usopt', up: true });
    vi.advanceTimersByTime(31 * SECOND);
    expect(requests()).toEqual(['stream 1']);
    pulse(1);
    vi.advanceTimersByTime(118 * SECOND);
    expect(requests()).toEqual([]);
    vi.advanceTimersByTime(4 * SECOND);
    expect(requests()).toEqual(['stream 1']);
    pulse(1);
    vi.advanceTimersByTime(3 * MINUTE);
    expect(requests()).toEqual([]);
  });

  it('keeps saying so when the registry changes meanwhile', () => {
    stream(1);
    gateway.emit({ type: 'linkDown', code: 1100 });
    replan();
    expect(rowOf(1)).toMatchObject({ state: 'stale', reason: expect.stringContaining('1100') });
    gateway.emit({ type: 'linkUp', linesKept: true });
    vi.advanceTimersByTime(31 * SECOND);
    replan();
    expect(rowOf(1)).toMatchObject({ state: 'sent', reason: expect.stringContaining('requested again at') });
  });

  it.each(['1101', 'a new connection'])('doubts nothing that was requested anew after %s', (what) => {
    stream(1);
    gateway.emit({ type: 'linkDown', code: 1100 });
    if (what === '1101') gateway.emit({ type: 'linkUp', linesKept: false });
    else {
      gateway.emit({ type: 'lost', reason: 'reset' });
      gateway.ready();
    }
    vi.advanceTimersByTime(SECOND);
    expect(requests().at(-1)).toBe('stream 1');
    pulse(1);
    expect(rowOf(1)).toMatchObject({ state: 'confirmed', reason: 'streams for a' });
  });

  it('cancels nothing before its minimum hold, however short the deadlines are', () => {
    stream(1, { watchdog: withPatrol({ ...WATCHDOG_LIMITS, silenceMs: 100 }) });
    gateway.emit({ type: 'lost', reason: 'reset' });
    gateway.ready();
    gateway.tick(1);
    gateway.taken();
    vi.advanceTimersByTime(299);
    expect(gateway.taken()).toEqual([]);
    vi.advanceTimersByTime(26);
    expect(gateway.taken()).toEqual(['cancel 1']);
  });

  it('takes 2104 of a farm that was not broken for a greeting', () => {
    stream(1);
    gateway.emit({ type: 'farm', code: 2103, farm: 'eufarm', up: false });
    gateway.emit({ type: 'farm', code: 2104, farm: 'usopt', up: true });
    vi.advanceTimersByTime(MINUTE);
    expect(gateway.taken()).toEqual([]);
  });

  it('does not doubt after a disturbance what never ticked', () => {
    hours = undefined;
    stream(1, { isTicking: false });
    gateway.emit({ type: 'linkDown', code: 1100 });
    gateway.emit({ type: 'linkUp', linesKept: true });
    vi.advanceTimersByTime(10 * MINUTE);
    expect(rowOf(1)?.state).toBe('confirmed');
    expect(requests()).toEqual([]);
  });

  it('requests all the lines of an account again a few at a time, within the cap', () => {
    stream(95, { cap: 100 });
    gateway.emit({ type: 'farm', code: 2103, farm: 'usopt', up: false });
    gateway.emit({ type: 'farm', code: 2104, farm: 'usopt', up: true });
    vi.advanceTimersByTime(29 * SECOND);
    const perSecond: number[] = [];
    for (let second = 0; second < 22; second += 1) {
      vi.advanceTimersByTime(SECOND);
      const asked = requests();
      perSecond.push(asked.length);
      for (const text of asked) gateway.tick(Number(text.split(' ')[1]));
    }
    expect(Math.max(...perSecond)).toBe(5);
    expect(perSecond.reduce((sum, count) => sum + count)).toBe(95);
    expect(gateway.peak).toBe(95);
    expect(streams.status()).toMatchObject({ streaming: 95, stale: 0, requestedAgain: 95 });
  });

  it('requests a silent line again with growing pauses, until it ticks by itself', () => {
    stream(1);
    const pauses: number[] = [];
    let last = Date.now() - SECOND;
    for (let minutes = 0; minutes < 250; minutes += 1 / 60) {
      vi.advanceTimersByTime(SECOND);
      if (requests().length === 0) continue;
      pauses.push(Math.round((Date.now() - last) / MINUTE));
      last = Date.now();
      // The standing quote comes at once: it lives, and nobody trades.
      gateway.tick(1);
      expect(rowOf(1)?.state).toBe('confirmed');
    }
    expect(pauses).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
    vi.advanceTimersByTime(11 * SECOND);
    gateway.tick(1);
    vi.advanceTimersByTime(2 * MINUTE);
    expect(rowOf(1)).toMatchObject({
      quality: 'stale',
      reason: expect.stringContaining('silent while its market is open'),
    });
    vi.advanceTimersByTime(SECOND);
    expect(requests()).toEqual(['stream 1']);
  });

  it('waits longer for a line whose siblings tick', () => {
    stream(2);
    for (let seconds = 0; seconds < 590; seconds += 10) {
      vi.advanceTimersByTime(10 * SECOND);
      gateway.tick(1);
    }
    expect(again()).toBe(0);
    vi.advanceTimersByTime(11 * SECOND);
    expect(rowOf(1)?.state).toBe('confirmed');
    expect(requests()).toEqual(['stream 2']);
  });

  it('raises no alarm by night, nor where the hours are not known', () => {
    hours = session(START - 60 * MINUTE, START + 2 * SECOND);
    stream(1);
    vi.advanceTimersByTime(MINUTE);
    streams.stop();
    ledger.stop();
    hours = undefined;
    stream(1);
    vi.advanceTimersByTime(10 * 60 * MINUTE);
    expect(requests()).toEqual([]);
    expect(rowOf(1)?.state).toBe('confirmed');
  });

  it('looks every hour whether the hours of what streams are still known', () => {
    stream(2);
    expect(resolved).toEqual([1, 2]);
    vi.advanceTimersByTime(59 * MINUTE);
    expect(resolved).toEqual([1, 2]);
    vi.advanceTimersByTime(MINUTE);
    expect(resolved).toEqual([1, 2, 1, 2]);
  });

  it('gives a request up that is not answered within a minute, and tries it later and later', () => {
    stream(1);
    gateway.emit({ type: 'lost', reason: 'reset' });
    gateway.ready();
    gateway.taken();
    const at: number[] = [];
    const since = Date.now();
    for (let seconds = 0; seconds < 330; seconds += 1) {
      vi.advanceTimersByTime(SECOND);
      if (requests().includes('stream 1')) at.push(Math.round((Date.now() - since) / SECOND));
    }
    expect(at).toEqual([61, 123, 187, 255]);
    expect(rowOf(1)).toMatchObject({
      reason: expect.stringContaining('no answer within 60000 ms; tried again in 16 s'),
    });
    expect(again()).toBe(5);
    expect(gateway.inUse).toBe(0);
  });

  describe('while another session has the data (10197)', () => {
    it('asks for one line every five minutes, each in its turn', () => {
      stream(3);
      for (const conId of [1, 2, 3]) gateway.notice(conId, 'competing-session', 10197);
      expect(streams.status()).toMatchObject({ streaming: 0, stale: 3 });
      const asked: string[] = [];
      for (let minutes = 0; minutes < 16; minutes += 1) {
        vi.advanceTimersByTime(MINUTE);
        for (const text of requests()) {
          asked.push(`${minutes + 1} min: ${text}`);
          gateway.notice(Number(text.split(' ')[1]), 'competing-session', 10197);
        }
      }
      vi.advanceTimersByTime(SECOND);
      expect(asked).toEqual(['6 min: stream 1', '11 min: stream 2', '16 min: stream 3']);
      expect(rowOf(1)).toMatchObject({
        state: 'stale',
        quality: 'competing-session',
        reason: expect.stringMatching(
          /^stale since 2026-11-23T15:00:01.000Z: .*\(code 10197\), requested again at 2026-11-23T15:05:01/,
        ),
      });
    });

    it('requests the others again once one of them ticks, unless they tick by themselves', () => {
      stream(4);
      for (const conId of [1, 2, 3, 4]) gateway.notice(conId, 'competing-session', 10197);
      vi.advanceTimersByTime(5 * MINUTE + SECOND);
      expect(requests()).toEqual(['stream 1']);
      gateway.tick(1);
      gateway.tick(2);
      vi.advanceTimersByTime(29 * SECOND);
      expect(requests()).toEqual([]);
      vi.advanceTimersByTime(2 * SECOND);
      expect(requests()).toEqual(['stream 3', 'stream 4']);
      for (const conId of [3, 4]) gateway.tick(conId);
      expect(streams.status()).toMatchObject({ streaming: 4, stale: 0, requestedAgain: 3 });
    });
  });

  describe('after the close', () => {
    const typed = (conId: number, marketDataType: MarketDataType) => {
      for (const reqId of gateway.reqIds(conId))
        gateway.emit({ type: 'marketDataType', reqId, marketDataType });
    };

    it('asks for frozen data a minute later, a few lines at a time, and shows it', () => {
      hours = session(START - 60 * MINUTE, START + 10 * SECOND);
      stream(8);
      vi.advanceTimersByTime(68 * SECOND);
      expect(gateway.taken()).toEqual([]);
      vi.advanceTimersByTime(1.5 * SECOND);
      expect(requests()).toEqual([1, 2, 3, 4, 5].map((conId) => `stream ${conId} as 2`));
      typed(1, 2);
      gateway.tick(1);
      expect(rowOf(1)).toMatchObject({ state: 'confirmed', quality: 'frozen' });
      vi.advanceTimersByTime(SECOND);
      expect(requests()).toEqual(['stream 6 as 2', 'stream 7 as 2', 'stream 8 as 2']);
    });

    it('asks for delayed-frozen data where delayed data is asked for', () => {
      hours = session(START - 60 * MINUTE, START - MINUTE);
      stream(1, { marketDataType: 3 });
      gateway.emit({ type: 'lost', reason: 'reset' });
      gateway.ready();
      expect(gateway.taken()).toEqual(['type 3', 'stream 1 as 4']);
    });

    it('asks for frozen data at once when it connects by night, and verifies by it', () => {
      hours = session(START - 60 * MINUTE, START - MINUTE);
      stream(1);
      gateway.emit({ type: 'lost', reason: 'reset' });
      gateway.ready();
      expect(gateway.taken()).toEqual(['type 1', 'stream 1 as 2']);
      typed(1, 2);
      gateway.tick(1);
      gateway.emit({ type: 'linkDown', code: 1100 });
      gateway.emit({ type: 'linkUp', linesKept: true });
      expect(rowOf(1)?.quality).toBe('stale');
      vi.advanceTimersByTime(31 * SECOND);
      expect(requests()).toEqual(['stream 1 as 2']);
      gateway.tick(1);
      expect(rowOf(1)).toMatchObject({ state: 'confirmed', quality: 'frozen' });
    });

    it('goes back to live data a minute after the opening, unless the gateway did so by itself', () => {
      hours = session(START + 10 * MINUTE, START + 600 * MINUTE);
      stream(2);
      for (const conId of [1, 2]) typed(conId, 2);
      vi.advanceTimersByTime(10 * MINUTE);
      expect(requests()).toEqual([]);
      typed(1, 1);
      gateway.tick(1);
      vi.advanceTimersByTime(59 * SECOND);
      expect(requests()).toEqual([]);
      vi.advanceTimersByTime(2.5 * SECOND);
      expect(requests()).toEqual(['stream 2']);
      typed(2, 1);
      gateway.tick(2);
      vi.advanceTimersByTime(MINUTE);
      expect(requests()).toEqual([]);
      expect([1, 2].map((conId) => rowOf(conId)?.quality)).toEqual(['live', 'live']);
    });
  });
});
