import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContractBook } from '../../../bridge/gateway/contracts.ts';
import { SnapshotLane } from '../../../bridge/lines/lane/lane.ts';
import { LineLedger } from '../../../bridge/lines/ledger.ts';
import type { Knowledge } from '../../../bridge/lines/short-options.ts';
import { Streams } from '../../../bridge/lines/streams.ts';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../../local/gateway/generator.ts';
import type { GatewayOptions } from '../../../local/gateway/options.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { eventually } from '../../support/eventually.ts';
import { type Connected, connect } from '../gateway/connected.ts';
import { SILENT } from '../scripted-gateway.ts';
import { strategy } from './strategies.ts';

const SEED = 20_261_120;
const portfolio = generatePortfolio({ seed: SEED, positions: 200, condors: 5 });
const condors = portfolio.condors.map((condor, index) =>
  strategy(condor.name, {
    account: condor.account,
    priority: index + 1,
    conIds: condor.legs.map((leg) => leg.conId),
  }),
);
const POLLED = ['VIX', 'SPY', 'QQQ', 'IWM'].map((symbol) => ({
  symbol,
  secType: symbol === 'VIX' ? 'IND' : 'STK',
  exchange: symbol === 'VIX' ? 'CBOE' : 'SMART',
  currency: 'USD',
}));
const OURS = { ours: new Set(portfolio.accounts), elsewhere: new Map<string, string>() };

describe(`lines on a gateway that counts them (seed ${SEED})`, () => {
  let directory: string;
  let gateway: SimulatedGateway;
  let bridge: Connected;
  let contracts: ContractBook;
  let ledger: LineLedger;
  let streams: Streams;
  let snapshots: SnapshotLane;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slotwise-lines-'));
  });

  afterEach(async () => {
    snapshots.stop();
    streams.stop();
    ledger.stop();
    await contracts.stop();
    await bridge.connection.stop();
    await gateway.stop();
    await rm(directory, { recursive: true });
  });

  async function start(
    options: Partial<GatewayOptions> & {
      readonly cap?: number;
      readonly reserve?: number;
      readonly recoveryMs?: number;
      readonly isWatching?: boolean;
    } = {},
  ): Promise<void> {
    const { cap = 100, reserve = 0, recoveryMs = 60_000, isWatching = false, ...rest } = options;
    gateway = await startGateway({
      portfolio,
      tickPeriodMs: 20,
      snapshotMs: 200,
      messagesPerSecondMax: 1000,
      ...rest,
    });
    bridge = connect({ port: gateway.port, requestsPerSecond: 400 });
    const log = SILENT;
    contracts = new ContractBook({
      gateway: bridge.connection,
      log,
      path: join(directory, 'contracts.json'),
    });
    ledger = new LineLedger({ cap, reserve, recoveryMs });
    const common = { gateway: bridge.connection, ledger, contracts, log, onQuote: () => {} };
    streams = new Streams({ ...common, ...(isWatching ? { knowledge } : {}) });
    snapshots = new SnapshotLane({ ...common, streams, instruments: POLLED, periodsMs: { index: 1000 } });
    await contracts.start();
    streams.start();
    snapshots.start();
    await bridge.nth('ready');
  }

  /** The portfolio as it is, but for a last trading day that has come for all of it. */
  const knowledge: Knowledge = {
    positionsOf: (conId) =>
      portfolio.positions
        .filter((position) => position.conId === conId)
        .map(({ account, quantity, averageCost }) => ({
          account,
          contract: { conId, symbol: 'X', secType: 'OPT', currency: 'USD' },
          quantity,
          averageCost,
        })),
    heldConIds: () => [],
    detailsOf: (conId) => {
      const known = contracts.peek(conId);
      return known && { ...known, contract: { ...known.contract, lastTradeDate: '20200101' } };
    },
    quoteOf: (conId) => snapshots.quoteOf(conId),
  };

  function update(strategies: readonly Strategy[]): void {
    streams.update(
      strategies
        .map((each, index) => ({ ...each, registryVersion: index + 1 }))
        .reduce(applyImage, EMPTY_REPLICA),
      OURS,
    );
  }

  const lines = () => gateway.stats().lines;
  const stateOf = (id: string) => streams.status().strategies.find((each) => each.id === id)?.state;

  it('streams 20 legs on 20 lines, with greeks, and polls four indices on four more', async () => {
    await start();
    update(condors);
    await eventually(() => streams.status().streaming === 20);
    await eventually(() => snapshots.status().polled.every((each) => each.mark?.price !== undefined));
    expect(lines()).toMatchObject({ streaming: 20, peak: 20, refused: 0 });
    expect(lines().peakWithSnapshots).toBeLessThanOrEqual(24);
    expect(streams.status().strategies.map((each) => each.state)).toEqual(condors.map(() => 'streaming'));
    await eventually(() => streams.status().rows.every((row) => row.mark?.delta !== undefined));
    for (const row of streams.status().rows) expect(['live', 'no-bid']).toContain(row.quality);
    expect(streams.ticks).toBeGreaterThan(100);
  });

  it('shows a wing that nobody bids for as no-bid', async () => {
    await start();
    update(condors);
    await eventually(() => streams.status().streaming === 20);
    const wing = await eventually(() => streams.status().rows.find((row) => row.quality === 'no-bid'));
    expect(wing.mark?.bid).toBe(0);
    expect(wing.mark?.ask).toBeGreaterThan(0);
  });

  it('stays within the cap by the gateway’s count while strategies swap and snapshots come between', async () => {
    await start({ linesCap: 9, cap: 9 });
    for (let flip = 0; flip < 12; flip += 1) {
      const active = condors.map((each, index) => ({
        ...each,
        status: (index + flip) % 3 === 0 ? ('ACTIVE' as const) : ('INACTIVE' as const),
      }));
      update(active);
      if (flip % 3 === 2) {
        const wanted = streams.status().strategies.filter((each) => each.state !== 'inactive');
        await eventually(() => wanted.some((each) => stateOf(each.id) === 'streaming'));
      }
    }
    await eventually(() => streams.status().strategies.every((each) => stateOf(each.id) !== 'pending'));
    expect(lines().refused).toBe(0);
    expect(lines().peakWithSnapshots).toBeLessThanOrEqual(9);
    expect(ledger.cap).toBe(9);
  });

  it('swaps strategies within what the reserve leaves, while a person’s TWS uses the reserve and short legs are watched', async () => {
    await start({ linesCap: 14, cap: 14, reserve: 2, isWatching: true });
    gateway.inject({ kind: 'lines-taken', count: 2 });
    // As an account that is short of them has it: each strategy's own legs, and two of them sold.
    const short = condors.map((each) => ({
      ...each,
      legs: each.legs.map((leg) => ({
        ...leg,
        quantity: knowledge.positionsOf(leg.conId)[0]?.quantity ?? '0',
      })),
    }));
    const watched = () =>
      streams.status().rows.filter((row) => row.watch && row.state === 'confirmed').length;
    update(short.map((each) => ({ ...each, status: 'INACTIVE' })));
    await eventually(() => short.every((each) => each.legs.every((leg) => contracts.peek(leg.conId))));
    for (let flip = 0; flip < 8; flip += 1) {
      const wanted = new Set([flip % 5, (flip + 2) % 5]);
      update(
        short.map((each, index) => ({
          ...each,
          priority: 1,
          status: wanted.has(index) ? ('ACTIVE' as const) : ('INACTIVE' as const),
        })),
      );
      if (flip % 3 === 2) continue;
      // Eight of the eleven that streams may have are theirs, the rest is the watch class's.
      await eventually(() =>
        short.every(({ id }, index) => !wanted.has(index) || stateOf(id) === 'streaming'),
      );
      await eventually(() => watched() === 3);
      await eventually(() => lines().streaming === 11);
    }
    expect(lines().refused).toBe(0);
    expect(lines().peakWithSnapshots).toBeLessThanOrEqual(12);
    expect(ledger.status()).toMatchObject({ cap: 12, setting: 14, reserve: 2, polledShare: 1 });
    await eventually(() => snapshots.status().polled.every((each) => each.mark?.price !== undefined));
  });

  it('learns from 101 that there are fewer lines than the setting says, and keeps whole strategies', async () => {
    await start({ linesCap: 11, cap: 100, recoveryMs: 500 });
    update(condors);
    await eventually(
      () =>
        streams.status().strategies.filter((each) => each.state === 'streaming').length === 2 &&
        streams.status().strategies.every((each) => each.state === 'streaming' || each.state === 'degraded'),
    );
    expect(lines().refused).toBeGreaterThan(0);
    expect(ledger.cap).toBeLessThanOrEqual(12);
    expect(condors.slice(0, 2).map((each) => stateOf(each.id))).toEqual(['streaming', 'streaming']);
    await eventually(() => lines().streaming === 8);
  });

  it('has every wanted line confirmed again after the connection was reset', async () => {
    await start({ linesCap: 24, cap: 24 });
    update(condors);
    await eventually(() => streams.status().streaming === 20);
    for (let round = 2; round <= 4; round += 1) {
      gateway.dropClients();
      await bridge.nth('ready', round);
      await eventually(() => streams.status().streaming === 20);
      expect(lines().streaming).toBe(20);
    }
    expect(lines().refused).toBe(0);
    expect(lines().peakWithSnapshots).toBeLessThanOrEqual(24);
  });

  it('shows why a contract that the broker does not know has no line, and streams its siblings', async () => {
    await start();
    const [first] = condors;
    if (!first) throw new Error('no condor');
    update([{ ...first, legs: [...first.legs, { conId: 999_999_999, quantity: '0' }] }]);
    await eventually(() => stateOf(first.id) === 'partial');
    await eventually(() => streams.status().streaming === 4);
    const row = streams.status().rows.find((each) => each.conId === 999_999_999);
    expect(row).toMatchObject({ state: 'refused', reason: expect.stringContaining('200') });
  });

  it('asks for a leg within milliseconds of the registry’s change once its contract is known', async () => {
    await start();
    const off = condors.map((each) => ({ ...each, status: 'INACTIVE' as const }));
    update(off);
    await eventually(() => condors.every((each) => each.legs.every((leg) => contracts.peek(leg.conId))));
    const arrived = new Promise<number>((resolve) => {
      gateway.onRequest((request) => {
        if (request.name === 'reqMktData' && request.conId === condors[0]?.legs[0]?.conId)
          resolve(performance.now());
      });
    });
    const before = performance.now();
    update(condors);
    expect((await arrived) - before).toBeLessThan(500);
  });
});
