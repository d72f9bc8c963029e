import { EventName, OrderAction, OrderType, SecType } from '@stoqey/ib';
import { afterEach, describe, expect, it } from 'vitest';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import type { GatewayOptions } from '../../../local/gateway/options.ts';
import { eventually } from '../../support/eventually.ts';
import { connectClient } from './support/api-client.ts';
import { RawClient } from './support/raw-client.ts';
import { smallPortfolio, TODAY } from './support/small-portfolio.ts';

const portfolio = smallPortfolio();
const OPTIONS = portfolio.instruments
  .filter(({ contract }) => contract.secType === 'OPT')
  .map(({ contract }) => ({ conId: contract.conId, exchange: 'SMART' }));
let gateway: SimulatedGateway;

async function start(options: Partial<GatewayOptions> = {}): Promise<SimulatedGateway> {
  gateway = await startGateway({ portfolio, today: TODAY, ...options });
  return gateway;
}

afterEach(() => gateway.stop());

async function rawSession(port: number, clientId = 1): Promise<RawClient> {
  const client = new RawClient(port);
  client.hello('v100..193');
  client.send(71, 2, clientId, '');
  await client.frame('9');
  return client;
}

describe('the allowance of lines', () => {
  it('is shared by all clients: 101 on the request above it, whoever makes it, and the session stays', async () => {
    const { port } = await start({ linesCap: 3, messagesPerSecondMax: 50 });
    using one = await connectClient(port, 1);
    using two = await connectClient(port, 2);
    for (const [index, contract] of OPTIONS.slice(0, 3).entries()) {
      const client = index < 2 ? one : two;
      client.api.reqMktData(index, contract, '', false, false);
      await client.waitFor(EventName.tickPrice, (id) => id === index);
    }
    two.api.reqMktData(10, OPTIONS[3] ?? {}, '', false, false);
    expect(await two.refusal(10, 101)).toBe('Max number of tickers has been reached');
    one.api.reqMktData(11, OPTIONS[4] ?? {}, '', true, false);
    await one.refusal(11, 101);
    const { lines } = gateway.stats();
    expect(lines).toMatchObject({ cap: 3, streaming: 3, peak: 3, peakWithSnapshots: 3, refused: 2 });
    expect(lines.byClient).toEqual(
      new Map([
        [1, 2],
        [2, 1],
      ]),
    );

    one.api.cancelMktData(0);
    await eventually(() => gateway.stats().lines.streaming === 2);
    two.api.reqMktData(10, OPTIONS[3] ?? {}, '', false, false);
    await two.waitFor(EventName.tickPrice, (id) => id === 10);
  });

  it('counts a contract that two clients stream twice, and frees what a lost client held', async () => {
    const { port } = await start();
    const [contract = { conId: 0, exchange: '' }] = OPTIONS;
    using stays = await connectClient(port, 1);
    {
      using leaves = await connectClient(port, 2);
      for (const client of [stays, leaves]) {
        client.api.reqMktData(1, contract, '', false, false);
        await client.waitFor(EventName.tickPrice, (id) => id === 1);
      }
      leaves.api.reqMktData(2, contract, '', true, false);
      await leaves.waitFor(EventName.tickPrice, (id) => id === 2);
      expect(gateway.stats().lines.byConId).toEqual(new Map([[contract.conId, 3]]));
    }
    await eventually(() => gateway.stats().lines.byConId.get(contract.conId) === 1);
    expect(gateway.stats().lines).toMatchObject({
      streaming: 1,
      snapshotsInFlight: 0,
      peak: 2,
      peakWithSnapshots: 3,
    });
  });

  it('streams 100 lines at once and moves them all', async () => {
    const { port } = await start({ tickPeriodMs: 50, messagesPerSecondMax: 500 });
    using client = await rawSession(port);
    for (let reqId = 0; reqId < 100; reqId += 1) {
      const contract = OPTIONS[reqId % OPTIONS.length];
      client.send(
        1,
        11,
        reqId,
        contract?.conId ?? 0,
        '',
        '',
        '',
        '',
        '',
        '',
        'SMART',
        '',
        '',
        '',
        '',
        0,
        '',
        0,
        0,
        '',
      );
    }
    await eventually(() => gateway.stats().lines.streaming === 100);
    const { ticks } = gateway.stats();
    await eventually(() => gateway.stats().ticks > ticks + 2000);
    expect(gateway.stats().ticksDropped).toBe(0);
  });
});

describe('the rate of messages', () => {
  it('above its limit is reported with 100 once a second; what pace serves, it serves', async () => {
    const { port } = await start();
    using client = await rawSession(port);
    for (let count = 0; count < 120; count += 1) client.send(49, 1);
    await eventually(() => client.frames.filter(([id]) => id === '49').length === 120);
    const reports = client.frames.filter((fields) => fields[3] === '100');
    expect(reports).toEqual([
      ['4', '2', '-1', '100', 'Max rate of messages per second has been exceeded:max=50 rec=51 (1)', ''],
    ]);
    expect(gateway.stats().paceViolations).toBe(1);
  });

  it('above its limit is dropped where it rejects, and the third violation ends the session', async () => {
    const { port } = await start({ messagesPerSecondMax: 5, pacing: 'reject' });
    using client = await rawSession(port);
    for (let violation = 1; violation <= 3; violation += 1) {
      const burst = setInterval(() => client.send(49, 1), 2);
      await client
        .frame(
          '4',
          '2',
          '-1',
          '100',
          `Max rate of messages per second has been exceeded:max=5 rec=6 (${violation})`,
          '',
        )
        .finally(() => clearInterval(burst));
    }
    await client.closed();
    expect(gateway.requests.filter(({ refusedWith }) => refusedWith === 100).length).toBeGreaterThanOrEqual(
      3,
    );
    await eventually(() => gateway.stats().clients.length === 0);
  });

  it('is never above the limit for the real client at its default', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    for (let count = 0; count < 60; count += 1) client.api.reqCurrentTime();
    await eventually(() => client.all(EventName.currentTime).length === 60);
    expect(gateway.stats().paceViolations).toBe(0);
  });
});

describe('orders', () => {
  it('are refused, counted and logged, and change nothing', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    const contract = { symbol: 'SPY', secType: SecType.STK, exchange: 'SMART', currency: 'USD' };
    client.api.placeOrder(501, contract, {
      action: OrderAction.BUY,
      totalQuantity: 1,
      orderType: OrderType.MKT,
    });
    expect(await client.refusal(501, 321)).toContain('Read-Only mode');
    client.api.cancelOrder(502, { manualOrderCancelTime: '' });
    await client.refusal(502, 321);
    client.api.reqGlobalCancel({ manualOrderCancelTime: '' });
    await client.waitFor(EventName.info, (_, code) => code === 321);
    expect(gateway.stats()).toMatchObject({ orders: 3, positions: portfolio.positions.length });
    expect(gateway.requests.slice(-3).map(({ name, refusedWith }) => [name, refusedWith])).toEqual([
      ['placeOrder', 321],
      ['cancelOrder', 321],
      ['reqGlobalCancel', 321],
    ]);
  });
});

describe('messages that it cannot serve', () => {
  it('are answered and logged, and the session goes on', async () => {
    const { port } = await start();
    using client = await rawSession(port);
    client.send(999, 'what');
    await client.frame('4', '2', '-1', '505');
    client.send('', '');
    client.send('NaN');
    client.send(62, 1, 9, 'All', 'BuyingPower');
    expect((await client.frame('4', '2', '-1', '321'))[4]).toContain('reqAccountSummary is not simulated');
    client.send(1, 11, 'x');
    expect((await client.frame('4', '2', '-1', '320'))[4]).toContain('reqId is "x", not an integer');
    client.send(2);
    client.send(1, 11, 4, 'SPY');
    client.send(49, 1);
    await client.frame('49');
    expect(gateway.requests.map(({ name, refusedWith }) => [name, refusedWith])).toEqual([
      ['startApi', undefined],
      ['unknown', 505],
      ['unknown', 505],
      ['unknown', 505],
      ['reqAccountSummary', 321],
      ['reqMktData', 320],
      ['cancelMktData', 320],
      ['reqMktData', 320],
      ['reqCurrentTime', undefined],
    ]);
  });

  it('are ignored before startApi, as is a second startApi', async () => {
    const { port } = await start();
    using client = new RawClient(port);
    client.hello('v100..193');
    client.send(61, 1);
    client.send(71, 2, 6, '');
    client.send(71, 2, 7, '');
    client.send(8, 1, 1);
    await eventually(() => client.frames.filter(([id]) => id === '9').length === 2);
    expect(client.frames.some(([id]) => id === '61')).toBe(false);
    expect(gateway.stats().clients.map(({ clientId }) => clientId)).toEqual([6]);
    expect(gateway.requests.map(({ clientId }) => clientId)).toEqual([-1, 6, 6, 6]);
  });

  it('does not stop reqManagedAccts and reqIds from being answered', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqManagedAccts();
    client.api.reqIds();
    await eventually(() => client.all(EventName.nextValidId).length === 2);
    expect(client.all(EventName.managedAccounts)).toHaveLength(2);
  });
});
