import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { InstrumentName } from '../../../bridge/lines/contract-resolver.ts';
import { SnapshotLane } from '../../../bridge/lines/lane/lane.ts';
import { LineLedger } from '../../../bridge/lines/ledger.ts';
import type { Knowledge } from '../../../bridge/lines/short-options.ts';
import { Streams } from '../../../bridge/lines/streams.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { details, ScriptedGateway, SILENT } from '../scripted-gateway.ts';
import { strategies } from './strategies.ts';

const INSTRUMENTS = ['101', '102', '3'].map((symbol) => ({
  symbol,
  secType: 'STK',
  exchange: 'SMART',
  currency: 'USD',
}));

const contracts = {
  peek: (conId: number) => details(conId),
  resolve: async (conId: number) => details(conId),
  resolveSymbol: async ({ symbol }: InstrumentName) => details(Number(symbol), symbol),
};

/** Every leg is held short, and each third contract trades for the last time: the watch class wants it. */
const knowledge: Knowledge = {
  positionsOf: (conId) => [
    { account: 'DU1234567', contract: details(conId).contract, quantity: '-1', averageCost: '1' },
  ],
  heldConIds: () => [],
  detailsOf: (conId) => {
    const known = details(conId);
    const lastTradeDate = conId % 3 === 0 ? '20200101' : '20991218';
    return { ...known, contract: { ...known.contract, lastTradeDate } };
  },
  quoteOf: () => undefined,
};

type Step =
  | { readonly type: 'registry'; readonly strategies: readonly Strategy[] }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'tick' | 'snapshotsEnd' | 'reconnect' | 'linkDown' | 'linkUp' | 'linkUpLost' }
  | { readonly type: 'refuse'; readonly conId: number }
  /** What a person's TWS leaves us: lines that stream may be taken away for it. */
  | { readonly type: 'left'; readonly lines: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: strategies.map((all) => ({ type: 'registry' as const, strategies: all })) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 700 }).map((ms) => ({ type: 'wait' as const, ms })) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      { type: 'tick' as const },
      { type: 'snapshotsEnd' as const },
      { type: 'reconnect' as const },
      { type: 'linkDown' as const },
      { type: 'linkUp' as const },
      { type: 'linkUpLost' as const },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 25 }).map((conId) => ({ type: 'refuse' as const, conId })),
  },
);

const stepBesideTws = fc.oneof(
  { weight: 4, arbitrary: step },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 12 }).map((lines) => ({ type: 'left' as const, lines })),
  },
);

/** Streams and polls on one gateway that counts its own lines and refuses what is beyond them. */
class Bench {
  readonly gateway = new ScriptedGateway();
  readonly ledger: LineLedger;
  readonly streams: Streams;
  readonly snapshots: SnapshotLane;

  constructor(options: { readonly cap: number; readonly gatewayCap: number }) {
    this.gateway.cap = options.gatewayCap;
    this.ledger = new LineLedger({ cap: options.cap, graceMs: 250, recoveryMs: 60_000 });
    const common = { gateway: this.gateway, ledger: this.ledger, contracts, log: SILENT, onQuote: () => {} };
    this.streams = new Streams({ ...common, minHoldMs: 300, knowledge });
    this.snapshots = new SnapshotLane({
      ...common,
      streams: this.streams,
      instruments: INSTRUMENTS,
      periodsMs: { index: 2_000 },
    });
    this.streams.start();
    this.snapshots.start();
    this.gateway.ready();
  }

  async run(step: Step): Promise<void> {
    const { gateway } = this;
    switch (step.type) {
      case 'registry':
        this.streams.update(
          step.strategies
            .map((each, index) => ({ ...each, registryVersion: index + 1 }))
            .reduce(applyImage, EMPTY_REPLICA),
          { ours: new Set(['DU1234567']), elsewhere: new Map() },
        );
        break;
      case 'wait':
        await vi.advanceTimersByTimeAsync(step.ms);
        break;
      case 'tick':
        for (const conId of gateway.conIds) gateway.tick(conId);
        break;
      case 'snapshotsEnd':
        this.#endSnapshots();
        break;
      case 'reconnect':
        gateway.emit({ type: 'lost', reason: 'as scripted' });
        gateway.ready();
        break;
      case 'linkDown':
        gateway.emit({ type: 'linkDown', code: 1100 });
        break;
      case 'linkUp':
      case 'linkUpLost':
        gateway.emit({ type: 'linkUp', linesKept: step.type === 'linkUp' });
        break;
      case 'refuse':
        gateway.notice(step.conId, 'refused');
        break;
      case 'left':
        gateway.cap = step.lines;
        gateway.evict();
        break;
      default:
        step satisfies never;
    }
    gateway.answer();
  }

  /** Nothing changes any more: holds and graces pass, everything answers. */
  async quiet(): Promise<void> {
    for (let round = 0; round < 10; round += 1) {
      await this.run({ type: 'wait', ms: 700 });
      await this.run({ type: 'tick' });
      this.#endSnapshots();
      this.gateway.answer();
    }
  }

  #endSnapshots(): void {
    for (const reqId of this.gateway.snapshotReqIds()) this.gateway.endRequest(reqId);
  }

  stop(): void {
    this.snapshots.stop();
    this.streams.stop();
    this.ledger.stop();
  }
}

describe('lines, by the gateway’s own count', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('never exceed the cap, whatever registry, link and connection do', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 12 }),
        fc.array(step, { maxLength: 25 }),
        async (cap, steps) => {
          const bench = new Bench({ cap, gatewayCap: cap });
          for (const each of steps) await bench.run(each);
          const { peak, refused } = bench.gateway;
          bench.stop();
          expect({ isWithin: peak <= cap, refused }).toEqual({ isWithin: true, refused: 0 });
        },
      ),
      { numRuns: 150 },
    );
  });

  it('are all confirmed, or shown with their reason, once things are quiet', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 12 }),
        fc.array(step, { maxLength: 25 }),
        async (cap, steps) => {
          const bench = new Bench({ cap, gatewayCap: cap });
          for (const each of steps) await bench.run(each);
          await bench.run({ type: 'linkUp' });
          await bench.quiet();
          const { rows, strategies: states, streaming } = bench.streams.status();
          // Polls come and go for ever: without them nothing is on its way.
          bench.snapshots.stop();
          await bench.run({ type: 'wait', ms: 700 });
          const inUse = bench.gateway.inUse;
          const counted = bench.ledger.inUse;
          bench.stop();
          expect(counted).toBe(inUse);
          expect(rows.filter((row) => row.state === 'confirmed').length).toBe(streaming);
          expect(states.filter((each) => each.state === 'pending')).toEqual([]);
          for (const row of rows) expect(['confirmed', 'wanted', 'refused']).toContain(row.state);
          for (const row of rows.filter((each) => each.state === 'wanted'))
            expect(row.quality).toBe('no-line');
          for (const row of rows) expect(row.reason).not.toBe('');
        },
      ),
      { numRuns: 100 },
    );
  });

  it('settle below what the gateway grants when the setting is too high, with whole strategies', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 0, max: 12 }),
        fc.array(step, { maxLength: 20 }),
        async (cap, gatewayCap, steps) => {
          const bench = new Bench({ cap, gatewayCap });
          for (const each of steps) await bench.run(each);
          await bench.run({ type: 'linkUp' });
          await bench.quiet();
          const learned = bench.ledger.cap;
          const { strategies: states } = bench.streams.status();
          const before = bench.gateway.refused;
          for (let round = 0; round < 3; round += 1) await bench.quiet();
          const refusedLater = bench.gateway.refused - before;
          bench.stop();
          expect(learned).toBeLessThanOrEqual(cap);
          for (const each of states) expect(['streaming', 'partial', 'degraded']).toContain(each.state);
          expect(refusedLater).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('come back as a person’s TWS gives them back: what is left out then does not fit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.array(stepBesideTws, { maxLength: 25 }),
        async (cap, steps) => {
          const bench = new Bench({ cap, gatewayCap: cap });
          for (const each of steps) {
            await bench.run(each);
            expect(bench.gateway.inUse).toBeLessThanOrEqual(bench.gateway.cap);
          }
          await bench.run({ type: 'linkUp' });
          await bench.run({ type: 'left', lines: cap });
          for (let minute = 0; minute < 2 * cap; minute += 1) {
            await bench.run({ type: 'wait', ms: 60_000 });
            await bench.quiet();
          }
          const { ledger, gateway } = bench;
          const { streaming, watching, strategies: states } = bench.streams.status();
          bench.stop();
          expect(ledger.cap).toBe(cap);
          expect(gateway.inUse).toBeLessThanOrEqual(cap);
          const left = ledger.streamCap - (streaming - watching);
          for (const { state, linesNeeded } of states) {
            expect(['streaming', 'partial', 'degraded']).toContain(state);
            if (state === 'degraded') expect(linesNeeded).toBeGreaterThan(left);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
