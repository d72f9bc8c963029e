import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContractBook } from '../../../../bridge/gateway/contracts.ts';
import { SnapshotLane } from '../../../../bridge/lines/lane/lane.ts';
import type { SnapshotLaneOptions } from '../../../../bridge/lines/lane/options.ts';
import { PortfolioMarks } from '../../../../bridge/lines/lane/portfolio-marks.ts';
import type { PollClass } from '../../../../bridge/lines/lane/schedule.ts';
import { LineLedger } from '../../../../bridge/lines/ledger.ts';
import { Streams } from '../../../../bridge/lines/streams.ts';
import { Portfolios } from '../../../../bridge/positions/portfolio.ts';
import { type SimulatedGateway, startGateway } from '../../../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../../../local/gateway/generator.ts';
import type { GatewayOptions } from '../../../../local/gateway/options.ts';
import { applyImage, EMPTY_REPLICA } from '../../../../shared/replica.ts';
import { eventually } from '../../../support/eventually.ts';
import { type Connected, connect } from '../../gateway/connected.ts';
import { SILENT } from '../../scripted-gateway.ts';
import { strategy } from '../strategies.ts';

const SEED = 20_261_122;
const portfolio = generatePortfolio({ seed: SEED, positions: 60, condors: 3 });
const condors = portfolio.condors.map((condor, index) =>
  strategy(condor.name, {
    account: condor.account,
    priority: index + 1,
    conIds: condor.legs.map((leg) => leg.conId),
    registryVersion: index + 1,
  }),
);
const legs = new Set(condors.flatMap((condor) => condor.legs.map((leg) => leg.conId)));
const others = portfolio.positions.map(({ conId }) => conId).filter((conId) => !legs.has(conId));
const INSTRUMENTS = ['VIX', 'SPY', 'QQQ', 'IWM'].map((symbol) => ({
  symbol,
  secType: symbol === 'VIX' ? 'IND' : 'STK',
  exchange: symbol === 'VIX' ? 'CBOE' : 'SMART',
  currency: 'USD',
}));

describe(`the lane on a gateway that counts its lines (seed ${SEED})`, () => {
  let directory: string;
  let stack: AsyncDisposableStack;
  let gateway: SimulatedGateway;
  let bridge: Connected;
  let streams: Streams;
  let ledger: LineLedger;
  let contracts: ContractBook;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slotwise-lane-'));
    stack = new AsyncDisposableStack();
    stack.defer(() => rm(directory, { recursive: true }));
  });
  afterEach(() => stack.disposeAsync());

  async function start(options: Partial<GatewayOptions> & { readonly cap: number }): Promise<void> {
    const { cap, ...rest } = options;
    const settings = { portfolio, tickPeriodMs: 20, messagesPerSecondMax: 5_000, linesCap: cap, ...rest };
    gateway = stack.use(await startGateway(settings));
    bridge = stack.use(connect({ port: gateway.port, requestsPerSecond: 2_000 }));
    contracts = new ContractBook({
      gateway: bridge.connection,
      log: SILENT,
      path: join(directory, 'contracts.json'),
    });
    await contracts.start();
    stack.use(contracts);
    ledger = new LineLedger({ cap, graceMs: 20 });
    stack.defer(() => ledger.stop());
    streams = new Streams({
      gateway: bridge.connection,
      ledger,
      contracts,
      log: SILENT,
      onQuote: () => {},
      minHoldMs: 20,
    });
    streams.start();
    stack.defer(() => streams.stop());
  }

  function startLane(options: Partial<SnapshotLaneOptions>): SnapshotLane {
    const lane = new SnapshotLane({
      gateway: bridge.connection,
      ledger,
      streams,
      contracts,
      log: SILENT,
      instruments: [],
      onQuote: () => {},
      ...options,
    });
    lane.start();
    stack.defer(() => lane.stop());
    streams.update(condors.reduce(applyImage, EMPTY_REPLICA), {
      ours: new Set(portfolio.accounts),
      elsewhere: new Map(),
    });
    lane.update();
    return lane;
  }

  it('starves nobody at ten times its capacity, and stretches all periods alike', async () => {
    // One condor streams; three lines are left for the legs of the others, four indices and thirty positions. A poll
    // takes its line for about 50 ms, so they serve 60 a second; asked for are about 600.
    await start({ cap: 7, snapshotMs: 50 });
    const marks = others.slice(0, 30);
    const periodsMs: Record<PollClass, number> = { index: 50, degraded: 25, mark: 130 };
    const lane = startLane({
      instruments: INSTRUMENTS,
      marks: 'snapshot',
      held: () => marks,
      periodsMs,
      minHoldMs: 20,
    });
    const asked = () => {
      const times = new Map<number, number[]>();
      for (const { name, conId = 0, monotonicMs } of gateway.requests) {
        if (name === 'reqMktData') times.set(conId, [...(times.get(conId) ?? []), monotonicMs]);
      }
      return times;
    };
    await eventually(() => marks.every((conId) => (asked().get(conId)?.length ?? 0) >= 4), {
      what: 'every position asked for four times',
      deadlineMs: 18_000,
    });

    const times = asked();
    const conIds: Record<PollClass, readonly number[]> = {
      index: lane.status().polled.map(({ conId = 0 }) => conId),
      degraded: [...streams.degraded],
      mark: marks,
    };
    expect(conIds.degraded.length).toBe(8);
    const stretch = (pollClass: PollClass) => {
      const gaps = conIds[pollClass].flatMap((conId) => {
        const polls = times.get(conId) ?? [];
        // After the first rounds: details are looked up in them.
        const late = polls.slice(1);
        const between = late.slice(1).map((at, index) => at - (late[index] ?? 0));
        const mean = between.reduce((sum, gap) => sum + gap, 0) / between.length;
        expect(Math.max(...between)).toBeLessThan(4 * mean);
        return between;
      });
      return gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length / periodsMs[pollClass];
    };
    const stretches = [stretch('index'), stretch('degraded'), stretch('mark')];
    expect(Math.min(...stretches)).toBeGreaterThan(3);
    expect(Math.max(...stretches)).toBeLessThan(2 * Math.min(...stretches));
    for (const row of lane.status().lane) {
      expect(row.reachedPeriodMs).toBeGreaterThan(3 * row.periodMs);
      expect(row.quoted).toBe(row.contracts);
    }
    const { refused, peakWithSnapshots } = gateway.stats().lines;
    expect({ refused, isWithin: peakWithSnapshots <= 7 }).toEqual({ refused: 0, isWithin: true });
  });

  it('brings greeks and the underlying of a leg without a line, and frees the line after each', async () => {
    await start({ cap: 6 });
    const lane = startLane({ periodsMs: { degraded: 200 }, minHoldMs: 20 });
    expect(streams.degraded.size).toBe(8);
    for (const conId of streams.degraded) {
      const quote = await eventually(() => {
        const known = lane.quoteOf(conId);
        return known?.mark?.delta === undefined ? undefined : known;
      });
      expect(quote.mark).toMatchObject({ ask: expect.any(Number), underlying: expect.any(Number) });
      expect(['live', 'no-bid']).toContain(quote.quality);
    }
    expect(gateway.stats().lines.refused).toBe(0);
    await eventually(() => streams.status().streaming === 4);
  });

  it('marks every position by the account window on no line at all', async () => {
    await start({ cap: 4, snapshotMs: 50 });
    const portfolios = new Portfolios({ gateway: bridge.connection, log: SILENT });
    portfolios.start();
    stack.defer(() => portfolios.stop());
    const marks = new PortfolioMarks({
      gateway: bridge.connection,
      readPortfolio: (account, signal) => portfolios.readPortfolio(account, signal),
      accounts: () => new Set(portfolio.accounts),
      onQuote: () => {},
    });
    marks.start();
    stack.defer(() => marks.stop());
    const lane = startLane({ marks, held: () => others });
    await eventually(() => others.every((conId) => lane.quoteOf(conId)?.mark !== undefined));
    for (const conId of others) {
      expect(lane.quoteOf(conId)).toEqual({
        quality: 'delayed',
        mark: { price: expect.any(Number), at: expect.any(String) },
      });
    }
    await eventually(() => streams.status().streaming === 4);
    expect(gateway.stats().lines).toMatchObject({ peakWithSnapshots: 4, refused: 0 });
    const requests = gateway.requests.filter(({ name }) => name === 'reqMktData');
    expect(requests.every(({ conId = 0 }) => legs.has(conId))).toBe(true);
  });
});
