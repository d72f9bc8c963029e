import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ContractDetails } from '../../../bridge/gateway/events.ts';
import { LineLedger } from '../../../bridge/lines/ledger.ts';
import { Streams } from '../../../bridge/lines/streams.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { details, ScriptedGateway, SILENT } from '../scripted-gateway.ts';
import { strategy } from './strategies.ts';

const OURS = 'DU1234567';

class Refusal extends Error {
  readonly disposition = 'drop';
}

/** Answers when the test says so; knows at once what it was told before. */
class Contracts {
  readonly known = new Map<number, ContractDetails>();
  readonly asked: number[] = [];
  readonly #waiting = new Map<number, PromiseWithResolvers<ContractDetails>>();

  peek(conId: number): ContractDetails | undefined {
    return this.known.get(conId);
  }

  resolve(conId: number, signal: AbortSignal): Promise<ContractDetails> {
    this.asked.push(conId);
    const waiting = Promise.withResolvers<ContractDetails>();
    signal.addEventListener('abort', () => waiting.reject(signal.reason));
    this.#waiting.set(conId, waiting);
    return waiting.promise;
  }

  answer(conId: number): void {
    this.known.set(conId, details(conId));
    this.#waiting.get(conId)?.resolve(details(conId));
  }

  refuse(conId: number): void {
    this.#waiting.get(conId)?.reject(new Refusal(`no contract ${conId} (200)`));
  }
}

describe('the streams', () => {
  let gateway: ScriptedGateway;
  let contracts: Contracts;
  let ledger: LineLedger;
  let streams: Streams;
  let quoted: number[];

  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    streams.stop();
    ledger.stop();
    vi.useRealTimers();
  });

  function start(cap: number, options: { readonly known?: boolean } = {}): void {
    gateway = new ScriptedGateway();
    contracts = new Contracts();
    if (options.known !== false)
      for (let conId = 1; conId <= 40; conId += 1) contracts.known.set(conId, details(conId));
    ledger = new LineLedger({ cap, graceMs: 250, recoveryMs: 60_000 });
    quoted = [];
    streams = new Streams({
      gateway,
      contracts,
      ledger,
      log: SILENT,
      onQuote: (conId) => quoted.push(conId),
      minHoldMs: 300,
      retryMs: 1000,
    });
    streams.start();
    gateway.ready();
    gateway.taken();
  }

  function update(...strategies: readonly Strategy[]): void {
    const replica = strategies
      .map((each, index) => ({ ...each, registryVersion: index + 1 }))
      .reduce(applyImage, EMPTY_REPLICA);
    streams.update(replica, { ours: new Set([OURS]), elsewhere: new Map([['DU9', 'office']]) });
  }

  const stateOf = (id: string) => streams.status().strategies.find((each) => each.id === id);
  const rowOf = (conId: number) => streams.status().rows.find((each) => each.conId === conId);

  it('asks for every leg of an active strategy within the same call, and confirms each by its first message', () => {
    start(10);
    update(strategy('condor', { conIds: [1, 2] }));
    expect(gateway.taken()).toEqual(['stream 1', 'stream 2']);
    expect(rowOf(1)).toMatchObject({ state: 'sent', strategyIds: ['condor'], quality: 'none' });
    expect(stateOf('condor')?.state).toBe('pending');
    gateway.tick(1);
    for (const reqId of gateway.reqIds(2)) gateway.emit({ type: 'pulse', reqId });
    expect(rowOf(1)).toMatchObject({ state: 'confirmed', quality: 'live', ticks: 1 });
    expect(rowOf(2)).toMatchObject({ state: 'confirmed', ticks: 0 });
    expect(stateOf('condor')).toMatchObject({ state: 'streaming', account: 'DU***67', linesNeeded: 2 });
    expect(quoted).toEqual([1]);
    expect(streams.ticks).toBe(1);
  });

  it('holds one line for two strategies, and frees it when the last one lets go', () => {
    start(10);
    const a = strategy('a', { conIds: [1, 2] });
    const b = strategy('b', { conIds: [2, 3] });
    update(a, b);
    expect(gateway.taken()).toEqual(['stream 1', 'stream 2', 'stream 3']);
    vi.advanceTimersByTime(1000);
    update({ ...a, status: 'INACTIVE' }, b);
    expect(gateway.taken()).toEqual(['cancel 1']);
    update({ ...a, status: 'INACTIVE' }, { ...b, status: 'INACTIVE' });
    expect(gateway.taken()).toEqual(['cancel 2', 'cancel 3']);
    expect(gateway.inUse).toBe(0);
  });

  it('keeps a line for its minimum hold, and keeps it for good when it is wanted again meanwhile', () => {
    start(10);
    const a = strategy('a', { conIds: [1] });
    const off = { ...a, status: 'INACTIVE' as const };
    update(a);
    vi.advanceTimersByTime(100);
    update(off);
    expect(rowOf(1)).toMatchObject({ state: 'ended', reason: 'no ACTIVE strategy wants it any more' });
    vi.advanceTimersByTime(100);
    update(a);
    vi.advanceTimersByTime(5000);
    expect(gateway.taken()).toEqual(['stream 1']);
    gateway.tick(1);
    expect(rowOf(1)?.state).toBe('confirmed');

    update(off);
    expect(gateway.taken()).toEqual(['cancel 1']);
    update(a);
    update(off);
    vi.advanceTimersByTime(299);
    expect(gateway.taken()).toEqual(['stream 1']);
    vi.advanceTimersByTime(1);
    expect(gateway.taken()).toEqual(['cancel 1']);
    expect(rowOf(1)).toBeUndefined();
  });

  it('never exceeds the cap while one strategy takes the lines of another', () => {
    start(4);
    const low = strategy('low', { priority: 9, conIds: [1, 2, 3, 4] });
    update(low);
    vi.advanceTimersByTime(1000);
    gateway.taken();
    update(low, strategy('high', { priority: 1, conIds: [11, 12, 13] }));
    expect(gateway.taken()).toEqual(['cancel 1', 'cancel 2', 'cancel 3', 'cancel 4']);
    expect(rowOf(11)?.reason).toBe('waits for a line that is being given back');
    vi.advanceTimersByTime(250);
    expect(gateway.taken()).toEqual(['stream 11', 'stream 12', 'stream 13']);
    expect(gateway.peak).toBe(4);
    expect(stateOf('low')).toMatchObject({
      state: 'degraded',
      reason: expect.stringContaining('needs 4 lines more'),
    });
    expect(rowOf(1)).toMatchObject({
      state: 'wanted',
      quality: 'no-line',
      reason: expect.stringContaining('low: needs'),
    });
  });

  it('gives a line up at 101, lowers the cap to what is in use, and sheds the newcomer whole', () => {
    start(10);
    update(strategy('z', { conIds: [1, 2, 3] }));
    for (const conId of [1, 2, 3]) gateway.tick(conId);
    vi.advanceTimersByTime(1000);
    update(strategy('z', { conIds: [1, 2, 3] }), strategy('a', { conIds: [11, 12] }));
    gateway.taken();
    gateway.notice(12, 'no-line', 101);
    expect(ledger.cap).toBe(4);
    expect(stateOf('z')?.state).toBe('streaming');
    expect(stateOf('a')?.state).toBe('degraded');
    vi.advanceTimersByTime(1000);
    expect(gateway.taken()).toEqual(['cancel 11']);
  });

  it('tries the cap one higher after a quiet minute', () => {
    start(2);
    update(strategy('a', { conIds: [1, 2] }));
    gateway.notice(2, 'no-line', 101);
    expect(ledger.cap).toBe(1);
    vi.advanceTimersByTime(59_000);
    expect(gateway.taken()).toEqual(['stream 1', 'stream 2', 'cancel 1']);
    vi.advanceTimersByTime(1_000);
    expect(ledger.cap).toBe(2);
    expect(gateway.taken()).toEqual(['stream 1', 'stream 2']);
  });

  it('leaves the siblings of a refused leg streaming and calls the strategy partial', () => {
    start(10);
    update(strategy('a', { conIds: [1, 2] }));
    gateway.tick(1);
    gateway.notice(2, 'no-permission', 354);
    expect(stateOf('a')).toMatchObject({
      state: 'partial',
      reason: expect.stringContaining('2: as scripted (code 354)'),
    });
    expect(rowOf(1)?.state).toBe('confirmed');
    expect(rowOf(2)).toMatchObject({
      state: 'refused',
      quality: 'no-permission',
      reason: 'as scripted (code 354)',
    });
    expect(streams.status()).toMatchObject({ streaming: 1, refused: 1 });
    gateway.taken();
    vi.advanceTimersByTime(120_000);
    expect(gateway.taken()).toEqual([]);
  });

  it('gives the line of a refused leg to whoever waits for it', () => {
    start(3);
    update(strategy('a', { conIds: [1, 2, 3], priority: 1 }), strategy('b', { conIds: [4], priority: 2 }));
    expect(stateOf('b')?.state).toBe('degraded');
    gateway.taken();
    gateway.notice(2, 'refused', 200);
    expect(gateway.taken()).toEqual(['stream 4']);
  });

  it('asks again for what was shed, later and later', () => {
    start(10);
    update(strategy('a', { conIds: [1] }));
    gateway.taken();
    for (const delayMs of [1000, 2000, 4000]) {
      gateway.notice(1, 'shed', 100);
      vi.advanceTimersByTime(delayMs - 1);
      expect(gateway.taken()).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(gateway.taken()).toEqual(['stream 1']);
    }
  });

  it('requests every wanted line again on a fresh connection, refused ones too', () => {
    start(10);
    update(strategy('a', { conIds: [1, 2] }));
    gateway.tick(1);
    gateway.notice(2, 'refused');
    gateway.emit({ type: 'lost', reason: 'reset' });
    expect(rowOf(1)).toMatchObject({
      state: 'wanted',
      quality: 'stale',
      reason: 'the connection was lost: reset',
    });
    expect(ledger.inUse).toBe(0);
    gateway.taken();
    gateway.ready();
    expect(gateway.taken()).toEqual(['type 1', 'stream 1', 'stream 2']);
  });

  it('requests every line again after 1101, and the old ones never count twice', () => {
    start(2);
    update(strategy('a', { conIds: [1, 2] }));
    vi.advanceTimersByTime(1000);
    gateway.emit({ type: 'linkDown', code: 1100 });
    gateway.taken();
    gateway.emit({ type: 'linkUp', linesKept: false });
    vi.advanceTimersByTime(1000);
    expect(gateway.taken()).toEqual(['cancel 1', 'cancel 2', 'stream 1', 'stream 2']);
    expect(gateway.peak).toBe(2);
  });

  it('leaves the lines alone after 1102, stale until they tick', () => {
    start(10);
    update(strategy('a', { conIds: [1] }));
    gateway.tick(1);
    gateway.taken();
    gateway.emit({ type: 'linkDown', code: 1100 });
    expect(rowOf(1)?.quality).toBe('stale');
    gateway.emit({ type: 'linkUp', linesKept: true });
    expect(gateway.taken()).toEqual([]);
    expect(rowOf(1)?.quality).toBe('stale');
    gateway.tick(1);
    expect(rowOf(1)?.quality).toBe('live');
  });

  it('believes no refusal while the link is down', () => {
    start(10);
    update(strategy('a', { conIds: [1, 2] }));
    gateway.emit({ type: 'linkDown', code: 1100 });
    gateway.taken();
    gateway.notice(1, 'refused', 200);
    expect(stateOf('a')?.state).toBe('pending');
    gateway.emit({ type: 'linkUp', linesKept: true });
    expect(gateway.taken()).toEqual(['stream 1']);
    // Queued meanwhile, and late.
    vi.advanceTimersByTime(9_000);
    gateway.notice(2, 'refused', 200);
    expect(streams.status().refused).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(gateway.taken()).toEqual(['stream 2']);
    gateway.notice(2, 'refused', 200);
    expect(rowOf(2)?.state).toBe('refused');
  });

  it('keeps the line when another session takes the data, and says so', () => {
    start(10);
    update(strategy('a', { conIds: [1] }));
    gateway.tick(1);
    gateway.notice(1, 'competing-session', 10197);
    expect(rowOf(1)).toMatchObject({
      state: 'stale',
      quality: 'competing-session',
      reason: expect.stringContaining('as scripted (code 10197)'),
    });
    expect(gateway.taken()).toEqual(['stream 1']);
    gateway.notice(1, 'harmless', 10090);
    gateway.tick(1);
    expect(rowOf(1)).toMatchObject({ state: 'confirmed', quality: 'live', reason: 'streams for a' });
  });

  it('does not touch strategies of accounts that are not ours, and says whose they are', () => {
    start(10);
    update(
      strategy('theirs', { account: 'DU9', conIds: [1] }),
      strategy('nobodys', { account: 'DU8', conIds: [2] }),
    );
    expect(gateway.taken()).toEqual([]);
    expect(contracts.asked).toEqual([]);
    expect(stateOf('theirs')).toMatchObject({
      state: 'not-ours',
      reason: '*** is held by another bridge: office',
    });
    expect(stateOf('nobodys')).toMatchObject({
      state: 'not-ours',
      reason: 'this gateway does not manage ***',
    });
  });

  it('lets go of an account that another bridge takes', () => {
    start(10);
    update(strategy('a', { conIds: [1] }));
    vi.advanceTimersByTime(1000);
    streams.update(applyImage(EMPTY_REPLICA, strategy('a', { conIds: [1] })), {
      ours: new Set(),
      elsewhere: new Map([[OURS, 'office']]),
    });
    expect(gateway.taken()).toEqual(['stream 1', 'cancel 1']);
    expect(stateOf('a')).toMatchObject({
      state: 'not-ours',
      reason: 'DU***67 is held by another bridge: office',
    });
  });

  it('resolves the legs of inactive strategies ahead of need', async () => {
    start(10, { known: false });
    const held = strategy('held', { conIds: [1, 2], status: 'INACTIVE' });
    update(held);
    expect(contracts.asked).toEqual([1, 2]);
    contracts.answer(1);
    contracts.answer(2);
    update({ ...held, status: 'ACTIVE' });
    expect(gateway.taken()).toEqual(['stream 1', 'stream 2']);
  });

  it('asks for a line as soon as the details of its contract are there', async () => {
    start(10, { known: false });
    update(strategy('a', { conIds: [1] }));
    expect(rowOf(1)?.reason).toBe('its contract details are asked for');
    contracts.answer(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(gateway.taken()).toEqual(['stream 1']);
  });

  it('marks a leg whose contract the broker does not know as refused, and streams its siblings', async () => {
    start(10, { known: false });
    update(strategy('a', { conIds: [1, 2] }));
    contracts.refuse(1);
    contracts.answer(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(gateway.taken()).toEqual(['stream 2']);
    expect(rowOf(1)).toMatchObject({ state: 'refused', reason: 'no contract 1 (200)' });
    expect(stateOf('a')?.state).toBe('partial');
  });

  it('cancels every line when it stops', () => {
    start(10);
    update(strategy('a', { conIds: [1, 2] }));
    gateway.taken();
    streams.stop();
    expect(gateway.taken()).toEqual(['cancel 1', 'cancel 2']);
  });
});
