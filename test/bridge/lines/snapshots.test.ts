import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { InstrumentName } from '../../../bridge/lines/contract-resolver.ts';
import { LineLedger } from '../../../bridge/lines/ledger.ts';
import { Snapshots } from '../../../bridge/lines/snapshots.ts';
import { Streams } from '../../../bridge/lines/streams.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import { details, ScriptedGateway, SILENT } from '../scripted-gateway.ts';
import { strategy } from './strategies.ts';

const CON_IDS: Readonly<Record<string, number>> = { VIX: 101, SPY: 102, QQQ: 103, IWM: 104 };
const INSTRUMENTS: InstrumentName[] = Object.keys(CON_IDS).map((symbol) => ({
  symbol,
  secType: symbol === 'VIX' ? 'IND' : 'STK',
  exchange: symbol === 'VIX' ? 'CBOE' : 'SMART',
  currency: 'USD',
}));

const contracts = {
  peek: (conId: number) => details(conId),
  resolve: async (conId: number) => details(conId),
  resolveSymbol: async ({ symbol, currency }: InstrumentName) => ({
    ...details(CON_IDS[symbol] ?? 0, symbol),
    priceMagnifier: currency === 'GBP' ? 100 : 1,
  }),
};

describe('the polled lane', () => {
  let gateway: ScriptedGateway;
  let ledger: LineLedger;
  let streams: Streams;
  let snapshots: Snapshots;
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

  async function start(cap: number, instruments = INSTRUMENTS): Promise<void> {
    gateway = new ScriptedGateway();
    ledger = new LineLedger({ cap, graceMs: 250 });
    quoted = [];
    const common = { gateway, ledger, log: SILENT, contracts };
    streams = new Streams({ ...common, onQuote: () => {} });
    snapshots = new Snapshots({
      ...common,
      streams,
      instruments,
      onQuote: (conId) => quoted.push(conId),
      periodMs: 60_000,
      deadlineMs: 15_000,
    });
    streams.start();
    snapshots.start();
    gateway.ready();
    await vi.advanceTimersByTimeAsync(0);
    expect(gateway.taken().shift()).toBe('type 1');
  }

  function activate(...conIds: number[]): void {
    const replica = conIds.length > 0 ? applyImage(EMPTY_REPLICA, strategy('a', { conIds })) : EMPTY_REPLICA;
    streams.update(replica, { ours: new Set(['DU1234567']), elsewhere: new Map() });
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
    await start(10, [{ symbol: 'SPY', secType: 'STK', exchange: 'SMART', currency: 'GBP' }]);
    gateway.tick(102, 1234.5);
    gateway.endSnapshot(102);
    expect(pollOf('SPY')?.mark).toMatchObject({ last: 12.345, price: 12.345 });
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
});
