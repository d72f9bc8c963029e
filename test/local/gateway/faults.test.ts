import { EventName } from '@stoqey/ib';
import { afterEach, describe, expect, it } from 'vitest';
import { Book } from '../../../local/gateway/book.ts';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import type { GatewayOptions } from '../../../local/gateway/options.ts';
import type { Instrument } from '../../../local/gateway/portfolio.ts';
import { eventually } from '../../support/eventually.ts';
import { connectClient } from './support/api-client.ts';
import { RawClient } from './support/raw-client.ts';
import { smallPortfolio, TODAY } from './support/small-portfolio.ts';

const portfolio = smallPortfolio();
const instruments = new Map(portfolio.instruments.map((each) => [each.contract.conId, each]));
const OPTIONS = portfolio.instruments
  .filter(({ contract }) => contract.secType === 'OPT')
  .map(({ contract }) => ({ conId: contract.conId, exchange: 'SMART' }));
const [FIRST = {}, SECOND = {}, THIRD = {}] = OPTIONS;
let gateway: SimulatedGateway;

async function start(options: Partial<GatewayOptions> = {}): Promise<SimulatedGateway> {
  gateway = await startGateway({ portfolio, today: TODAY, tickPeriodMs: 10, ...options });
  return gateway;
}

afterEach(() => gateway?.stop());

async function rawSession(port: number): Promise<RawClient> {
  const client = new RawClient(port);
  client.hello('v100..193');
  client.send(71, 2, 1, '');
  await client.frame('9');
  return client;
}

describe('a fault', () => {
  it('is checked before it happens: a kind that is none, a value out of range, a field too many', async () => {
    await start();
    expect(() => gateway.inject({ kind: 'earthquake' } as never)).toThrow();
    expect(() => gateway.inject({ kind: 'fragmented', bytes: 0 })).toThrow(/bytes/);
    expect(() => gateway.inject({ kind: 'notice', code: 1100, loud: true } as never)).toThrow(/loud/);
    expect(() => gateway.inject({ kind: 'expiry', account: 'DU1234567', conId: 1 })).toThrow(RangeError);
    expect(gateway.faultsExercised).toEqual([]);
  });

  it('that reaches nobody is not exercised', async () => {
    await start();
    gateway.inject({ kind: 'notice', code: 1100 });
    gateway.inject({ kind: 'line-errors', code: 200 });
    gateway.inject({ kind: 'delayed-data' });
    gateway.inject({ kind: 'drop' });
    expect(gateway.faultsExercised).toEqual([]);
  });

  it('is told with its time when it reaches somebody', async () => {
    const { port } = await start();
    const told: unknown[] = [];
    gateway.onFault((fault) => told.push(fault));
    using client = await connectClient(port);
    const before = Date.now();
    gateway.inject({ kind: 'notice', code: 2110 });
    await client.waitFor(EventName.info, (_, code) => code === 2110);
    expect(told).toEqual([{ at: expect.any(Number), kind: 'notice', detail: '2110', affected: 1 }]);
    expect(gateway.faultsExercised[0]?.at).toBeGreaterThanOrEqual(before);
  });

  it('ends by itself after its time, and once only', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    const fault = gateway.inject({ kind: 'link-lost', restore: 1101 }, 30);
    await client.waitFor(EventName.info, (_, code) => code === 1101);
    fault.end();
    client.api.reqCurrentTime();
    await client.waitFor(EventName.currentTime);
    expect(client.all(EventName.info).filter(([, code]) => code === 1101)).toHaveLength(1);
  });

  it('that is a switch is one like the others', async () => {
    const { port } = await start({ faults: { holdPositionEnd: true } });
    expect(gateway.faults).toMatchObject({ holdPositionEnd: true, mute: false });
    using client = await connectClient(port);
    client.api.reqPositions();
    await eventually(() => gateway.faultsExercised[0]?.kind === 'positions');
    gateway.faults.holdPositionEnd = false;
    client.api.reqPositions();
    await client.waitFor(EventName.positionEnd);
  });
});

describe('lines under faults', () => {
  it('are gone after 1101: the gateway counts none, and a cancel finds nothing', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(1, FIRST, '', false, false);
    await client.waitFor(EventName.tickPrice);
    gateway.inject({ kind: 'link-lost', restore: 1101 }).end();
    await client.waitFor(EventName.info, (_, code) => code === 1101);
    expect(gateway.stats().lines.streaming).toBe(0);
    client.api.cancelMktData(1);
    await client.refusal(1, 300);
  });

  it('stay dead after a farm said that it is well, until they are requested anew', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(1, FIRST, '', false, false);
    await client.waitFor(EventName.tickPrice);
    gateway.inject({ kind: 'farm-broken', farm: 'usopt', ticks: 'dead' }).end();
    await client.waitFor(EventName.info, (text, code) => code === 2104 && String(text).endsWith(':usopt'));
    const ticks = () => client.all(EventName.tickPrice).filter(([id]) => id === 1).length;
    const before = ticks();
    client.api.reqMktData(2, FIRST, '', false, false);
    await client.waitFor(EventName.tickPrice, (id) => id === 2);
    // The other request of the same contract moves, this one does not.
    const moved = () => client.all(EventName.tickSize).filter(([id]) => id === 2).length > 20;
    await eventually(moved);
    expect(ticks()).toBe(before);
    expect(gateway.stats().lines.streaming).toBe(2);
  });

  it('of another farm go on', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    client.api.reqMktData(1, FIRST, '', false, false);
    gateway.inject({ kind: 'farm-broken', farm: 'usfuture' });
    await client.waitFor(EventName.info, (_, code) => code === 2103);
    const before = client.all(EventName.tickSize).length;
    await eventually(() => client.all(EventName.tickSize).length > before + 5);
  });

  it('are refused by a rule as often as it says, for the contracts that it names', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    const conId = OPTIONS[0]?.conId ?? 0;
    gateway.inject({ kind: 'request-errors', code: 10_168, conIds: [conId], times: 1 });
    client.api.reqMktData(1, SECOND, '', false, false);
    client.api.reqMktData(2, FIRST, '', false, false);
    client.api.reqMktData(3, FIRST, '', false, false);
    expect(await client.refusal(2, 10_168)).toContain('Delayed market data is not enabled');
    await client.waitFor(EventName.tickPrice, (id) => id === 1);
    await client.waitFor(EventName.tickPrice, (id) => id === 3);
  });

  it('of a person’s TWS count: with eviction the newest lines of the clients go', async () => {
    const { port } = await start({ linesCap: 3 });
    using client = await connectClient(port);
    for (const [id, contract] of [FIRST, SECOND, THIRD].entries()) {
      client.api.reqMktData(id, contract, '', false, false);
      await client.waitFor(EventName.tickPrice, (at) => at === id);
    }
    const fault = gateway.inject({ kind: 'lines-taken', count: 2, evict: true });
    await client.refusal(2, 101);
    await client.refusal(1, 101);
    expect(gateway.stats().lines).toMatchObject({ streaming: 1, elsewhere: 2 });
    fault.end();
    client.api.reqMktData(9, THIRD, '', false, false);
    await client.waitFor(EventName.tickPrice, (id) => id === 9);
  });
});

describe('a session under faults', () => {
  it('ends at the third second that is too fast, where that was made strict', async () => {
    const { port } = await start({ messagesPerSecondMax: 5 });
    gateway.inject({ kind: 'strict-pacing' });
    using client = await rawSession(port);
    const flood = setInterval(() => client.send(49, 1), 5);
    await client.closed().finally(() => clearInterval(flood));
    expect(gateway.faultsExercised.filter(({ kind }) => kind === 'strict-pacing')).toHaveLength(3);
  });

  it('gets the beginning of a frame and then the end', async () => {
    const { port } = await start();
    using client = await rawSession(port);
    gateway.inject({ kind: 'cut-frame', messageId: 61, after: 2 });
    client.send(61, 1);
    await client.closed();
    expect(client.frames.filter(([id]) => id === '61')).toHaveLength(2);
  });

  it('finds the gateway on the port that 1300 named', async () => {
    const { port } = await start();
    using client = await rawSession(port);
    gateway.inject({ kind: 'port-change' });
    const [, , , , text = ''] = await client.frame('4', '2', '-1', '1300');
    await client.closed();
    expect(gateway.port).not.toBe(port);
    expect(text).toContain(`new port - ${gateway.port}`);
    using moved = await rawSession(gateway.port);
    expect(moved.isClosed).toBe(false);
    using old = new RawClient(port);
    await old.closed();
  });

  it('is refused with 326 while the one before it lingers', async () => {
    const { port } = await start();
    gateway.inject({ kind: 'client-ids-linger', clientIds: [1] });
    using client = new RawClient(port);
    client.hello('v100..193');
    client.send(71, 2, 1, '');
    await client.frame('4', '2', '-1', '326');
    await client.closed();
    using other = await connectClient(port, 2);
    expect(other.all(EventName.nextValidId)).toHaveLength(1);
  });
});

describe('an assignment', () => {
  const account = 'DU1234567';
  const row = (conId: number, quantity: string) => ({ account, conId, quantity, averageCost: '1' });
  const bookOf = (option: Instrument, quantity: string, stock = '0') =>
    new Book({
      accounts: [account],
      instruments,
      positions: [
        row(option.contract.conId, quantity),
        ...(stock === '0' ? [] : [row(option.underConId ?? 0, stock)]),
      ],
    });
  const optionOf = (right: 'C' | 'P', secType: string) => {
    const found = portfolio.instruments.find(
      (each) =>
        each.contract.right === right && instruments.get(each.underConId ?? 0)?.contract.secType === secType,
    );
    if (found === undefined) throw new Error(`no ${right} on ${secType}`);
    return found;
  };

  it.each([
    ['C', '-2', '0', '-200'],
    ['P', '-2', '0', '200'],
    ['C', '3', '0', '300'],
    ['P', '1', '0', '-100'],
    ['P', '-1', '50', '150'],
    ['C', '-1', '100', undefined],
  ] as const)('of %s %s beside %s of the stock leaves %s', (right, quantity, stock, left) => {
    const option = optionOf(right, 'STK');
    const book = bookOf(option, quantity, stock);
    const told: unknown[] = [];
    book.onChange((change) => told.push(change));
    book.assign({ account, conId: option.contract.conId });
    expect(book.positions.map((each) => each.conId)).not.toContain(option.contract.conId);
    expect(book.positions.find(({ conId }) => conId === option.underConId)?.quantity).toBe(left);
    expect(told).toEqual([]);
  });

  it('delivers one future for an option on it, and the stock at the strike', () => {
    const fop = portfolio.instruments.find(({ contract }) => contract.secType === 'FOP');
    if (fop === undefined) throw new Error('no FOP');
    const book = bookOf(fop, '-1');
    book.assign({ account, conId: fop.contract.conId });
    expect(book.positions).toMatchObject([
      { conId: fop.underConId, quantity: fop.contract.right === 'C' ? '-1' : '1' },
    ]);
    const put = optionOf('P', 'STK');
    const stocks = bookOf(put, '-1');
    stocks.assign({ account, conId: put.contract.conId });
    expect(stocks.positions[0]?.averageCost).toBe(put.contract.strike);
  });
});
