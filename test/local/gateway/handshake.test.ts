import { EventName } from '@stoqey/ib';
import { afterEach, describe, expect, it } from 'vitest';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import { eventually } from '../../support/eventually.ts';
import { ApiClient, connectClient } from './support/api-client.ts';
import { frameOf, RawClient } from './support/raw-client.ts';
import { legOf, smallPortfolio, TODAY } from './support/small-portfolio.ts';

const portfolio = smallPortfolio();
let gateway: SimulatedGateway;

async function start(options: { readonly serverVersion?: number; readonly mute?: boolean } = {}) {
  const { mute = false, ...settings } = options;
  gateway = await startGateway({ portfolio, today: TODAY, ...settings, faults: { mute } });
  return gateway;
}

afterEach(() => gateway.stop());

describe('the handshake', () => {
  it('brings the real client to nextValidId, with accounts and the state of the farms', async () => {
    const { port } = await start();
    using client = await connectClient(port);
    expect(client.all(EventName.server)[0]?.[0]).toBe(193);
    expect(client.all(EventName.managedAccounts)).toEqual([[portfolio.accounts.join(',')]]);
    await client.waitFor(EventName.info, (_, code) => code === 2158);
    expect(client.all(EventName.info).map(([, code]) => code)).toEqual([2104, 2104, 2106, 2158]);
    expect(gateway.stats().clients).toEqual([{ clientId: 1, serverVersion: 193, lines: 0 }]);
  });

  it.each([
    { own: 193, offer: 'v100..193', agreed: '193' },
    { own: 193, offer: 'v157..178', agreed: '178' },
    { own: 176, offer: 'v100..193', agreed: '176' },
    { own: 200, offer: 'v100..203 +PACEAPI', agreed: '200' },
    { own: 193, offer: 'v193', agreed: '193' },
  ])(
    'agrees on $agreed where it speaks $own and the client offers $offer',
    async ({ own, offer, agreed }) => {
      const { port } = await start({ serverVersion: own });
      using client = new RawClient(port);
      client.hello(offer);
      const [version, time] = await client.frame(agreed);
      expect(version).toBe(agreed);
      expect(time).toMatch(/^\d{8} \d\d:\d\d:\d\d GMT$/);
    },
  );

  it.each([
    { own: 193, offer: 'v194..203' },
    { own: 193, offer: 'v100..156' },
  ])('answers 506 and ends where it speaks $own and the client offers $offer', async ({ own, offer }) => {
    const { port } = await start({ serverVersion: own });
    using client = new RawClient(port);
    client.hello(offer);
    expect(await client.frame('4')).toEqual(['4', '2', '-1', '506', 'Unsupported version', '']);
    expect(client.frames[0]?.[0]).toBe(String(own));
    await client.closed();
  });

  it('encodes for the version agreed: contract details lose fields, errors gain a time', async () => {
    const { port } = await start({ serverVersion: 200 });
    const lengths = new Map<number, number>();
    for (const version of [181, 185, 193, 194]) {
      using client = new RawClient(port);
      client.hello(`v100..${version}`);
      client.send(71, 2, version, '');
      client.send(9, 8, 1, legOf(portfolio, 0, 1), ...Array.from({ length: 15 }, () => ''));
      lengths.set(version, (await client.frame('10')).length);
      const notice = await client.frame('4');
      expect(notice.slice(0, version < 194 ? 3 : 2)).toEqual(version < 194 ? ['4', '2', '-1'] : ['4', '-1']);
      expect(notice).toHaveLength(6);
    }
    const newest = lengths.get(193) ?? 0;
    expect(Object.fromEntries(lengths)).toEqual({
      181: newest - 2,
      185: newest - 1,
      193: newest,
      194: newest,
    });
  });

  it('understands a client whose packets arrive byte by byte', async () => {
    const { port } = await start();
    using client = new RawClient(port);
    const bytes = Buffer.concat([
      Buffer.from('API\0'),
      Buffer.from([0, 0, 0, 9]),
      Buffer.from('v100..193'),
      frameOf(71, 2, 5, ''),
      frameOf(49, 1),
    ]);
    for (const byte of bytes) {
      client.write(Buffer.from([byte]));
      // One turn of the loop each: the kernel may still join some, which is the point.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.frame('49', '1');
    expect(gateway.requests.map(({ name, clientId }) => [name, clientId])).toEqual([
      ['startApi', 5],
      ['reqCurrentTime', 5],
    ]);
  });

  it('understands a client whose packets arrive all at once', async () => {
    const { port } = await start();
    using client = new RawClient(port);
    client.write(
      Buffer.concat([
        Buffer.from('API\0'),
        Buffer.from([0, 0, 0, 9]),
        Buffer.from('v100..193'),
        frameOf(71, 2, 5, ''),
        ...Array.from({ length: 20 }, () => frameOf(49, 1)),
      ]),
    );
    await eventually(() => client.frames.filter(([id]) => id === '49').length === 20);
  });

  it('ends a connection that does not speak the protocol, and serves the next one', async () => {
    const { port } = await start();
    using browser = new RawClient(port);
    browser.write('GET / HTTP/1.1\r\n\r\n');
    await browser.closed();
    using flood = new RawClient(port);
    flood.hello('v100..193');
    flood.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
    await flood.closed();
    using client = await connectClient(port);
    expect(client.api.isConnected).toBe(true);
  });

  it('refuses a client id in use with 326 and keeps the session that has it', async () => {
    const { port } = await start();
    using first = await connectClient(port, 7);
    using second = new ApiClient(port, 7).connect();
    await second.waitFor(EventName.info, (_, code) => code === 326);
    await second.waitFor(EventName.disconnected);
    expect(second.all(EventName.nextValidId)).toEqual([]);
    first.api.reqCurrentTime();
    await first.waitFor(EventName.currentTime);
    using other = await connectClient(port, 8);
    expect(gateway.stats().clients.map(({ clientId }) => clientId)).toEqual([7, 8]);
    expect(other.all(EventName.error)).toEqual([]);
  });

  it('frees a client id when its connection ends', async () => {
    const { port } = await start();
    {
      using client = await connectClient(port, 7);
      expect(client.api.isConnected).toBe(true);
    }
    await eventually(() => gateway.stats().clients.length === 0);
    using again = await connectClient(port, 7);
    expect(again.all(EventName.info).map(([, code]) => code)).not.toContain(326);
  });

  it('accepts and stays silent while muted: never nextValidId, never an answer', async () => {
    const { port } = await start({ mute: true });
    using client = new RawClient(port);
    client.hello('v100..193');
    client.send(71, 2, 1, '');
    client.send(49, 1);
    await eventually(() => gateway.requests.length === 2);
    gateway.faults.mute = false;
    using later = await connectClient(port, 2);
    expect(later.all(EventName.nextValidId)).toHaveLength(1);
    expect(client.frames.map(([id]) => id)).toEqual(['193']);
  });

  it('closes connections at once while it refuses them', async () => {
    const { port } = await start();
    gateway.faults.refuseConnections = true;
    using client = new RawClient(port);
    await client.closed();
    expect(client.frames).toEqual([]);
    expect(gateway.stats().connections).toBe(0);
  });

  it('drops and disconnects its clients, who may come back', async () => {
    const { port } = await start();
    for (const leave of [() => gateway.dropClients(), () => gateway.disconnectAll()]) {
      using client = await connectClient(port, 3);
      leave();
      await client.waitFor(EventName.disconnected);
      await eventually(() => gateway.stats().clients.length === 0);
    }
  });

  it('says that its port is in use', async () => {
    const { port } = await start();
    await expect(startGateway({ portfolio, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it.each([{ serverVersion: 201 }, { serverVersion: 156 }, { linesCap: -1 }, { tickPeriodMs: 0 }])(
    'does not start with %j',
    async (settings) => {
      await start();
      await expect(startGateway({ portfolio, ...settings })).rejects.toThrow(RangeError);
    },
  );
});
