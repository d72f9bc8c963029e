import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventName } from '@stoqey/ib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway } from '../../../local/gateway/gateway.ts';
import type { ReceivedRequest } from '../../../local/gateway/request-log.ts';
import { eventually } from '../../support/eventually.ts';
import { connectClient } from './support/api-client.ts';
import { legOf, smallPortfolio, TODAY } from './support/small-portfolio.ts';

const portfolio = smallPortfolio();
const SHORT_PUT = legOf(portfolio, 0, 1);
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slotwise-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('the log of requests', () => {
  it('tells listeners of each request when it arrives, with what it is about', async () => {
    await using gateway = await startGateway({ portfolio, today: TODAY });
    const heard: ReceivedRequest[] = [];
    const unsubscribe = gateway.onRequest((request) => heard.push(request));
    using client = await connectClient(gateway.port, 9);
    const before = Date.now();
    client.api.reqMktData(3, { conId: SHORT_PUT, exchange: 'SMART' }, '', false, false);
    client.api.cancelMktData(3);
    const cancel = await eventually(() => heard.find(({ name }) => name === 'cancelMktData'));
    const request = heard.find(({ name }) => name === 'reqMktData');
    expect(request).toMatchObject({ clientId: 9, messageId: 1, reqId: 3, conId: SHORT_PUT, snapshot: false });
    expect(cancel).toMatchObject({ clientId: 9, reqId: 3, conId: SHORT_PUT });
    expect(heard.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(Math.abs((request?.at ?? 0) - before)).toBeLessThan(1000);
    expect(Math.abs(performance.now() - (request?.monotonicMs ?? 0))).toBeLessThan(5000);
    unsubscribe();
    client.api.reqCurrentTime();
    await client.waitFor(EventName.currentTime);
    expect(heard).toHaveLength(3);
  });

  it('keeps the newest ones only', async () => {
    await using gateway = await startGateway({ portfolio, today: TODAY, requestLogMax: 3 });
    using client = await connectClient(gateway.port);
    for (let count = 0; count < 5; count += 1) client.api.reqCurrentTime();
    await eventually(() => client.all(EventName.currentTime).length === 5);
    expect(gateway.requests.map(({ sequence }) => sequence)).toEqual([4, 5, 6]);
    expect(gateway.stats().requests).toBe(6);
  });

  it('goes to a file if one is named, accounts masked', async () => {
    const path = join(directory, 'requests.log');
    {
      await using gateway = await startGateway({ portfolio, today: TODAY, requestLogPath: path });
      using client = await connectClient(gateway.port);
      client.api.reqAccountUpdates(true, portfolio.accounts[0] ?? '');
      await client.waitFor(EventName.accountDownloadEnd);
    }
    const text = await readFile(path, 'utf8');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ReceivedRequest);
    expect(lines.map(({ name }) => name)).toEqual(['startApi', 'reqAccountUpdates']);
    expect(lines[1]?.fields).toEqual(['6', '2', '1', 'DU***67']);
    for (const account of portfolio.accounts) expect(text).not.toContain(account);
  });

  it('refuses to start where the file cannot be written', async () => {
    const path = join(directory, 'missing', 'requests.log');
    await expect(startGateway({ portfolio, requestLogPath: path })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
