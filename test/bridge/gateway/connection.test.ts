import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { connect } from './connected.ts';
import {
  encodeFrame,
  REQ_CONTRACT_DATA,
  REQ_CURRENT_TIME,
  REQ_POSITIONS,
  type ScriptedClient,
  START_API,
  startScriptedGateway,
} from './scripted-gateway.ts';

const QQQ_PUT = [
  728937835,
  'QQQ',
  'OPT',
  '20270115',
  500,
  'P',
  100,
  '',
  'USD',
  'QQQ   270115P00500000',
  'QQQ',
] as const;

/** position 61, version 3 */
const position = (
  quantity: string | number,
  account = 'DU9000001',
  contract: readonly (string | number)[] = QQQ_PUT,
) => [61, 3, account, ...contract, quantity, 2100.6321] as const;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

describe('the handshake', () => {
  it('is ready after nextValidId and managedAccounts, with version and accounts, masked in the status', async () => {
    await using gateway = await startScriptedGateway({ accounts: 'DU9000001,DU9000002,' });
    await using bridge = connect({ port: gateway.port, clientId: 23 });
    expect(await bridge.nth('ready')).toMatchObject({
      serverVersion: 193,
      accounts: ['DU9000001', 'DU9000002'],
    });
    expect(bridge.connection.isReady).toBe(true);
    expect(bridge.connection.status()).toMatchObject({
      state: 'ready',
      host: '127.0.0.1',
      port: gateway.port,
      clientId: 23,
      serverVersion: 193,
      accounts: ['DU***01', 'DU***02'],
      connections: 1,
      failedAttempts: 0,
      linkUp: true,
    });
    expect(gateway.received[0]?.fields.slice(0, 3)).toEqual([START_API, '2', '23']);
    expect(bridge.states).toEqual(['connecting', 'handshaking', 'ready']);
  });

  it('sends nothing but startApi before it is ready, whatever is asked for', async () => {
    let held: ScriptedClient | undefined;
    await using gateway = await startScriptedGateway({
      answer: (fields, client) => {
        if (fields[0] === START_API) held = client;
        return fields[0] === START_API;
      },
    });
    await using bridge = connect({ port: gateway.port });
    await eventually(() => held !== undefined);
    bridge.connection.requests.requestPositions();
    held?.send(15, 1, 'DU9000001');
    held?.send(9, 1, 1);
    await bridge.nth('ready');
    bridge.connection.requests.requestContractDetails({ conId: 1 });
    await eventually(() => gateway.received.length >= 3);
    expect(gateway.received.map(({ fields }) => fields[0])).toEqual([
      START_API,
      REQ_CURRENT_TIME,
      REQ_CONTRACT_DATA,
    ]);
  });

  it('that gives an id and no account ends at its deadline, and the next attempt goes through', async () => {
    await using gateway = await startScriptedGateway({
      answer: (fields, client) => {
        if (fields[0] !== START_API || client.connection > 1) return false;
        client.send(9, 1, 1);
        return true;
      },
    });
    await using bridge = connect({ port: gateway.port, handshakeDeadlineMs: 60 });
    await bridge.until(() => bridge.connection.status().failedAttempts === 1);
    expect(bridge.connection.status().lastFault).toMatch(/stayed silent \(no managedAccounts\)/);
    await bridge.nth('ready');
  });
});

describe('a gateway that cannot be reached', () => {
  it('refuses: the fault says what to check', async () => {
    const port = await freePort();
    await using bridge = connect({ port });
    await bridge.until(() => bridge.connection.status().failedAttempts === 1);
    expect(bridge.connection.status().lastFault).toBe(
      `127.0.0.1:${port} refused the connection: is TWS or IB Gateway running, is the API enabled (Configure > API > Settings), is the port right (TWS 7496/7497, Gateway 4001/4002)?`,
    );
    expect(bridge.of('lost')).toEqual([]);
  });

  it('opens the circuit after failed attempts in a row, probes half-open, closes on ready', async () => {
    const port = await freePort();
    await using bridge = connect({ port });
    await bridge.until(() => bridge.states.filter((state) => state === 'half-open').length === 2);
    expect(bridge.states.slice(0, 10)).toEqual([
      'connecting',
      'waiting',
      'connecting',
      'waiting',
      'connecting',
      'open-circuit',
      'half-open',
      'open-circuit',
      'half-open',
    ]);
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.write(Buffer.concat([encodeFrame([193, 'now'])]));
        socket.write(Buffer.concat([encodeFrame([15, 1, 'DU9000001']), encodeFrame([9, 1, 1])]));
      });
    }).listen(port, '127.0.0.1');
    await bridge.nth('ready');
    expect(bridge.states.slice(-2)).toEqual(['half-open', 'ready']);
    await bridge.connection.stop();
    server.close();
  });

  it('is a host that nobody knows', async () => {
    await using bridge = connect({ host: 'gateway.invalid', port: 4002 });
    await bridge.until(() => bridge.connection.status().failedAttempts === 1);
    expect(bridge.connection.status().lastFault).toMatch(/^gateway.invalid is not a known host/);
  });

  it('is a port that is none', async () => {
    await using bridge = connect({ port: 70_000 });
    await bridge.until(() => bridge.connection.status().failedAttempts === 1);
    expect(bridge.connection.status().lastFault).toMatch(/ERR_SOCKET_BAD_PORT|RangeError/);
  });

  it('accepts and stays silent', async () => {
    await using gateway = await startScriptedGateway({ greet: () => true });
    await using bridge = connect({ port: gateway.port, handshakeDeadlineMs: 60 });
    await bridge.until(() => bridge.connection.status().failedAttempts === 2);
    expect(bridge.connection.status().lastFault).toMatch(/accepted the connection and stayed silent/);
    await eventually(() => gateway.clients.length <= 1);
  });

  it('hangs up during the handshake', async () => {
    await using gateway = await startScriptedGateway({
      greet: (client) => {
        client.end();
        return true;
      },
    });
    await using bridge = connect({ port: gateway.port });
    await bridge.until(() => bridge.connection.status().failedAttempts === 1);
    expect(bridge.connection.status().lastFault).toMatch(/closed the connection during the handshake/);
  });

  it('speaks a version that is too new', async () => {
    await using gateway = await startScriptedGateway({
      greet: (client) => {
        client.send(201, 'now');
        return true;
      },
    });
    await using bridge = connect({ port: gateway.port });
    await bridge.until(() => bridge.connection.status().failedAttempts === 1);
    expect(bridge.connection.status().lastFault).toMatch(/no version of the API.*Unsupported Version 201/);
  });

  it('answers in another protocol', async () => {
    await using gateway = await startScriptedGateway({
      greet: (client) => {
        client.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
        return true;
      },
    });
    await using bridge = connect({ port: gateway.port, handshakeDeadlineMs: 60 });
    await bridge.until(() => bridge.connection.status().failedAttempts === 1);
    expect(bridge.connection.status().lastFault).toMatch(/is it TWS or IB Gateway/);
  });

  it('has the client id in use: waits for the lingering session and gets in', async () => {
    const text = 'Unable to connect as the client id is already in use. Retry with a unique client id.';
    await using gateway = await startScriptedGateway({
      answer: (fields, client) => {
        if (fields[0] !== START_API || client.connection > 5) return false;
        client.send(4, 2, -1, 326, text, '');
        client.end();
        return true;
      },
    });
    await using bridge = connect({ port: gateway.port, clientId: 5 });
    await bridge.until(() => bridge.connection.status().failedAttempts === 5);
    expect(bridge.connection.status().lastFault).toMatch(/client id 5 is in use/);
    await bridge.nth('ready');
    expect(bridge.states).not.toContain('open-circuit');
  });
});

describe('a session', () => {
  it('that is reset is lost, and a fresh client takes its place', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    gateway.clients[0]?.reset();
    expect(await bridge.nth('lost')).toMatchObject({
      reason: expect.stringMatching(/closed the connection/),
    });
    expect(bridge.connection.isReady).toBe(false);
    await bridge.nth('ready', 2);
    expect(gateway.connections).toBe(2);
    expect(bridge.connection.status()).toMatchObject({ connections: 2, failedAttempts: 0 });
  });

  it('that stops answering is dropped, although its socket stays open', async () => {
    await using gateway = await startScriptedGateway({
      answer: (fields, client) => fields[0] === REQ_CURRENT_TIME && client.connection === 1,
    });
    await using bridge = connect({ port: gateway.port, heartbeatDeadlineMs: 60 });
    expect(await bridge.nth('lost')).toMatchObject({ reason: expect.stringMatching(/answers nothing/) });
    await bridge.nth('ready', 2);
    await bridge.until(() => bridge.connection.status().lastFault === undefined);
  });

  it('asks for the time again and again', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port, heartbeatPeriodMs: 5 });
    await bridge.nth('ready');
    await eventually(
      () => gateway.received.filter(({ fields }) => fields[0] === REQ_CURRENT_TIME).length > 5,
    );
    expect(bridge.of('lost')).toEqual([]);
  });

  it('survives a process that was asleep for longer than the deadline, when the answer lies in the socket', async () => {
    let answers = 0;
    await using gateway = await startScriptedGateway({
      answer: (fields, client) => {
        if (fields[0] !== REQ_CURRENT_TIME) return false;
        client.send(49, 1, 1_785_331_800);
        answers += 1;
        // Both ends live in this process: it wakes up with the deadline past and the answer unread.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40);
        return true;
      },
    });
    await using bridge = connect({ port: gateway.port, heartbeatPeriodMs: 5, heartbeatDeadlineMs: 20 });
    await bridge.nth('ready');
    await eventually(() => answers > 5);
    expect(bridge.of('lost')).toEqual([]);
  });

  it('gives up what was not sent when it is lost, and numbers requests on in the next one', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port, requestsPerSecond: 4 });
    await bridge.nth('ready');
    const first = Array.from({ length: 20 }, (_, i) =>
      bridge.connection.requests.requestMarketData({ conId: i + 1, exchange: 'SMART' }, 'stream'),
    );
    gateway.clients[0]?.reset();
    await bridge.nth('ready', 2);
    const next = bridge.connection.requests.requestMarketData({ conId: 99, exchange: 'SMART' }, 'stream');
    expect(next).toBeGreaterThan(Math.max(...first));
    expect(bridge.log.entries.find(({ event }) => event === 'gateway-requests-given-up')?.fields).toEqual({
      count: expect.any(Number),
    });
    const lines = () => gateway.received.filter(({ fields }) => fields[0] === '1');
    await eventually(() => lines().some(({ fields }) => fields[2] === String(next)));
    expect(lines().filter(({ connection }) => connection === 2)).toHaveLength(1);
  });

  it('ends at stop when what was cancelled has been sent, at the pace of everything else', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port, requestsPerSecond: 40 });
    await bridge.nth('ready');
    const { requests } = bridge.connection;
    const of = (messageId: string) => gateway.received.filter(({ fields }) => fields[0] === messageId);
    const reqIds = Array.from({ length: 15 }, (_, i) =>
      requests.requestMarketData({ conId: i + 1, exchange: 'SMART' }, 'stream'),
    );
    await eventually(() => of('1').length === reqIds.length);
    for (const reqId of reqIds) requests.cancelMarketData(reqId);
    await bridge.connection.stop();
    await eventually(() => gateway.clients.length === 0);
    expect(of('2').map(({ fields }) => fields[2])).toEqual(reqIds.map(String));
    expect(bridge.log.entries.filter(({ event }) => event === 'gateway-requests-given-up')).toEqual([]);
  });

  it('ends at stop without what the pace would hold up for too long', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port, requestsPerSecond: 1 }, { cancelsDeadlineMs: 50 });
    await bridge.nth('ready');
    for (let reqId = 1; reqId <= 20; reqId += 1) bridge.connection.requests.cancelMarketData(reqId);
    const before = performance.now();
    await bridge.connection.stop();
    // 20 cancels would take as many seconds.
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(bridge.connection.status().state).toBe('stopped');
    expect(bridge.log.entries.at(-2)?.event).toBe('gateway-requests-given-up');
  });

  it('ends at stop, with its socket, and does not start again', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    await bridge.connection.stop();
    expect(bridge.of('lost')).toMatchObject([{ reason: 'stopped' }]);
    await eventually(() => gateway.clients.length === 0);
    bridge.connection.start();
    expect(bridge.connection.status().state).toBe('stopped');
    expect(gateway.connections).toBe(1);
  });
});

describe('what the gateway says', () => {
  it('of its link is told: 1100 down, 1102 up with the lines, 1101 up without', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    gateway.send(4, 2, -1, 1100, 'Connectivity between IB and the TWS has been lost.', '');
    expect(await bridge.nth('linkDown')).toMatchObject({ code: 1100 });
    expect(bridge.connection.status()).toMatchObject({ linkUp: false, state: 'ready' });
    gateway.send(4, 2, -1, 1102, 'restored - data maintained', '');
    expect(await bridge.nth('linkUp')).toMatchObject({ linesKept: true });
    gateway.send(4, 2, -1, 1101, 'restored - data lost', '');
    expect(await bridge.nth('linkUp', 2)).toMatchObject({ linesKept: false });
    expect(bridge.connection.status()).toMatchObject({ linkUp: true });
    expect(bridge.connection.status().lastFault).toBeUndefined();
  });

  it('of its farms is told by name', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    gateway.send(4, 2, -1, 2103, 'Market data farm connection is broken:usopt', '');
    gateway.send(4, 2, -1, 2104, 'Market data farm connection is OK:usopt', '');
    await bridge.nth('farm', 2);
    expect(bridge.of('farm')).toMatchObject([
      { code: 2103, farm: 'usopt', up: false },
      { code: 2104, farm: 'usopt', up: true },
    ]);
  });

  it('of a request is told with its meaning, also for a code that nobody knows', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    gateway.send(4, 2, 7, 101, 'Max number of tickers has been reached.', '');
    gateway.send(4, 2, 8, 10_999, 'something new', '');
    await bridge.nth('requestNotice', 2);
    expect(bridge.of('requestNotice')).toMatchObject([
      { reqId: 7, code: 101, meaning: 'no-line' },
      { reqId: 8, code: 10_999, meaning: 'refused' },
    ]);
    expect(bridge.log.entries).toContainEqual(
      expect.objectContaining({
        event: 'gateway-code-unknown',
        fields: expect.objectContaining({ code: 10_999 }),
      }),
    );
  });

  it('of an account is masked', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    gateway.send(4, 2, -1, 2100, 'API client has been unsubscribed from account data of DU9000001', '');
    await eventually(() => bridge.log.entries.some(({ fields }) => fields.code === 2100));
    expect(JSON.stringify(bridge.log.entries)).not.toContain('DU9000001');
  });

  it('reaches the other listeners when one throws, and the rest of the chunk with it', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    bridge.connection.subscribe(() => {
      throw new Error('a handler at fault');
    });
    const after: string[] = [];
    bridge.connection.subscribe(({ type }) => void after.push(type));
    const chunk = [position(1), position(2), [62, 1]].map(encodeFrame);
    gateway.clients[0]?.write(Buffer.concat(chunk));
    await bridge.nth('positionEnd');
    expect(after).toEqual(['position', 'position', 'positionEnd']);
    expect(bridge.connection.listenerFaults).toBe(3);
  });
});

describe('positions', () => {
  it('that cannot be read are told as such, between those that can', async () => {
    await using gateway = await startScriptedGateway({
      answer: (fields, client) => {
        if (fields[0] !== REQ_POSITIONS) return false;
        client.send(...position(-3));
        client.send(...position('three'));
        client.send(...position(1, 'DU9000001', [0, ...QQQ_PUT.slice(1)]));
        // Cut short: the library drops the row and reports it without a request id.
        client.send(61, 3, 'DU9000001', 5, 'SPY');
        client.send(...position(''));
        client.send(...position('0.5'));
        client.send(62, 1);
        return true;
      },
    });
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    bridge.connection.requests.requestPositions();
    await bridge.nth('positionEnd');
    const rows = bridge.events.filter(({ type }) => type.startsWith('position'));
    expect(rows.map(({ type }) => type)).toEqual([
      'position',
      'positionMalformed',
      'positionMalformed',
      'positionMalformed',
      'positionMalformed',
      'position',
      'positionEnd',
    ]);
    expect(bridge.of('positionMalformed').map(({ fault }) => fault)).toEqual([
      expect.stringMatching(/quantity NaN is no number/),
      expect.stringMatching(/conId/),
      expect.stringMatching(/Underrun error on POSITION/),
      expect.stringMatching(/quantity undefined is no number/),
    ]);
    expect(bridge.of('position')[1]).toMatchObject({ quantity: '0.5', contract: { strike: '500' } });
  });
});

describe('a message that the library does not know', () => {
  it('is a line in the log, and what follows is read', async () => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    gateway.send(4711, 'of', 'tomorrow');
    gateway.send(62, 1);
    await bridge.nth('positionEnd');
    expect(bridge.log.entries).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ code: 505 }) }),
    );
  });
});

describe('a frame that would break the library', () => {
  it.each([
    ['throw', encodeFrame([4, 2, 7, 201, 'rejected', '{not json'])],
    ['loop for good', Buffer.from([0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0])],
  ])('by making its decoder %s costs one connection', async (_, bytes) => {
    await using gateway = await startScriptedGateway();
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    gateway.clients[0]?.write(bytes);
    expect(await bridge.nth('lost')).toMatchObject({ reason: expect.stringMatching(/unreadable frame/) });
    await bridge.nth('ready', 2);
  });
});
