import { describe, expect, it } from 'vitest';
import { describeContract } from '../../../bridge/handlers/describe.ts';
import { Dispatcher } from '../../../bridge/handlers/dispatcher.ts';
import type { Lane, PositionUpdate, PositionUpdateHandler } from '../../../bridge/handlers/handler.ts';
import type { Log } from '../../../bridge/log.ts';
import { eventually } from '../../support/eventually.ts';
import { ACCOUNT, contract, OTHER } from '../positions/rows.ts';
import { SILENT } from '../scripted-gateway.ts';

const prices = new Map<number, number>();

function describeNow(conId: number, lane: Lane): PositionUpdate | undefined {
  return describeContract(conId, lane, {
    contractOf: (asked) => (asked < 100 ? contract(asked, asked === 9 ? { secType: 'STK' } : {}) : undefined),
    positionsOf: () => [],
    quoteOf: (asked) => ({ quality: 'live', mark: { price: prices.get(asked) ?? 0 } }),
    strategyIdsOf: () => ['condor'],
    now: '2026-11-20T14:30:00.000Z',
  });
}

function dispatcher(handlers: readonly PositionUpdateHandler[], log: Log = SILENT): Dispatcher {
  return new Dispatcher({ handlers, log, describe: describeNow });
}

describe('the dispatcher', () => {
  it('brings a slow handler the newest price only, and holds up nobody else', async () => {
    const slow: number[] = [];
    const quick: number[] = [];
    const gate = Promise.withResolvers<void>();
    const priceOf = (update: PositionUpdate) => update.quote.mark?.price ?? -1;
    const subject = dispatcher([
      { name: 'slow', handle: (update) => gate.promise.then(() => void slow.push(priceOf(update))) },
      { name: 'quick', handle: (update) => void quick.push(priceOf(update)) },
    ]);
    for (let price = 1; price <= 100; price += 1) {
      prices.set(1, price);
      subject.offer(1, 'stream');
      if (price % 25 === 0) await eventually(() => quick.at(-1) === price);
    }
    expect(subject.status()).toMatchObject([
      { name: 'slow', handled: 0, waiting: 1 },
      { name: 'quick', handled: 4, waiting: 0, conflated: 96 },
    ]);
    gate.resolve();
    await eventually(() => slow.length === 2);
    expect(slow[1]).toBe(100);
  });

  it('never runs a handler inside the tick that it is offered', async () => {
    const handled: number[] = [];
    const subject = dispatcher([{ name: 'h', handle: ({ contract }) => void handled.push(contract.conId) }]);
    subject.offer(1, 'stream');
    expect(handled).toEqual([]);
    await eventually(() => handled.length === 1);
  });

  it('counts a handler that throws or rejects, logs the first time, and goes on', async () => {
    const logged: string[] = [];
    const log: Log = { ...SILENT, error: (event, fields) => void logged.push(`${event} ${fields?.handler}`) };
    const subject = dispatcher(
      [
        {
          name: 'broken',
          handle: ({ contract: { conId } }) => {
            if (conId === 1) throw new Error('as scripted');
            return Promise.reject(new Error('as scripted'));
          },
        },
      ],
      log,
    );
    subject.offer(1, 'stream');
    subject.offer(2, 'stream');
    await eventually(() => subject.status()[0]?.failed === 2);
    expect(logged).toEqual(['handler-failed broken']);
  });

  it('brings each handler the lanes and security types that it asked for: streamed by default', async () => {
    const seen: string[] = [];
    const note = (name: string) => (update: PositionUpdate) =>
      void seen.push(`${name} ${update.lane} ${update.contract.conId}`);
    const subject = dispatcher([
      { name: 'default', handle: note('default') },
      { name: 'polled', lanes: ['poll'], handle: note('polled') },
      { name: 'stocks', lanes: ['stream', 'poll'], secTypes: ['STK'], handle: note('stocks') },
    ]);
    subject.offer(1, 'stream');
    subject.offer(2, 'poll');
    subject.offer(9, 'stream');
    await eventually(() => seen.length === 4);
    expect(seen.sort()).toEqual(['default stream 1', 'default stream 9', 'polled poll 2', 'stocks stream 9']);
  });

  it('passes over a contract of which nothing is known', async () => {
    const subject = dispatcher([{ name: 'h', handle: () => {} }]);
    subject.offer(100, 'stream');
    subject.offer(1, 'stream');
    await eventually(() => subject.status()[0]?.handled === 1);
    expect(subject.status()[0]?.failed).toBe(0);
  });

  it('starts handlers in order, stops those that started when one does not, and names it', async () => {
    const calls: string[] = [];
    const subject = dispatcher([
      {
        name: 'a',
        handle: () => {},
        start: () => void calls.push('start a'),
        stop: () => void calls.push('stop a'),
      },
      { name: 'b', handle: () => {}, start: () => Promise.reject(new Error('no database')) },
      { name: 'c', handle: () => {}, start: () => void calls.push('start c') },
    ]);
    await expect(subject.start()).rejects.toThrow('the handler "b" did not start: no database');
    expect(calls).toEqual(['start a', 'stop a']);
  });

  it('lets a handler finish what it works on before it is stopped, and takes nothing more', async () => {
    const calls: string[] = [];
    const gate = Promise.withResolvers<void>();
    const subject = dispatcher([
      {
        name: 'a',
        handle: async () => {
          calls.push('handling');
          await gate.promise;
          calls.push('handled');
        },
        stop: () => void calls.push('stopped'),
      },
    ]);
    subject.offer(1, 'stream');
    await eventually(() => calls.length === 1);
    const stopped = subject.stop();
    subject.offer(2, 'stream');
    gate.resolve();
    await stopped;
    expect(calls).toEqual(['handling', 'handled', 'stopped']);
  });
});

describe('an update', () => {
  it('adds up the accounts and keeps them apart', () => {
    const held = [
      { account: ACCOUNT, contract: contract(1), quantity: '-3', averageCost: '2100.6321' },
      { account: OTHER, contract: contract(1), quantity: '0.5', averageCost: '1' },
    ];
    const update = describeContract(1, 'poll', {
      contractOf: () => undefined,
      positionsOf: () => held,
      quoteOf: () => undefined,
      strategyIdsOf: () => [],
      now: '2026-11-20T14:30:00.000Z',
    });
    expect(update).toMatchObject({
      quantity: '-2.5',
      positions: [
        { account: ACCOUNT, quantity: '-3' },
        { account: OTHER, quantity: '0.5' },
      ],
      quote: { quality: 'none' },
    });
  });
});
