import { EventName } from '@stoqey/ib';
import { describe, expect, it } from 'vitest';
import { type SimulatedGateway, startGateway } from '../../local/gateway/gateway.ts';
import { type ApiClient, connectClient } from '../local/gateway/support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { Edge, LEGS, portfolio, SEED } from './support/edge.ts';

const [option = 0] = portfolio.condors.flatMap(({ legs }) => legs.map(({ conId }) => conId));
const SPY = 756733;
const [OPTION_LINE, STOCK_LINE, LATE_LINE] = [1, 2, 3];
const [BID, ASK] = [1, 2];

function request(client: ApiClient, reqId: number, conId: number): void {
  client.api.reqMktData(reqId, { conId, exchange: 'SMART' }, '', false, false);
}

function pricesOf(client: ApiClient, reqId: number, type: number): unknown[] {
  return client
    .all(EventName.tickPrice)
    .flatMap(([id, of, price]) => (id === reqId && of === type ? price : []));
}

function typesOf(client: ApiClient, reqId: number): unknown[] {
  return client.all(EventName.marketDataType).flatMap(([id, type]) => (id === reqId ? type : []));
}

/** Everything that was said on a line, of any kind. */
function countOf(client: ApiClient, reqId: number): number {
  return client.events.filter(({ args }) => args[0] === reqId).length;
}

/** Other lines have ticked on: what this one had to say, it has said. */
async function ticksOn(client: ApiClient, reqId: number): Promise<void> {
  const before = countOf(client, reqId);
  await eventually(() => countOf(client, reqId) >= before + 10, { what: `line ${reqId} ticks on` });
}

async function startMarket(): Promise<SimulatedGateway> {
  return startGateway({ portfolio, tickPeriodMs: 20, messagesPerSecondMax: 1000 });
}

describe.concurrent(`a market after its close (seed ${SEED})`, () => {
  it('takes bid and ask from a line that was asked for live, and ticks no more until it opens', async () => {
    await using gateway = await startMarket();
    using client = await connectClient(gateway.port);
    request(client, OPTION_LINE, option);
    request(client, STOCK_LINE, SPY);
    await eventually(() => countOf(client, OPTION_LINE) > 10 && countOf(client, STOCK_LINE) > 10);
    const closed = gateway.inject({ kind: 'market-closed', secTypes: ['OPT'] });
    await eventually(() => pricesOf(client, OPTION_LINE, ASK).at(-1) === -1, { what: 'no ask' });
    expect(pricesOf(client, OPTION_LINE, BID).at(-1)).toBe(-1);
    expect(typesOf(client, OPTION_LINE)).toEqual([1]);
    const said = countOf(client, OPTION_LINE);
    await ticksOn(client, STOCK_LINE);
    expect(countOf(client, OPTION_LINE)).toBe(said);
    expect(closed.isExercised).toBe(true);

    request(client, LATE_LINE, option);
    await eventually(() => pricesOf(client, LATE_LINE, ASK).length === 1);
    expect(pricesOf(client, LATE_LINE, ASK)).toEqual([-1]);
    expect(typesOf(client, LATE_LINE)).toEqual([1]);
    closed.end();
    await eventually(() => Number(pricesOf(client, OPTION_LINE, ASK).at(-1)) > 0, { what: 'an ask again' });
    expect(gateway.stats().lines.streaming).toBe(3);
  });

  it('brings frozen data to a line that was asked for under type 2, and says so', async () => {
    await using gateway = await startMarket();
    using client = await connectClient(gateway.port);
    const closed = gateway.inject({ kind: 'market-closed', secTypes: ['OPT'] });
    client.api.reqMarketDataType(2);
    request(client, OPTION_LINE, option);
    request(client, STOCK_LINE, SPY);
    await eventually(() => countOf(client, OPTION_LINE) > 10);
    expect(typesOf(client, OPTION_LINE)).toEqual([2]);
    expect(typesOf(client, STOCK_LINE)).toEqual([1]);
    expect(Number(pricesOf(client, OPTION_LINE, ASK).at(-1))).toBeGreaterThan(0);
    const said = countOf(client, OPTION_LINE);
    await ticksOn(client, STOCK_LINE);
    expect(countOf(client, OPTION_LINE)).toBe(said);

    request(client, LATE_LINE, option);
    await eventually(() => countOf(client, LATE_LINE) > 10);
    expect(pricesOf(client, LATE_LINE, ASK)).toEqual(pricesOf(client, OPTION_LINE, ASK));
    closed.end();
    await eventually(() => typesOf(client, OPTION_LINE).at(-1) === 1, { what: 'live again' });
    await ticksOn(client, OPTION_LINE);
  });

  it('freezes a line at the close that was asked for under type 2 before it', async () => {
    await using gateway = await startMarket();
    using client = await connectClient(gateway.port);
    client.api.reqMarketDataType(2);
    request(client, OPTION_LINE, option);
    request(client, STOCK_LINE, SPY);
    await eventually(() => countOf(client, OPTION_LINE) > 10);
    expect(typesOf(client, OPTION_LINE)).toEqual([1]);
    gateway.inject({ kind: 'market-closed', secTypes: ['OPT'] });
    await eventually(() => typesOf(client, OPTION_LINE).at(-1) === 2, { what: 'frozen' });
    const said = countOf(client, OPTION_LINE);
    await ticksOn(client, STOCK_LINE);
    expect(countOf(client, OPTION_LINE)).toBe(said);
    expect(pricesOf(client, OPTION_LINE, ASK)).not.toContain(-1);
  });

  it('is closed for everything unless it says for what', async () => {
    await using gateway = await startMarket();
    using client = await connectClient(gateway.port);
    request(client, OPTION_LINE, option);
    request(client, STOCK_LINE, SPY);
    await eventually(() => countOf(client, OPTION_LINE) > 10 && countOf(client, STOCK_LINE) > 10);
    gateway.inject({ kind: 'market-closed' });
    for (const line of [OPTION_LINE, STOCK_LINE]) {
      await eventually(() => pricesOf(client, line, ASK).at(-1) === -1, { what: `no ask on line ${line}` });
    }
  });
});

describe.concurrent(`market data requests that are never answered (seed ${SEED})`, () => {
  it('take their lines and say nothing, while the others tick', async () => {
    await using edge = await Edge.start({ gateway: {} });
    const fault = edge.gateway.inject({ kind: 'unanswered', conIds: [option] });
    await edge.exercised('unanswered');
    await edge.bridge.nth('price', 100);
    await eventually(() => edge.streams.status().streaming === LEGS - 1);
    expect(edge.gateway.stats().lines.byConId.get(option)).toBe(1);
    const { reqId = 0 } =
      edge.gateway.requests.find(({ name, conId }) => name === 'reqMktData' && conId === option) ?? {};
    expect(edge.bridge.events.filter((event) => 'reqId' in event && event.reqId === reqId)).toEqual([]);
    expect(fault.isExercised).toBe(true);
  });
});
