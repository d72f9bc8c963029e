import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEADBAND, hasMoved } from '../../../bridge/handlers/deadband.ts';
import { Recorder } from '../../../bridge/handlers/recorder.ts';
import type { Quote } from '../../../bridge/lines/quote.ts';
import { type DurableOutbox, openOutbox } from '../../../bridge/outbox/outbox.ts';
import type { HeldPosition } from '../../../bridge/positions/differ.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import { eventually } from '../../support/eventually.ts';
import { strategy } from '../lines/strategies.ts';
import { ACCOUNT, contract, OTHER } from '../positions/rows.ts';
import { SILENT } from '../scripted-gateway.ts';

const live = (mark: Quote['mark']): Quote => ({ quality: 'live', ...(mark === undefined ? {} : { mark }) });

describe('a deadband', () => {
  const at = live({ price: 100, iv: 0.2, delta: -0.3 });

  it('takes the first quote, a new quality, and a field that comes or goes', () => {
    expect(hasMoved(undefined, live(undefined))).toBe(true);
    expect(hasMoved(at, { ...at, quality: 'stale' })).toBe(true);
    expect(hasMoved(at, live({ price: 100, iv: 0.2 }))).toBe(true);
    expect(hasMoved(at, live({ price: 100, iv: 0.2, delta: -0.3, gamma: 0.01 }))).toBe(true);
  });

  it('lets a field move within it, and takes it at a whole step', () => {
    expect(hasMoved(at, live({ price: 100.49, iv: 0.2049, delta: -0.3099 }))).toBe(false);
    expect(hasMoved(at, live({ price: 100.5, iv: 0.2, delta: -0.3 }))).toBe(true);
    expect(hasMoved(at, live({ price: 100, iv: 0.205, delta: -0.3 }))).toBe(true);
    expect(hasMoved(at, live({ price: 100, iv: 0.2, delta: -0.31 }))).toBe(true);
  });

  it('is never narrower than a tick of the contract', () => {
    expect(hasMoved(live({ price: 1 }), live({ price: 1.04 }), 0.05)).toBe(false);
    expect(hasMoved(live({ price: 1 }), live({ price: 1.05 }), 0.05)).toBe(true);
    expect(hasMoved(live({ price: 0.1 }), live({ price: 0.1 + DEADBAND.minTick }))).toBe(true);
  });

  it('is never narrower than half the spread that was recorded', () => {
    const wide = live({ bid: 98, ask: 102, price: 100 });
    expect(hasMoved(wide, live({ bid: 99.9, ask: 103.9, price: 101.9 }))).toBe(false);
    expect(hasMoved(wide, live({ bid: 100, ask: 104, price: 102 }))).toBe(true);
    expect(
      hasMoved(live({ bid: 99.9, ask: 100.1, price: 100 }), live({ bid: 99.8, ask: 101.2, price: 100.5 })),
    ).toBe(true);
  });

  it('counts bid and ask through the price that they make', () => {
    expect(hasMoved(live({ bid: 1, ask: 3, price: 2 }), live({ bid: 1.5, ask: 2.5, price: 2 }))).toBe(false);
  });
});

describe('the recorder', () => {
  let directory: string;
  let outbox: DurableOutbox;
  let recorder: Recorder;
  let quotes: Map<number, Quote>;
  let positions: HeldPosition[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slotwise-recorder-'));
    outbox = await openOutbox({ path: join(directory, 'outbox.db'), bridge: 'home', log: SILENT });
    quotes = new Map();
    positions = [held(1), held(2)];
    recorder = make(600_000);
  });

  afterEach(async () => {
    await recorder.stop();
    await outbox.close();
    await rm(directory, { recursive: true });
  });

  function make(periodMs: number): Recorder {
    return new Recorder({
      outbox: { append: (drafts) => outbox.append(drafts) },
      log: SILENT,
      replica: () => applyImage(EMPTY_REPLICA, strategy('condor', { conIds: [1, 2, 3] })),
      positionsOf: (conId) => positions.filter((each) => each.contract.conId === conId),
      quoteOf: (conId) => quotes.get(conId),
      minTickOf: () => 0.01,
      periodMs,
    });
  }

  function held(conId: number, account = ACCOUNT): HeldPosition {
    return { account, contract: contract(conId), quantity: '-3', averageCost: '2100.6321' };
  }

  function tick(conId: number, price: number): void {
    quotes.set(conId, live({ price }));
    recorder.touch(conId);
  }

  const recorded = async () =>
    (await outbox.peek({ count: 1000, maxBytes: 10_000_000 })).toReversed().map((pending) => {
      const body = JSON.parse(pending.body);
      return `${body.seq} ${body.account.slice(-1)} ${body.contract.conId} ${body.mark.price}`;
    });

  it('records once per period what moved, in one batch, as the streamed lane', async () => {
    tick(1, 2);
    tick(1, 3);
    tick(2, 5);
    await recorder.flush();
    expect(await recorded()).toEqual(['1 7 1 3', '2 7 2 5']);
    const [first] = await outbox.peek({ count: 1, maxBytes: 100_000 });
    expect(JSON.parse(first?.body ?? '')).toMatchObject({
      lane: 'stream',
      priority: 1,
      reason: 'changed',
      quantity: '-3',
      quality: 'live',
      strategyIds: ['condor'],
      registryVersion: 1,
    });
    tick(1, 3.001);
    tick(2, 6);
    await recorder.flush();
    expect(await recorded()).toEqual(['1 7 1 3', '2 7 2 5', '3 7 2 6']);
  });

  it('measures the deadband from what was recorded, so that a slow drift shows too', async () => {
    tick(1, 2);
    await recorder.flush();
    tick(1, 2.006);
    await recorder.flush();
    tick(1, 2.012);
    await recorder.flush();
    expect(await recorded()).toEqual(['1 7 1 2', '2 7 1 2.012']);
  });

  it('records each account’s position, and nothing of a leg that nobody holds', async () => {
    positions = [held(1), held(1, OTHER)];
    tick(1, 2);
    tick(3, 2);
    await recorder.flush();
    expect(await recorded()).toEqual(['1 7 1 2', '2 1 1 2']);
  });

  it('records what a model holds beside what its account holds, each with a course of its own', async () => {
    positions = [held(1), { ...held(1), modelCode: 'GROWTH', quantity: '5' }];
    tick(1, 2);
    await recorder.flush();
    tick(1, 3);
    await recorder.flush();
    const waiting = await outbox.peek({ count: 10, maxBytes: 100_000 });
    const bodies = waiting.toReversed().map(({ body }) => JSON.parse(body));
    expect(bodies.map(({ modelCode, quantity }) => [modelCode, quantity])).toEqual([
      [undefined, '-3'],
      ['GROWTH', '5'],
      [undefined, '-3'],
      ['GROWTH', '5'],
    ]);
  });

  it('records nothing of a position that closed before the period ended', async () => {
    tick(1, 2);
    positions = [];
    await recorder.flush();
    expect(await recorded()).toEqual([]);
  });

  it('keeps what was not written for the next period', async () => {
    await outbox.close();
    tick(1, 2);
    await recorder.flush();
    outbox = await openOutbox({ path: join(directory, 'outbox.db'), bridge: 'home', log: SILENT });
    await recorder.flush();
    expect(await recorded()).toEqual(['1 7 1 2']);
  });

  it('records by itself at the end of each period', async () => {
    recorder = make(20);
    recorder.start();
    tick(1, 2);
    await eventually(async () => (await recorded()).length === 1);
    tick(1, 3);
    await eventually(async () => (await recorded()).length === 2);
  });
});
