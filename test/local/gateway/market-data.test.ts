import { EventName, SecType } from '@stoqey/ib';
import { afterEach, describe, expect, it } from 'vitest';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import type { GatewayOptions } from '../../../local/gateway/options.ts';
import { eventually } from '../../support/eventually.ts';
import { type ApiClient, connectClient } from './support/api-client.ts';
import { RawClient } from './support/raw-client.ts';
import { legOf, positionIn, smallPortfolio, TODAY } from './support/small-portfolio.ts';

const portfolio = smallPortfolio();
const SHORT_PUT = legOf(portfolio, 0, 1);
/** Long put of the QQQ condor: far below the money. */
const WING = legOf(portfolio, 1, 0);
const VIX = { symbol: 'VIX', secType: SecType.IND, exchange: 'CBOE', currency: 'USD' };
const SPY = { conId: 756733, exchange: 'SMART' };

let gateway: SimulatedGateway;

async function start(options: Partial<GatewayOptions> = {}): Promise<SimulatedGateway> {
  gateway = await startGateway({ portfolio, today: TODAY, tickPeriodMs: 10, snapshotMs: 30, ...options });
  return gateway;
}

afterEach(() => gateway.stop());

function optionAt(conId: number) {
  return { conId, exchange: 'SMART' };
}

/** Prices by tick type, the newest. */
function pricesOf(client: ApiClient, reqId: number): Record<number, number> {
  const prices = client.all(EventName.tickPrice).filter(([id]) => id === reqId);
  return Object.fromEntries(prices.map(([, type, price]) => [type, price]));
}

function countOf(client: ApiClient, name: EventName, reqId: number): number {
  return client.all(name).filter(([id]) => id === reqId).length;
}

describe('a streamed option', () => {
  it('begins with its parameters and type, then prices, sizes and the four computations', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(1, optionAt(SHORT_PUT), '', false, false);
    await client.waitFor(EventName.tickOptionComputation, (id, type) => id === 1 && type === 13);
    const names = client.events.slice(
      client.events.findIndex(({ name }) => name === EventName.tickReqParams),
    );
    expect(names.slice(0, 2).map(({ name }) => name)).toEqual([
      EventName.tickReqParams,
      EventName.marketDataType,
    ]);
    expect(client.all(EventName.marketDataType)).toContainEqual([1, 1]);
    const prices = pricesOf(client, 1);
    expect(prices[1]).toBeGreaterThan(0);
    expect(prices[2]).toBeGreaterThan(prices[1] ?? Number.NaN);
    expect(prices[4]).toBeGreaterThan(0);
    const types = client.all(EventName.tickOptionComputation).map(([, type]) => type);
    expect(types.slice(0, 4)).toEqual([10, 11, 12, 13]);
    const [, , , iv, delta, price, , gamma, vega, theta, underlying] =
      client.all(EventName.tickOptionComputation).find(([, type]) => type === 13) ?? [];
    expect(iv).toBeGreaterThan(0.05);
    expect(delta).toBeLessThan(0);
    expect(price).toBeGreaterThan(0);
    expect(gamma).toBeGreaterThan(0);
    expect(vega).toBeGreaterThan(0);
    expect(theta).toBeLessThan(0);
    expect(underlying).toBeCloseTo(660, -1);
  });

  it('keeps ticking until it is cancelled, and not after', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(1, optionAt(SHORT_PUT), '', false, false);
    await eventually(() => countOf(client, EventName.tickOptionComputation, 1) > 40);
    client.api.cancelMktData(1);
    await eventually(() => gateway.requests.at(-1)?.name === 'cancelMktData');
    client.api.reqCurrentTime();
    await client.waitFor(EventName.currentTime);
    const ticks = gateway.stats().ticks;
    client.api.reqMktData(2, VIX, '', true, false);
    await client.waitFor(EventName.tickSnapshotEnd);
    // Three periods and more have passed: only the snapshot's own messages were sent.
    expect(gateway.stats().ticks - ticks).toBeLessThan(20);
    expect(gateway.requests.find(({ name }) => name === 'cancelMktData')?.conId).toBe(SHORT_PUT);
    expect(gateway.stats().lines).toMatchObject({ streaming: 0, peak: 1 });
  });

  it('takes turns with other contracts where that is asked for: each ticks once when the market moves', async () => {
    const { port } = await start({ tickPeriodMs: 20, tickTurns: 4 });
    using client = await connectClient(port);
    const conIds = [...portfolio.condors.flatMap(({ legs }) => legs.map(({ conId }) => conId))];
    expect(new Set(conIds.map((conId) => conId % 4)).size).toBeGreaterThan(1);
    for (const [index, conId] of conIds.entries())
      client.api.reqMktData(index, optionAt(conId), '', false, false);
    const volumesOf = (reqId: number) =>
      client
        .all(EventName.tickSize)
        .flatMap(([id, type, size]) => (id === reqId && type === 8 ? Number(size) : []));
    for (const index of conIds.keys()) {
      const volumes = await eventually(() => volumesOf(index).length > 5 && volumesOf(index));
      // The volume counts the market's steps, seven each.
      expect(new Set(volumes.slice(1).map((volume, nth) => volume - (volumes[nth] ?? 0)))).toEqual(
        new Set([7]),
      );
    }
  });

  it('is refused where a turn would be shorter than a timer can be', async () => {
    await start();
    await expect(startGateway({ portfolio, tickPeriodMs: 20, tickTurns: 5 })).rejects.toThrow('tickTurns');
  });

  it('shows a wing without a bid as -1 with size 0 beside a live ask, and its bid computation as unset', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(1, optionAt(WING), '', false, false);
    await client.waitFor(EventName.tickOptionComputation, (id, type) => id === 1 && type === 13);
    expect(pricesOf(client, 1)).toMatchObject({ 1: -1, 2: 0.02 });
    expect(client.all(EventName.tickSize)).toContainEqual([1, 0, 0]);
    expect(
      client
        .all(EventName.tickOptionComputation)
        .find(([, type]) => type === 10)
        ?.slice(3),
    ).toEqual(Array.from({ length: 8 }, () => undefined));
  });
});

describe('other instruments', () => {
  it('stream: a stock, a future and a future option on their own exchanges', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    const kinds = ['FUT', 'FOP'] as const;
    client.api.reqMktData(1, SPY, '', false, false);
    for (const [index, kind] of kinds.entries()) {
      const { conId } = positionIn(portfolio, kind);
      const exchange =
        portfolio.instruments.find(({ contract }) => contract.conId === conId)?.contract.exchange ?? '';
      client.api.reqMktData(2 + index, { conId, exchange }, '', false, false);
    }
    await eventually(() => [1, 2, 3].every((reqId) => countOf(client, EventName.tickPrice, reqId) > 20));
    expect(countOf(client, EventName.tickOptionComputation, 1)).toBe(0);
    expect(countOf(client, EventName.tickOptionComputation, 3)).toBeGreaterThan(0);
  });

  it('give an index a last price and no bid', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(1, VIX, '', true, false);
    await client.waitFor(EventName.tickSnapshotEnd);
    expect(pricesOf(client, 1)).toMatchObject({ 1: -1, 2: -1, 9: 17 });
    expect(pricesOf(client, 1)[4]).toBeCloseTo(17, 0);
  });
});

describe('a snapshot', () => {
  it('brings its fields once and ends after its delay, when its line is free again', async () => {
    const { port } = await start({ snapshotMs: 60 });
    using client = await connectClient(port);
    const begin = performance.now();
    client.api.reqMktData(1, optionAt(SHORT_PUT), '', true, false);
    await client.waitFor(EventName.tickOptionComputation, (id, type) => id === 1 && type === 13);
    expect(gateway.stats().lines).toMatchObject({ streaming: 0, snapshotsInFlight: 1, peak: 0 });
    await client.waitFor(EventName.tickSnapshotEnd, (id) => id === 1);
    expect(performance.now() - begin).toBeGreaterThan(59);
    expect(countOf(client, EventName.tickOptionComputation, 1)).toBe(4);
    expect(gateway.stats().lines).toMatchObject({ snapshotsInFlight: 0, peak: 0, peakWithSnapshots: 1 });
  });

  it('can be cancelled while it runs, and answers 300 after its end', async () => {
    const { port } = await start({ snapshotMs: 40 });
    using client = await connectClient(port);
    client.api.reqMktData(1, VIX, '', true, false);
    client.api.cancelMktData(1);
    await eventually(() => gateway.requests.at(-1)?.name === 'cancelMktData');
    expect(gateway.stats().lines.snapshotsInFlight).toBe(0);
    client.api.reqMktData(2, VIX, '', true, false);
    await client.waitFor(EventName.tickSnapshotEnd, (id) => id === 2);
    client.api.cancelMktData(2);
    expect(await client.refusal(2, 300)).toBe("Can't find EId with tickerId:2");
    expect(client.all(EventName.tickSnapshotEnd)).toEqual([[2]]);
  });

  it('may lack fields, and still ends', async () => {
    const { port } = await start({ snapshotGaps: 1 });
    using client = await connectClient(port);
    client.api.reqMktData(1, optionAt(SHORT_PUT), '', true, false);
    await client.waitFor(EventName.tickSnapshotEnd, (id) => id === 1);
    expect(countOf(client, EventName.tickPrice, 1)).toBe(0);
  });

  it('is refused with generic ticks', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(1, optionAt(SHORT_PUT), '106', true, false);
    await client.refusal(1, 414);
    client.api.reqMktData(1, optionAt(SHORT_PUT), '106', false, false);
    await client.waitFor(EventName.tickPrice, (id) => id === 1);
  });
});

describe('what a market data request can get wrong', () => {
  it.each([
    { what: 'a blank exchange', contract: { conId: SHORT_PUT }, code: 321 },
    { what: 'a wrong exchange', contract: { conId: SHORT_PUT, exchange: 'CME' }, code: 200 },
    { what: 'SMART for a future', contract: { ...optionAt(positionIn(portfolio, 'FUT').conId) }, code: 200 },
    { what: 'an unknown conId', contract: optionAt(42), code: 200 },
    {
      what: 'a symbol that means several',
      contract: { symbol: 'ES', secType: SecType.FUT, exchange: 'CME' },
      code: 200,
    },
  ])('$what is answered with $code on its id, and takes no line', async ({ contract, code }) => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(5, contract, '', false, false);
    await client.refusal(5, code);
    expect(gateway.stats().lines).toMatchObject({ streaming: 0, peak: 0, refused: 0 });
    expect(gateway.requests.at(-1)).toMatchObject({ name: 'reqMktData', reqId: 5, refusedWith: code });
  });

  it('an id in use is 102, and its first request goes on', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(1, optionAt(SHORT_PUT), '', false, false);
    client.api.reqMktData(1, SPY, '', false, false);
    await client.refusal(1, 102);
    const seen = countOf(client, EventName.tickOptionComputation, 1);
    await eventually(() => countOf(client, EventName.tickOptionComputation, 1) > seen);
    expect(gateway.stats().lines.byConId).toEqual(new Map([[SHORT_PUT, 1]]));
  });

  it('an unknown cancel is 300', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.cancelMktData(77);
    await client.refusal(77, 300);
  });
});

describe('the type of market data', () => {
  it('is delayed where that is asked for and all there is: 10167, type 3, tick types from 66', async () => {
    const { port } = await start({ feed: 'delayed' });
    using client = await connectClient(port);
    client.api.reqMktData(1, optionAt(SHORT_PUT), '', false, false);
    await client.refusal(1, 354);
    client.api.reqMarketDataType(3);
    client.api.reqMktData(2, optionAt(SHORT_PUT), '', false, false);
    await client.refusal(2, 10167);
    await client.waitFor(EventName.tickOptionComputation, (id, type) => id === 2 && type === 83);
    expect(client.all(EventName.marketDataType)).toEqual([[2, 3]]);
    expect(Object.keys(pricesOf(client, 2)).map(Number)).toEqual([66, 67, 68, 75]);
    expect(gateway.stats().lines).toMatchObject({ streaming: 1, refused: 0 });
  });

  it('is forgotten on reconnect', async () => {
    const { port } = await start({ feed: 'delayed' });
    {
      using client = await connectClient(port, 4);
      client.api.reqMarketDataType(3);
      client.api.reqMktData(1, SPY, '', false, false);
      await client.waitFor(EventName.marketDataType);
    }
    await eventually(() => gateway.stats().clients.length === 0);
    using again = await connectClient(port, 4);
    again.api.reqMktData(1, SPY, '', false, false);
    await again.refusal(1, 354);
  });

  it('is frozen after the close where that is asked for: the last quote, and nothing moves', async () => {
    const { port } = await start({ feed: 'frozen' });
    using client = await connectClient(port);
    client.api.reqMktData(1, SPY, '', false, false);
    await client.waitFor(EventName.marketDataType, (id, type) => id === 1 && type === 1);
    client.api.reqMarketDataType(2);
    client.api.reqMktData(2, SPY, '', false, false);
    await client.waitFor(EventName.marketDataType, (id, type) => id === 2 && type === 2);
    await client.waitFor(EventName.tickPrice, (id, type) => id === 2 && type === 9);
    expect(pricesOf(client, 1)).toMatchObject({ 1: -1, 2: -1 });
    expect(pricesOf(client, 2)[1]).toBeGreaterThan(0);
    const { ticks } = gateway.stats();
    client.api.reqMktData(3, VIX, '', true, false);
    await client.waitFor(EventName.tickSnapshotEnd, (id) => id === 3);
    expect(gateway.stats().ticks - ticks).toBeLessThan(20);
  });

  it('cannot be something else than 1 to 4', async () => {
    const { port } = await start();
    using client = new RawClient(port);
    client.hello('v100..193');
    client.send(71, 2, 1, '');
    client.send(59, 1, 9);
    await client.frame('4', '2', '-1', '321');
  });
});
