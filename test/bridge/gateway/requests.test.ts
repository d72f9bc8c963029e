import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IBApi } from '@stoqey/ib';
import { describe, expect, it } from 'vitest';
import { PACER_QUEUE_MAX } from '../../../bridge/gateway/pacer.ts';
import { eventually } from '../../support/eventually.ts';
import { connect } from './connected.ts';
import { startScriptedGateway } from './scripted-gateway.ts';

/**
 * Invariant: no message that could place, change or cancel an order is ever sent. This is the whole list of what the
 * bridge may send, by message id and by the client library's name.
 */
const ALLOWED: Readonly<Record<string, string>> = {
  71: 'startApi',
  49: 'reqCurrentTime',
  61: 'reqPositions',
  64: 'cancelPositions',
  74: 'reqPositionsMulti',
  75: 'cancelPositionsMulti',
  6: 'reqAccountUpdates',
  1: 'reqMktData',
  2: 'cancelMktData',
  59: 'reqMarketDataType',
  9: 'reqContractDetails',
};

const CONNECTION_METHODS = ['constructor', 'connect', 'disconnect', 'isConnected', 'serverVersion'];

/** Everything else that the library could send or cancel. */
const FORBIDDEN = Object.getOwnPropertyNames(IBApi.prototype).filter(
  (name) => !CONNECTION_METHODS.includes(name) && !Object.values(ALLOWED).includes(name),
);

const BRIDGE = join(import.meta.dirname, '../../../bridge');

async function sources(): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const paths = (await readdir(BRIDGE, { recursive: true })).filter((path) => path.endsWith('.ts'));
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(BRIDGE, path), 'utf8') })));
}

describe('what the bridge may send', () => {
  it('is what goes over the wire when everything is asked for', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    const { requests } = bridge.connection;
    const names: (keyof typeof requests)[] = [
      'requestPositions',
      'cancelPositions',
      'requestAccountPositions',
      'cancelAccountPositions',
      'requestAccountUpdates',
      'cancelAccountUpdates',
      'requestMarketData',
      'cancelMarketData',
      'requestMarketDataType',
      'requestContractDetails',
    ];
    const offered = Object.getOwnPropertyNames(Object.getPrototypeOf(requests));
    expect(offered).toEqual(expect.arrayContaining(names));
    requests.requestMarketDataType(1);
    requests.requestPositions();
    const stream = requests.requestMarketData({ conId: 265598, exchange: 'SMART' }, 'stream');
    requests.requestMarketData({ conId: 265598, exchange: 'SMART' }, 'snapshot');
    requests.requestContractDetails({ conId: 265598 });
    requests.requestAccountUpdates('DU9000001');
    const ids = () => new Set(gateway.received.map(({ fields }) => fields[0]));
    const own = requests.requestAccountPositions('DU9000001');
    await eventually(() => ids().has('6') && ids().has('9'));
    requests.cancelPositions();
    requests.cancelAccountPositions(own);
    requests.cancelMarketData(stream);
    requests.cancelAccountUpdates('DU9000001');
    await eventually(() => ids().has('64') && ids().has('2'));
    await eventually(() => gateway.received.filter(({ fields }) => fields[0] === '6').length === 2);
    expect(ids()).toEqual(new Set(Object.keys(ALLOWED)));
    const list = gateway.received.filter(({ fields }) => fields[0] === '74' || fields[0] === '75');
    expect(list.map(({ fields }) => fields)).toEqual([
      ['74', '1', String(own), 'DU9000001', ''],
      ['75', '1', String(own)],
    ]);
  });

  it('leaves no room in the source for anything else', async () => {
    expect(FORBIDDEN).toEqual(expect.arrayContaining(['placeOrder', 'cancelOrder', 'reqGlobalCancel']));
    expect(FORBIDDEN.length).toBeGreaterThan(60);
    const forbidden = new RegExp(`\\b(${FORBIDDEN.join('|')})\\b`);
    for (const { path, text } of await sources()) {
      expect(forbidden.exec(text)?.[0], path).toBeUndefined();
      // One file talks to the library; the others know its types at most.
      if (path === join('gateway', 'wire.ts')) continue;
      expect(/import (?!type)[^;]*from '@stoqey\/ib'/.exec(text)?.[0], path).toBeUndefined();
    }
  });

  it('is called in one file, by these names', async () => {
    const wire = await readFile(join(BRIDGE, 'gateway', 'wire.ts'), 'utf8');
    const called = new Set([...wire.matchAll(/#api\.(\w+)/g)].map(([, name]) => name));
    const allowed = [...Object.values(ALLOWED), 'on', 'connect', 'disconnect'];
    expect([...called].filter((name) => !allowed.includes(name ?? ''))).toEqual([]);
    expect(/#api\[/.exec(wire)).toBeNull();
  });
});

describe('a market data request', () => {
  it('never has generic ticks nor asks for a regulatory snapshot, and names the contract as it is known', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    const contract = {
      conId: 728937835,
      symbol: 'QQQ',
      secType: 'OPT',
      lastTradeDate: '20270115',
      strike: '500.5',
      right: 'P',
      multiplier: '100',
      exchange: 'SMART',
      currency: 'USD',
    } as const;
    const reqId = bridge.connection.requests.requestMarketData(contract, 'snapshot');
    const sent = () => gateway.received.find(({ fields }) => fields[0] === '1')?.fields;
    expect(await eventually(sent)).toEqual([
      ...['1', '11', String(reqId), '728937835', 'QQQ', 'OPT', '20270115', '500.5', 'P', '100'],
      ...['SMART', '', 'USD', '', ''],
      // No delta-neutral contract, no generic ticks, snapshot, not regulatory, no options.
      ...['0', '', '1', '0', ''],
    ]);
  });

  it.each([
    ['without an exchange', { conId: 265598, exchange: ' ' }, /no exchange/],
    ['without a conId or a name', { conId: 0, exchange: 'SMART' }, /names no contract/],
    ['with a conId that is none', { conId: -1, exchange: 'SMART' }, /names no contract/],
  ])('%s is refused and not sent', async (_, contract, message) => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    const reqId = bridge.connection.requests.requestMarketData(contract, 'stream');
    expect(await bridge.nth('requestNotice')).toMatchObject({
      reqId,
      meaning: 'refused',
      message: expect.stringMatching(message),
    });
    expect(gateway.received.some(({ fields }) => fields[0] === '1')).toBe(false);
  });

  it('that is cancelled before it was sent is never sent, and neither is its cancel', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    const { requests } = bridge.connection;
    const dropped = requests.requestMarketData({ conId: 1, exchange: 'SMART' }, 'stream');
    requests.cancelMarketData(dropped);
    requests.requestPositions();
    requests.cancelPositions();
    requests.requestContractDetails({ conId: 1 });
    await eventually(() => gateway.received.some(({ fields }) => fields[0] === '9'));
    expect(gateway.received.map(({ fields }) => fields[0])).toEqual(['71', '49', '9']);
  });

  it('goes out right after the type it needs, which is sent only where another one holds', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    const { requests } = bridge.connection;
    const stream = (conId: number, type?: 1 | 2 | 3 | 4) =>
      requests.requestMarketData({ conId, exchange: 'SMART' }, 'stream', type);
    requests.requestMarketDataType(3);
    stream(11);
    stream(12, 4);
    requests.cancelMarketData(stream(13, 2));
    stream(14, 4);
    requests.requestMarketData({ conId: 15, exchange: 'SMART' }, 'snapshot');
    const types = () => gateway.received.filter(({ fields }) => fields[0] === '1').length;
    await eventually(() => types() === 4);
    const told = gateway.received.flatMap(({ fields }) =>
      fields[0] === '59' ? [`type ${fields[2]}`] : fields[0] === '1' ? [`line ${fields[3]}`] : [],
    );
    expect(told).toEqual(['type 3', 'line 11', 'type 4', 'line 12', 'line 14', 'type 3', 'line 15']);
  });

  it('needs no type where nobody has named one', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    const stream = (conId: number, type?: 2) =>
      bridge.connection.requests.requestMarketData({ conId, exchange: 'SMART' }, 'stream', type);
    stream(11);
    stream(12, 2);
    stream(13);
    const told = () =>
      gateway.received.flatMap(({ fields }) =>
        fields[0] === '59' ? [`type ${fields[2]}`] : fields[0] === '1' ? [`line ${fields[3]}`] : [],
      );
    await eventually(() => told().length === 5);
    expect(told()).toEqual(['line 11', 'type 2', 'line 12', 'type 1', 'line 13']);
  });

  it('of the next connection is told its type anew, because TWS forgets it', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    for (const nth of [1, 2]) {
      await bridge.nth('ready', nth);
      bridge.connection.requests.requestMarketData({ conId: 11, exchange: 'SMART' }, 'stream', 2);
      await eventually(() =>
        gateway.received.some(({ fields, connection }) => connection === nth && fields[0] === '1'),
      );
      for (const client of gateway.clients) client.end();
    }
    const types = gateway.received.filter(({ fields }) => fields[0] === '59');
    expect(types.map(({ fields, connection }) => [connection, fields[2]])).toEqual([
      [1, '2'],
      [2, '2'],
    ]);
  });

  it('that finds the queue full is shed, and the caller told', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port, requestsPerSecond: 4 });
    await bridge.nth('ready');
    const { requests } = bridge.connection;
    for (let i = 0; i < PACER_QUEUE_MAX; i += 1) requests.requestContractDetails({ conId: i + 1 });
    const reqId = requests.requestMarketData({ conId: 9, exchange: 'SMART' }, 'stream');
    expect(await bridge.nth('requestNotice')).toMatchObject({ reqId, meaning: 'shed', code: 100 });
  });

  it('without a connection is given an id and dropped', async () => {
    await using bridge = connect({ port: 1 });
    const { requests } = bridge.connection;
    const first = requests.requestMarketData({ conId: 1, exchange: 'SMART' }, 'stream');
    expect(requests.requestContractDetails({ conId: 1 })).toBe(first + 1);
  });
});
