import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccountsOfBridge } from '../../bridge/accounts.ts';
import { AccountLeases } from '../../bridge/registry/lease.ts';
import { eventually } from '../support/eventually.ts';
import { ScriptedGateway, SILENT } from './scripted-gateway.ts';

const [FIRST, SECOND, SLOW] = ['DU9000001', 'DU9000002', 'DU9000003'] as const;

describe('the accounts of a bridge', () => {
  let gateway: ScriptedGateway;
  let accounts: AccountsOfBridge;
  let stopServer: () => Promise<void>;
  /** Answers about the slow account wait for it. */
  let release: PromiseWithResolvers<void>;
  let asked: string[];

  beforeEach(async () => {
    release = Promise.withResolvers();
    asked = [];
    // The table holds no lease: all that it does is to answer late.
    const server = createServer(async (request, response) => {
      const body = (await request.toArray()).join('');
      const account = JSON.parse(body).Key.account.S;
      asked.push(account);
      if (account === SLOW) await release.promise;
      response.setHeader('content-type', 'application/x-amz-json-1.0').end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = new DynamoDBClient({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    gateway = new ScriptedGateway();
    const leases = new AccountLeases({
      client: DynamoDBDocumentClient.from(client),
      positionsTable: 'positions',
      bridge: 'home',
      log: SILENT,
    });
    accounts = new AccountsOfBridge({ gateway, leases });
    accounts.start();
    stopServer = async () => {
      release.resolve();
      await accounts.stop();
      client.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    };
  });

  afterEach(() => stopServer());

  const ready = (...listed: string[]) =>
    gateway.emit({ type: 'ready', serverVersion: 193, accounts: listed });
  const ours = () => [...accounts.held.ours].join();

  it('outlast a lost connection, and lack what the next one does not list', async () => {
    ready(FIRST, SECOND);
    await eventually(() => ours() === `${FIRST},${SECOND}`);
    gateway.emit({ type: 'lost', reason: 'closed' });
    expect(ours()).toBe(`${FIRST},${SECOND}`);
    ready(FIRST);
    await eventually(() => ours() === FIRST);
    expect(accounts.managed).toEqual([FIRST]);
  });

  it('are those of the newest connection, however late the answer for an earlier one comes', async () => {
    ready(FIRST);
    await eventually(() => ours() === FIRST);
    ready(FIRST, SLOW);
    await eventually(() => asked.includes(SLOW));
    ready(FIRST, SECOND);
    await eventually(() => ours() === `${FIRST},${SECOND}`);
    let decisions = 0;
    accounts.onChange(() => {
      decisions += 1;
    });
    release.resolve();
    ready(SECOND);
    await eventually(() => decisions > 0);
    expect(ours()).toBe(SECOND);
  });
});
