import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LineLedger } from '../../../bridge/lines/ledger.ts';
import type { Knowledge } from '../../../bridge/lines/short-options.ts';
import { Streams } from '../../../bridge/lines/streams.ts';
import { WATCH } from '../../../shared/limits.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { details, ScriptedGateway, SILENT } from '../scripted-gateway.ts';
import { strategy } from './strategies.ts';

const OURS = { ours: new Set(['DU1234567']), elsewhere: new Map<string, string>() };

/** Its last trading day is the day on which the tests take place. */
function expiring(conId: number) {
  const known = details(conId);
  return { ...known, contract: { ...known.contract, lastTradeDate: '20261120', strike: '100' } };
}

const contracts = { peek: expiring, resolve: async (conId: number) => expiring(conId) };

describe('lines of the watch class', () => {
  let gateway: ScriptedGateway;
  let ledger: LineLedger;
  let streams: Streams;
  /** What the account is short of. */
  let held: Set<number>;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.setSystemTime('2026-11-20T15:00:00Z');
  });

  afterEach(() => {
    streams.stop();
    ledger.stop();
    vi.useRealTimers();
  });

  function start(cap: number, shorts: readonly number[]): void {
    held = new Set(shorts);
    const knowledge: Knowledge = {
      positionsOf: (conId) =>
        held.has(conId)
          ? [
              {
                account: 'DU1234567',
                contract: expiring(conId).contract,
                quantity: '-1',
                averageCost: '1',
              },
            ]
          : [],
      heldConIds: () => held,
      detailsOf: expiring,
      quoteOf: () => undefined,
    };
    gateway = new ScriptedGateway();
    ledger = new LineLedger({ cap, graceMs: 250 });
    streams = new Streams({ gateway, contracts, ledger, log: SILENT, onQuote: () => {}, knowledge });
    streams.start();
    gateway.ready();
    gateway.taken();
  }

  function update(...strategies: readonly Strategy[]): void {
    const replica = strategies
      .map((each, index) => ({ ...each, registryVersion: index + 1 }))
      .reduce(applyImage, EMPTY_REPLICA);
    streams.update(replica, OURS);
  }

  const off = strategy('off', { conIds: [1, 2], status: 'INACTIVE' });
  const rowOf = (conId: number) => streams.status().rows.find((each) => each.conId === conId);

  it('are asked for once the account is known to be short, and say for whom and why', () => {
    start(5, []);
    update(off);
    expect(gateway.taken()).toEqual([]);
    held.add(1);
    vi.advanceTimersByTime(WATCH.periodMs);
    expect(gateway.taken()).toEqual(['stream 1']);
    gateway.tick(1);
    expect(rowOf(1)).toMatchObject({
      state: 'confirmed',
      quality: 'live',
      strategyIds: ['off'],
      watch: true,
      reason:
        'in the watch class: its last trading day has come, no price of its underlying is known; short leg of off',
    });
    expect(streams.status()).toMatchObject({ streaming: 1, watching: 1 });
    held.delete(1);
    vi.advanceTimersByTime(WATCH.periodMs);
    expect(gateway.taken()).toEqual(['cancel 1']);
    expect(rowOf(1)).toBeUndefined();
  });

  it('go to a strategy that needs them at once, and are not asked for while there is no other', () => {
    start(3, [1, 2]);
    update(off);
    vi.advanceTimersByTime(1000);
    expect(gateway.taken()).toEqual(['stream 1', 'stream 2']);
    update(off, strategy('a', { conIds: [11, 12] }));
    expect(gateway.taken()).toEqual(['cancel 2', 'stream 11']);
    vi.advanceTimersByTime(250);
    expect(gateway.taken()).toEqual(['stream 12']);
    expect(gateway.peak).toBe(3);
    expect(rowOf(2)).toBeUndefined();
    expect(rowOf(1)?.watch).toBe(true);
    expect(streams.status().strategies.find(({ id }) => id === 'off')?.legs).toMatchObject([
      { conId: 1, watch: expect.stringMatching(/^in the watch class: /) },
      { conId: 2, watch: expect.stringMatching(/^due for the watch class, but no line is left for it: /) },
    ]);
  });

  it('become a strategy’s own without a new request when it is switched on, and back', () => {
    start(5, [1, 2]);
    update(off);
    gateway.tick(1);
    gateway.taken();
    const on = { ...off, status: 'ACTIVE' as const };
    update(on);
    expect(gateway.taken()).toEqual([]);
    expect(rowOf(1)).toMatchObject({ state: 'confirmed', reason: 'streams for off' });
    expect(rowOf(1)?.watch).toBeUndefined();
    update(off);
    vi.advanceTimersByTime(10_000);
    expect(gateway.taken()).toEqual([]);
    expect(rowOf(1)?.watch).toBe(true);
  });

  it('bring the quotes of a degraded strategy’s short leg, which stays degraded', () => {
    start(3, [2]);
    update(strategy('big', { conIds: [1, 2, 3, 4] }));
    expect(gateway.taken()).toEqual(['stream 2']);
    gateway.tick(2);
    expect(rowOf(2)).toMatchObject({ quality: 'live', watch: true, strategyIds: ['big'] });
    expect(rowOf(1)).toMatchObject({ state: 'wanted', quality: 'no-line' });
    expect(streams.status().strategies).toMatchObject([{ id: 'big', state: 'degraded' }]);
  });

  it('are not asked for again after the gateway refused the contract, until the next connection', () => {
    start(5, [1]);
    update(off);
    gateway.notice(1, 'no-permission', 354);
    gateway.taken();
    vi.advanceTimersByTime(10 * 60_000);
    expect(gateway.taken()).toEqual([]);
    expect(rowOf(1)).toMatchObject({ state: 'refused', quality: 'no-permission', strategyIds: ['off'] });
    gateway.emit({ type: 'lost', reason: 'reset' });
    gateway.ready();
    expect(gateway.taken()).toEqual(['type 1', 'stream 1']);
  });

  it('are the first to go when the gateway has fewer lines than the setting says', () => {
    start(9, [1, 2]);
    const a = strategy('a', { conIds: [11, 12, 13, 14] });
    update(off, a);
    for (const conId of [11, 12, 13, 14, 1]) gateway.tick(conId);
    gateway.taken();
    gateway.notice(2, 'no-line', 101);
    expect(ledger.cap).toBe(5);
    vi.advanceTimersByTime(1000);
    expect(gateway.taken()).toEqual([]);
    expect(streams.status().strategies.map(({ id, state }) => [id, state])).toEqual([
      ['a', 'streaming'],
      ['off', 'inactive'],
    ]);
    expect(rowOf(1)?.state).toBe('confirmed');
  });
});
