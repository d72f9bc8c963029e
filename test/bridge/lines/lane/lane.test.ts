import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ContractDetails } from '../../../../bridge/gateway/events.ts';
import type { InstrumentName } from '../../../../bridge/lines/contract-resolver.ts';
import { SnapshotLane } from '../../../../bridge/lines/lane/lane.ts';
import type { SnapshotLaneOptions } from '../../../../bridge/lines/lane/options.ts';
import { LineLedger } from '../../../../bridge/lines/ledger.ts';
import { Streams } from '../../../../bridge/lines/streams.ts';
import { applyImage, EMPTY_REPLICA } from '../../../../shared/replica.ts';
import type { Strategy } from '../../../../shared/strategy.ts';
import { recordingLog } from '../../../support/log.ts';
import { details, ScriptedGateway, SILENT } from '../../scripted-gateway.ts';
import { strategy } from '../strategies.ts';

const CON_IDS: Readonly<Record<string, number>> = { VIX: 101, SPY: 102, QQQ: 103, IWM: 104, VOD: 105 };
const INSTRUMENTS: InstrumentName[] = ['VIX', 'SPY', 'QQQ', 'IWM'].map((symbol) => ({
  symbol,
  secType: symbol === 'VIX' ? 'IND' : 'STK',
  exchange: symbol === 'VIX' ? 'CBOE' : 'SMART',
  currency: 'USD',
}));

/** Quoted in a hundredth of its currency. */
const IN_PENCE = 105;

const detailsOf = (conId: number, symbol?: string): ContractDetails => ({
  ...details(conId, symbol),
  priceMagnifier: conId === IN_PENCE ? 100 : 1,
});
const contracts = {
  peek: (conId: number) => detailsOf(conId),
  resolve: async (conId: number) => detailsOf(conId),
  resolveSymbol: async ({ symbol }: InstrumentName) => detailsOf(CON_IDS[symbol] ?? 0, symbol),
};

describe('the snapshot lane', () => {
  let gateway: ScriptedGateway;
  let ledger: LineLedger;
  let streams: Streams;
  let snapshots: SnapshotLane;
  let quoted: number[];

  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    snapshots.stop();
    streams.stop();
    ledger.stop();
    vi.useRealTimers();
  });

  async function start(
    cap: number,
    instruments = INSTRUMENTS,
    options: Partial<SnapshotLaneOptions> = {},
  ): Promise<void> {
    gateway = new ScriptedGateway();
    ledger = new LineLedger({ cap, graceMs: 250 });
    quoted = [];
    const common = { gateway, ledger, log: SILENT, contracts };
    streams = new Streams({ ...common, onQuote: () => {} });
    snapshots = new SnapshotLane({
      ...common,
      streams,
      instruments,
      onQuote: (conId) => quoted.push(conId),
      ...options,
      periodsMs: { index: 60_000 },
      snapshotDeadlineMs: 15_000,
    });
    streams.start();
    snapshots.start();
    gateway.ready();
    await vi.advanceTimersByTimeAsync(0);
    expect(gateway.taken().shift()).toBe('type 1');
  }

  function activate(...conIds: number[]): void {
    register(...(conIds.length > 0 ? [strategy('a', { conIds })] : []));
  }

  function register(...strategies: Strategy[]): void {
    const replica = strategies
      .map((each, index) => ({ ...each, registryVersion: index + 1 }))
      .reduce(applyImage, EMPTY_REPLICA);
    streams.update(replica, { ours: new Set(['DU1234567']), elsewhere: new Map() });
    snapshots.update();
  }

  const pollOf = (name: string) => snapshots.status().polled.find((each) => each.name === name);

  it('asks for each instrument once per period and holds a line only while it is in flight', async () => {
    await start(10);
    expect(gateway.inUse).toBe(4);
    expect(ledger.inUse).toBe(4);
    expect(snapshots.status().snapshotsInFlight).toBe(4);
    gateway.tick(101, 17.5);
    vi.advanceTimersByTime(11_000);
    for (const conId of [101, 102, 103, 104]) gateway.endSnapshot(conId);
    expect(ledger.inUse).toBe(0);
    expect(pollOf('VIX')).toMatchObject({
      conId: 101,
      quality: 'live',
      source: 'snapshot',
      mark: { price: 17.5 },
    });
    expect(quoted).toEqual([101, 102, 103, 104]);
    vi.advanceTimersByTime(48_999);
    expect(gateway.taken()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(gateway.taken()).toEqual(['snapshot 101', 'snapshot 102', 'snapshot 103', 'snapshot 104']);
  });

  it('says in pounds what London quotes in pence', async () => {
    await start(10, [{ symbol: 'VOD', secType: 'STK', exchange: 'LSE', currency: 'GBP' }]);
    gateway.tick(IN_PENCE, 1234.5);
    gateway.endSnapshot(IN_PENCE);
    expect(pollOf('VOD')?.mark).toMatchObject({ last: 12.345, price: 12.345 });
  });

  it('takes an incomplete snapshot for an answer, and does not cancel after the end', async () => {
    await start(10, INSTRUMENTS.slice(0, 1));
    gateway.endSnapshot(101);
    expect(pollOf('VIX')).toMatchObject({ quality: 'none', lastAt: expect.any(String) });
    vi.advanceTimersByTime(59_000);
    expect(gateway.taken()).toEqual([]);
  });

  it('gives up at the deadline, cancels, keeps what came as stale, and asks again in the next period', async () => {
    await start(10, INSTRUMENTS.slice(0, 1));
    gateway.tick(101, 17.5);
    vi.advanceTimersByTime(15_000);
    expect(gateway.taken()).toEqual(['cancel 101']);
    expect(pollOf('VIX')).toMatchObject({ quality: 'stale', mark: { last: 17.5 } });
    vi.advanceTimersByTime(45_000);
    expect(gateway.taken()).toEqual(['snapshot 101']);
  });

  it('takes the values of a stream that has the contract anyway', async () => {
    await start(10, INSTRUMENTS.slice(1, 2));
    gateway.endSnapshot(102);
    activate(102);
    gateway.tick(102, 500);
    gateway.taken();
    vi.advanceTimersByTime(60_000);
    expect(gateway.taken()).toEqual([]);
    expect(pollOf('SPY')).toMatchObject({ source: 'stream', quality: 'live', mark: { last: 500 } });
    expect(snapshots.quoteOf(102)).toMatchObject({ mark: { last: 500 } });
  });

  it('gives its lines back at once when streams need them, and never shares the cap with them', async () => {
    await start(4);
    activate(1, 2, 3);
    expect(gateway.taken()).toEqual(['cancel 104', 'cancel 103', 'cancel 102']);
    vi.advanceTimersByTime(250);
    expect(gateway.taken()).toEqual(['stream 1', 'stream 2', 'stream 3']);
    expect(gateway.peak).toBe(4);
    expect(pollOf('IWM')?.quality).toBe('no-line');
    gateway.endSnapshot(101);
    expect(gateway.taken()).toEqual(['snapshot 102']);
    expect(gateway.inUse).toBe(4);
  });

  it('polls nothing while the streams have every line, and goes on when they let go', async () => {
    await start(2, INSTRUMENTS.slice(0, 2));
    activate(1, 2);
    vi.advanceTimersByTime(10_000);
    for (const conId of [1, 2]) gateway.tick(conId);
    gateway.taken();
    vi.advanceTimersByTime(300_000);
    expect(gateway.taken()).toEqual([]);
    activate();
    vi.advanceTimersByTime(250);
    expect(gateway.taken()).toEqual(['cancel 1', 'cancel 2', 'snapshot 101', 'snapshot 102']);
  });

  it('lowers the cap when a snapshot is refused for want of a line', async () => {
    await start(10, INSTRUMENTS.slice(0, 2));
    gateway.notice(102, 'no-line', 101);
    expect(ledger.cap).toBe(1);
    expect(pollOf('SPY')?.quality).toBe('no-line');
  });

  it('says that the account may not see it, and asks again a period later', async () => {
    await start(10, INSTRUMENTS.slice(0, 1));
    gateway.notice(101, 'no-permission', 354);
    gateway.taken();
    expect(pollOf('VIX')?.quality).toBe('no-permission');
    vi.advanceTimersByTime(60_000);
    expect(gateway.taken()).toEqual(['snapshot 101']);
  });

  it('forgets what was in flight when the connection goes, and asks at once on the next', async () => {
    await start(10, INSTRUMENTS.slice(0, 1));
    gateway.tick(101);
    gateway.emit({ type: 'lost', reason: 'reset' });
    expect(snapshots.status().snapshotsInFlight).toBe(0);
    vi.advanceTimersByTime(300_000);
    gateway.taken();
    gateway.ready();
    expect(gateway.taken()).toEqual(['type 1', 'snapshot 101']);
  });

  it('asks nobody while the link is down, and at once when it is up', async () => {
    await start(10, INSTRUMENTS.slice(0, 1));
    gateway.tick(101, 17.5);
    gateway.endSnapshot(101);
    gateway.taken();
    gateway.emit({ type: 'linkDown', code: 1100 });
    expect(pollOf('VIX')).toMatchObject({ quality: 'stale', mark: { last: 17.5 } });
    vi.advanceTimersByTime(300_000);
    activate(1);
    activate();
    vi.advanceTimersByTime(1_000);
    expect(gateway.taken()).toEqual(['stream 1', 'cancel 1']);
    gateway.emit({ type: 'linkUp', linesKept: true });
    expect(gateway.taken()).toEqual(['snapshot 101']);
  });

  it('cancels what died with the link (1101), and asks for everything again', async () => {
    await start(10, INSTRUMENTS.slice(0, 2));
    gateway.endSnapshot(101);
    gateway.taken();
    gateway.emit({ type: 'linkDown', code: 1100 });
    gateway.emit({ type: 'linkUp', linesKept: false });
    expect(gateway.taken().sort()).toEqual(['cancel 102', 'snapshot 101', 'snapshot 102']);
  });

  it('tells a fault once, not with every poll', async () => {
    const log = recordingLog();
    await start(10, INSTRUMENTS.slice(0, 1), { log });
    for (let minute = 0; minute < 5; minute += 1) {
      gateway.notice(101, 'no-permission', 354);
      vi.advanceTimersByTime(60_000);
    }
    gateway.endSnapshot(101);
    vi.advanceTimersByTime(60_000);
    gateway.notice(101, 'no-permission', 354);
    const fields = { instrument: 'VIX', fault: 'as scripted (code 354)' };
    const failed = { level: 'warn', event: 'snapshot-failed', fields };
    expect(log.entries).toEqual([failed, failed]);
  });

  it('calls a quote old that was not renewed for two periods, and says when that is for want of a line', async () => {
    await start(2, INSTRUMENTS.slice(0, 1));
    gateway.tick(101, 17.5);
    gateway.endSnapshot(101);
    expect(snapshots.quoteOf(101)?.quality).toBe('live');
    activate(1, 2);
    vi.advanceTimersByTime(119_000);
    expect(snapshots.quoteOf(101)?.quality).toBe('live');
    vi.advanceTimersByTime(2_000);
    expect(snapshots.quoteOf(101)).toMatchObject({ quality: 'no-line', mark: { last: 17.5 } });
  });

  describe('with legs of a degraded strategy', () => {
    const [STREAMED, FIRST, SECOND] = [1, 11, 12] as const;

    /** Room for one stream and one poll; the second strategy has no room. */
    async function degrade(): Promise<void> {
      await start(2, []);
      register(
        strategy('a', { priority: 1, conIds: [STREAMED] }),
        strategy('b', { priority: 2, conIds: [FIRST, SECOND] }),
      );
      gateway.tick(STREAMED);
    }

    const price = (conId: number, field: 'bid' | 'ask', value: number | undefined) => {
      for (const reqId of gateway.reqIds(conId)) gateway.emit({ type: 'price', reqId, field, price: value });
    };
    const greeks = (conId: number) => {
      for (const reqId of gateway.reqIds(conId)) {
        const values = { delta: -0.3, price: 2, underlying: 600 };
        gateway.emit({ type: 'greeks', reqId, source: 'model', greeks: values });
      }
    };
    const answer = (conId: number) => {
      price(conId, 'bid', 1.9);
      price(conId, 'ask', 2.1);
      greeks(conId);
    };

    it("subscribes, and lets go once bid, ask and the model's greeks came", async () => {
      await degrade();
      expect(gateway.taken()).toEqual(['stream 1', 'stream 11']);
      vi.advanceTimersByTime(400);
      price(FIRST, 'bid', 1.9);
      price(FIRST, 'ask', 2.1);
      expect(gateway.taken()).toEqual([]);
      greeks(FIRST);
      expect(gateway.taken()).toEqual(['cancel 11']);
      expect(snapshots.quoteOf(FIRST)).toMatchObject({
        quality: 'live',
        mark: { bid: 1.9, ask: 2.1, price: 2, delta: -0.3, underlying: 600 },
      });
      expect(quoted).toEqual([FIRST]);
      vi.advanceTimersByTime(250);
      expect(gateway.taken()).toEqual(['stream 12']);
      expect(gateway.peak).toBe(2);
    });

    it('holds a line for 300 ms at least, however soon everything came', async () => {
      await degrade();
      gateway.taken();
      answer(FIRST);
      expect(snapshots.quoteOf(FIRST)?.quality).toBe('live');
      vi.advanceTimersByTime(299);
      expect(gateway.taken()).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(gateway.taken()).toEqual(['cancel 11']);
    });

    it('takes the word that nobody bids for an answer', async () => {
      await degrade();
      vi.advanceTimersByTime(300);
      gateway.taken();
      price(FIRST, 'bid', undefined);
      price(FIRST, 'ask', 0.05);
      greeks(FIRST);
      expect(gateway.taken()).toEqual(['cancel 11']);
    });

    it('cancels the poll of a leg whose strategy lets go', async () => {
      await degrade();
      gateway.taken();
      register(strategy('a', { priority: 1, conIds: [STREAMED] }));
      vi.advanceTimersByTime(4_000);
      expect(gateway.taken()).toEqual(['cancel 11']);
      expect(ledger.inUse).toBe(1);
    });

    it('gives up waiting for what does not come after 4 s, and takes what came', async () => {
      await degrade();
      gateway.taken();
      price(FIRST, 'bid', undefined);
      price(FIRST, 'ask', 0.05);
      vi.advanceTimersByTime(3_999);
      expect(gateway.taken()).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(gateway.taken()).toEqual(['cancel 11']);
      expect(snapshots.quoteOf(FIRST)).toMatchObject({ quality: 'no-bid', mark: { bid: 0, ask: 0.05 } });
    });

    it('asks for each again 15 s after it was asked for last', async () => {
      await degrade();
      answer(FIRST);
      vi.advanceTimersByTime(550);
      answer(SECOND);
      vi.advanceTimersByTime(14_449);
      expect(gateway.taken()).toEqual(['stream 1', 'stream 11', 'cancel 11', 'stream 12', 'cancel 12']);
      vi.advanceTimersByTime(1);
      expect(gateway.taken()).toEqual(['stream 11']);
      answer(FIRST);
      vi.advanceTimersByTime(549);
      expect(gateway.taken()).toEqual(['cancel 11']);
      vi.advanceTimersByTime(1);
      expect(gateway.taken()).toEqual(['stream 12']);
    });

    it('gives a line back as soon as it may when a stream needs it, and keeps the turn', async () => {
      await degrade();
      gateway.taken();
      register(
        strategy('a', { priority: 1, conIds: [STREAMED, 2] }),
        strategy('b', { priority: 2, conIds: [FIRST, SECOND] }),
      );
      expect(gateway.taken()).toEqual([]);
      vi.advanceTimersByTime(300);
      expect(gateway.taken()).toEqual(['cancel 11']);
      vi.advanceTimersByTime(250);
      expect(gateway.taken()).toEqual(['stream 2']);
      expect(gateway.peak).toBe(2);
      activate(STREAMED);
      register(
        strategy('a', { priority: 1, conIds: [STREAMED] }),
        strategy('b', { priority: 2, conIds: [FIRST, SECOND] }),
      );
      vi.advanceTimersByTime(600);
      expect(gateway.taken()).toEqual(['cancel 2', 'stream 11']);
    });

    it('calls no quote live that ends after the link went', async () => {
      await degrade();
      vi.advanceTimersByTime(400);
      price(FIRST, 'bid', 1.9);
      gateway.emit({ type: 'linkDown', code: 1100 });
      vi.advanceTimersByTime(4_000);
      expect(snapshots.quoteOf(FIRST)).toMatchObject({ quality: 'stale', mark: { bid: 1.9 } });
    });

    it('drops what is known of a leg when its strategy lets go, and polls it no more', async () => {
      await degrade();
      vi.advanceTimersByTime(300);
      answer(FIRST);
      gateway.taken();
      register(strategy('a', { priority: 1, conIds: [STREAMED] }));
      expect(snapshots.quoteOf(FIRST)).toBeUndefined();
      vi.advanceTimersByTime(60_000);
      expect(gateway.taken()).toEqual([]);
      expect(snapshots.status().lane).toContainEqual(
        expect.objectContaining({ class: 'degraded', source: 'short-stream', contracts: 0, quoted: 0 }),
      );
    });

    it('is for what no other strategy brings, in the order of service', async () => {
      await start(2, []);
      register(
        strategy('late', { priority: 3, conIds: [31, STREAMED, 32] }),
        strategy('first', { priority: 1, conIds: [STREAMED] }),
        strategy('next', { priority: 2, conIds: [22, 21] }),
        strategy('off', { priority: 1, conIds: [41], status: 'INACTIVE' }),
        strategy('not ours', { priority: 1, conIds: [51], account: 'DU7654321' }),
      );
      expect([...streams.degraded]).toEqual([22, 21, 31, 32]);
    });

    it('steps aside when the strategy gets its lines after all: the stream supersedes the poll', async () => {
      await degrade();
      vi.advanceTimersByTime(300);
      answer(FIRST);
      register(strategy('b', { priority: 2, conIds: [FIRST, SECOND] }));
      vi.advanceTimersByTime(600);
      gateway.tick(FIRST, 3);
      expect(snapshots.quoteOf(FIRST)).toMatchObject({ quality: 'live', mark: { last: 3 } });
      gateway.taken();
      vi.advanceTimersByTime(60_000);
      expect(gateway.taken()).toEqual([]);
      expect(gateway.inUse).toBe(2);
    });

    it('lowers the cap when the gateway refuses a short stream for want of a line', async () => {
      await degrade();
      for (const reqId of gateway.reqIds(FIRST)) {
        gateway.emit({ type: 'requestNotice', reqId, code: 101, message: 'max tickers', meaning: 'no-line' });
      }
      expect(ledger.cap).toBe(1);
      expect(snapshots.quoteOf(FIRST)?.quality).toBe('no-line');
    });

    it("goes by a contract's kind: a share has no greeks to wait for", async () => {
      const share = (conId: number) => {
        const option = details(conId);
        return { ...option, contract: { ...option.contract, secType: 'STK' } };
      };
      await start(2, [], { contracts: { ...contracts, peek: share } });
      register(
        strategy('a', { priority: 1, conIds: [STREAMED] }),
        strategy('b', { priority: 2, conIds: [FIRST, SECOND] }),
      );
      gateway.taken();
      vi.advanceTimersByTime(300);
      price(FIRST, 'bid', 1.9);
      price(FIRST, 'ask', 2.1);
      expect(gateway.taken()).toEqual(['cancel 11']);
    });
  });

  describe('with marks by snapshot', () => {
    const OPEN = '20261120:0930-20261120:1600;20261121:CLOSED';
    let held: number[];

    const marked = (): Partial<SnapshotLaneOptions> => ({
      marks: 'snapshot',
      held: () => held,
      periodsMs: { mark: 900_000 },
    });
    const lane = () => snapshots.status().lane.find((row) => row.class === 'mark');

    it('asks for 200 positions on three lines, one after the other', async () => {
      held = Array.from({ length: 200 }, (_, index) => 1_000 + index);
      await start(100, [], marked());
      snapshots.update();
      for (let round = 0; round < 70; round += 1) {
        expect(gateway.inUse).toBeLessThanOrEqual(3);
        vi.advanceTimersByTime(11_000);
        for (const conId of gateway.conIds) {
          gateway.tick(conId);
          gateway.endSnapshot(conId);
        }
      }
      expect(lane()).toMatchObject({ contracts: 200, quoted: 200, source: 'snapshot', periodMs: 900_000 });
      expect(gateway.peak).toBe(3);
      expect(snapshots.quoteOf(1_100)).toMatchObject({ quality: 'live', mark: { last: 2 } });
    });

    it('leaves out what streams, what is degraded and what is polled anyway; a leg keeps its last mark', async () => {
      held = [1, 2, 3, 101];
      await start(3, INSTRUMENTS.slice(0, 1), marked());
      snapshots.update();
      expect(lane()?.contracts).toBe(3);
      for (const conId of [101, 1]) {
        gateway.tick(conId);
        gateway.endSnapshot(conId);
      }
      register(
        strategy('a', { priority: 1, conIds: [2, 3, 4] }),
        strategy('b', { priority: 2, conIds: [1] }),
      );
      expect(lane()?.contracts).toBe(0);
      expect(snapshots.quoteOf(1)).toMatchObject({ quality: 'live', mark: { last: 2 } });
      held = [];
      register();
      expect(lane()?.contracts).toBe(0);
      expect(snapshots.quoteOf(1)).toBeUndefined();
    });

    it('polls a contract whose hours say closed once more after the close, for frozen data, and again when it opens', async () => {
      held = [1];
      const clock = (day: number, hour: number) => Date.UTC(2026, 10, day, hour);
      vi.setSystemTime(clock(20, 15));
      const withHours = (conId: number) => ({
        ...details(conId),
        tradingHours: `${OPEN};20261122:CLOSED;20261123:0930-20261123:1600`,
        timeZoneId: 'US/Eastern',
      });
      await start(10, [], { ...marked(), contracts: { ...contracts, peek: withHours } });
      snapshots.update();
      const asked = () => gateway.taken().filter((request) => request.startsWith('snapshot 1'));
      const poll = () => {
        const requests = asked();
        gateway.tick(1);
        gateway.endSnapshot(1);
        return requests;
      };
      expect(poll()).toEqual(['snapshot 1']);
      vi.advanceTimersByTime(900_000);
      expect(poll()).toEqual(['snapshot 1']);
      vi.setSystemTime(clock(20, 22));
      vi.advanceTimersByTime(900_000);
      // Frozen data: bid and ask are gone after the close.
      expect(poll()).toEqual(['snapshot 1 as 2']);
      for (let round = 0; round < 10; round += 1) vi.advanceTimersByTime(900_000);
      expect(asked()).toEqual([]);
      expect(snapshots.quoteOf(1)?.quality).toBe('live');
      vi.setSystemTime(clock(23, 15));
      vi.advanceTimersByTime(900_000);
      expect(asked()).toEqual(['snapshot 1']);
    });
  });

  it('marks by a source of its own what it does not poll, and polls nothing for it', async () => {
    const row = {
      class: 'mark' as const,
      source: 'portfolio' as const,
      contracts: 1,
      quoted: 1,
      periodMs: 900_000,
      reachedPeriodMs: 900_000,
    };
    const mark = { price: 2.5, at: '2026-11-20T15:00:00.000Z' };
    await start(10, [], {
      marks: { quoteOf: () => ({ quality: 'delayed', mark }), status: () => row },
      held: () => [1, 2],
    });
    snapshots.update();
    vi.advanceTimersByTime(60_000);
    expect(gateway.taken()).toEqual([]);
    expect(snapshots.quoteOf(1)).toEqual({ quality: 'delayed', mark });
    expect(snapshots.status().lane.at(-1)).toEqual(row);
    activate(1);
    gateway.tick(1, 3);
    expect(snapshots.quoteOf(1)).toMatchObject({ quality: 'live', mark: { last: 3 } });
  });

  it('prefers a mark of now to a poll that is overdue, and a poll of now to both', async () => {
    const mark = { price: 2.5, at: '2026-11-20T15:00:00.000Z' };
    const status = () => ({
      class: 'mark' as const,
      source: 'portfolio' as const,
      contracts: 1,
      quoted: 1,
      periodMs: 900_000,
      reachedPeriodMs: 900_000,
    });
    await start(2, INSTRUMENTS.slice(0, 1), {
      marks: { quoteOf: () => ({ quality: 'delayed', mark }), status },
    });
    gateway.tick(101, 17.5);
    gateway.endSnapshot(101);
    expect(snapshots.quoteOf(101)).toMatchObject({ quality: 'live', mark: { last: 17.5 } });
    activate(1, 2);
    vi.advanceTimersByTime(130_000);
    expect(snapshots.quoteOf(101)).toEqual({ quality: 'delayed', mark });
  });
});
