import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LookupLimits } from '../../../bridge/gateway/contract-lookups.ts';
import { ContractBook, type ContractBookOptions } from '../../../bridge/gateway/contracts.ts';
import { requestContractOf } from '../../../bridge/gateway/routing.ts';
import { startGateway } from '../../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../../local/gateway/generator.ts';
import { eventually } from '../../support/eventually.ts';
import { type Connected, connect } from './connected.ts';
import { REQ_CONTRACT_DATA, type ScriptedClient, startScriptedGateway } from './scripted-gateway.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'contracts-'));
});
afterEach(() => rm(directory, { recursive: true }));

const cachePath = () => join(directory, 'bridge', 'contracts.json');
const soon = () => AbortSignal.timeout(10_000);

const IMPATIENT: Partial<LookupLimits> = { deadlineMs: 100, restMs: 5, linkGraceMs: 50 };

async function open(bridge: Connected, options: Partial<ContractBookOptions> = {}): Promise<ContractBook> {
  const book = new ContractBook({
    gateway: bridge.connection,
    log: bridge.log,
    path: cachePath(),
    limits: IMPATIENT,
    ...options,
  });
  await book.start();
  return book;
}

interface Row {
  readonly conId: number;
  readonly secType?: string;
  readonly exchange?: string;
  readonly validExchanges?: string;
  readonly lastTradeDate?: string;
}

/** contractData and its end, as server version 193 sends them. */
function answerDetails(client: ScriptedClient, reqId: string, ...rows: readonly Row[]): void {
  for (const row of rows) {
    const {
      conId,
      secType = 'STK',
      exchange = 'SMART',
      validExchanges = 'SMART,NASDAQ',
      lastTradeDate = '',
    } = row;
    const contract = [
      `S${conId}`,
      secType,
      lastTradeDate,
      lastTradeDate,
      0,
      '',
      exchange,
      'USD',
      `S${conId}`,
    ];
    const terms = [
      'NMS',
      'NMS',
      conId,
      0.01,
      '',
      'LMT',
      validExchanges,
      1,
      0,
      'NAME',
      'NASDAQ',
      '',
      '',
      '',
      '',
    ];
    const hours = ['US/Eastern', '20260729:0930-20260729:1600', '20260729:0930-20260729:1600', '', 0, 0, 1];
    client.send(10, reqId, ...contract, ...terms, ...hours, '', '', '26', '', '', 1, 1, 100, 0);
  }
  client.send(52, 1, reqId);
}

/** @returns a gateway that answers every lookup by `rows`, or by code 200 where that gives none */
function lookupGateway(
  answer: (ask: {
    readonly conId: number;
    readonly symbol: string;
    readonly nth: number;
  }) => readonly Row[] | 'silence' | 200,
) {
  let nth = 0;
  return startScriptedGateway({
    answer: (fields, client) => {
      if (fields[0] !== REQ_CONTRACT_DATA) return false;
      const [, , reqId = '', conId = '', symbol = ''] = fields;
      nth += 1;
      const rows = answer({ conId: Number(conId), symbol, nth });
      if (rows === 200)
        client.send(4, 2, reqId, 200, 'No security definition has been found for the request', '');
      else if (rows !== 'silence') answerDetails(client, reqId, ...rows);
      return true;
    },
  });
}

const asked = (gateway: { readonly received: readonly { readonly fields: readonly string[] }[] }) =>
  gateway.received
    .filter(({ fields }) => fields[0] === REQ_CONTRACT_DATA)
    .map(({ fields }) => Number(fields[3]));

describe('a contract', () => {
  it('is asked for once, however many want it at the same time', async () => {
    await using gateway = await lookupGateway(({ conId }) => [{ conId }]);
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge);
    const found = await Promise.all(Array.from({ length: 20 }, () => book.resolve(265598, soon())));
    expect(new Set(found).size).toBe(1);
    expect(found[0]).toMatchObject({ contract: { conId: 265598, secType: 'STK' }, minTick: 0.01 });
    expect(asked(gateway)).toEqual([265598]);
    expect(book.peek(265598)).toBe(found[0]);
    expect(book.peek(1)).toBeUndefined();
  });

  it('is asked for when the gateway is ready, and again when the connection was lost', async () => {
    await using gateway = await lookupGateway(({ conId, nth }) => (nth === 1 ? 'silence' : [{ conId }]));
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge, { limits: { ...IMPATIENT, deadlineMs: 60_000 } });
    const found = book.resolve(42, soon());
    await eventually(() => asked(gateway).length === 1);
    gateway.clients[0]?.reset();
    expect(await found).toMatchObject({ contract: { conId: 42 } });
    expect(asked(gateway)).toEqual([42, 42]);
  });

  it('that gets no answer is asked for again, then whoever waits is told to retry', async () => {
    await using gateway = await lookupGateway(() => 'silence');
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge, { limits: { ...IMPATIENT, deadlineMs: 20 } });
    await expect(book.resolve(42, soon())).rejects.toMatchObject({
      name: 'ContractFault',
      disposition: 'retry',
      message: expect.stringMatching(/asked for 3 times: no answer within 20 ms/),
    });
    expect(asked(gateway)).toEqual([42, 42, 42]);
  });

  it('that the broker does not know is refused, and not asked for again at once', async () => {
    await using gateway = await lookupGateway(() => 200);
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge);
    for (let i = 0; i < 3; i += 1) {
      await expect(book.resolve(42, soon())).rejects.toMatchObject({
        disposition: 'drop',
        message: expect.stringMatching(/No security definition.*\(200\)/),
      });
    }
    expect(asked(gateway)).toEqual([42]);
    expect(book.status()).toMatchObject({ refused: 1, waiting: 0 });
  });

  it('is not blacklisted by a 200 that comes while the link is down or has just come up', async () => {
    let linkKnownUp = false;
    await using gateway = await lookupGateway(({ conId }) => {
      if (!linkKnownUp)
        gateway.send(4, 2, -1, 1100, 'Connectivity between IB and the TWS has been lost.', '');
      return linkKnownUp ? [{ conId }] : 200;
    });
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge);
    const found = book.resolve(42, soon());
    await bridge.nth('requestNotice');
    // The link is up, but the 200s of the outage still arrive.
    gateway.send(4, 2, -1, 1102, 'restored - data maintained', '');
    await bridge.nth('linkUp');
    await eventually(() => asked(gateway).length >= 2);
    linkKnownUp = true;
    gateway.send(4, 2, -1, 1102, 'restored - data maintained', '');
    expect(await found).toMatchObject({ contract: { conId: 42 } });
    expect(book.status().refused).toBe(0);
  });

  it('is given up by the signal of who waits, and not asked for when nobody does any more', async () => {
    await using gateway = await lookupGateway(() => 'silence');
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge, { limits: { ...IMPATIENT, deadlineMs: 60_000, concurrency: 1 } });
    const first = book.resolve(1, AbortSignal.timeout(10_000));
    const controller = new AbortController();
    const second = book.resolve(2, controller.signal);
    await eventually(() => asked(gateway).length === 1);
    controller.abort(new Error('the leg is gone'));
    await expect(second).rejects.toThrow('the leg is gone');
    expect(book.status().waiting).toBe(1);
    await book.stop();
    await expect(first).rejects.toMatchObject({ disposition: 'retry' });
  });

  it('is looked up with few requests at a time, and with a bound', async () => {
    let underWay = 0;
    let most = 0;
    await using gateway = await startScriptedGateway({
      answer: (fields, client) => {
        if (fields[0] !== REQ_CONTRACT_DATA) return false;
        most = Math.max(most, ++underWay);
        setImmediate(() => {
          underWay -= 1;
          answerDetails(client, fields[2] ?? '', { conId: Number(fields[3]) });
        });
        return true;
      },
    });
    await using bridge = connect({ port: gateway.port, requestsPerSecond: 1_000 });
    await using book = await open(bridge, { limits: { ...IMPATIENT, concurrency: 3, waitingMax: 50 } });
    const found = Array.from({ length: 50 }, (_, i) => book.resolve(i + 1, soon()));
    await expect(book.resolve(51, soon())).rejects.toMatchObject({ disposition: 'retry' });
    await Promise.all(found);
    expect(most).toBeLessThanOrEqual(3);
    expect(asked(gateway)).toHaveLength(50);
  });
});

describe('a name', () => {
  const VIX = { symbol: 'VIX', secType: 'IND', exchange: 'CBOE', currency: 'USD' };

  it('is resolved to its contract once', async () => {
    await using gateway = await lookupGateway(() => [{ conId: 13455763, secType: 'IND', exchange: 'CBOE' }]);
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge);
    expect(await book.resolveSymbol(VIX, soon())).toMatchObject({ contract: { conId: 13455763 } });
    await book.resolveSymbol(VIX, soon());
    await book.resolve(13455763, soon());
    const [request] = gateway.received.filter(({ fields }) => fields[0] === REQ_CONTRACT_DATA);
    expect(request?.fields.slice(3, 14)).toEqual(['0', 'VIX', 'IND', '', '', '', '', 'CBOE', '', 'USD', '']);
    expect(asked(gateway)).toHaveLength(1);
  });

  it('that stands for two contracts is a fault, never the first that comes', async () => {
    await using gateway = await lookupGateway(() => [{ conId: 1 }, { conId: 2 }]);
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge);
    await expect(book.resolveSymbol(VIX, soon())).rejects.toMatchObject({
      disposition: 'drop',
      message: expect.stringMatching(/VIX IND CBOE USD is ambiguous.*1, 2/),
    });
  });
});

describe('the cache', () => {
  const past = (days: number) => new Date(Date.now() - days * 86_400_000);

  it('is on disk for its owner alone, and serves the next start without a request', async () => {
    await using gateway = await lookupGateway(({ conId }) => [{ conId: conId || 7 }]);
    await using bridge = connect({ port: gateway.port });
    const book = await open(bridge);
    const details = await book.resolve(42, soon());
    await book.resolveSymbol({ symbol: 'SPY', secType: 'STK', exchange: 'SMART', currency: 'USD' }, soon());
    await book.stop();
    expect((await stat(cachePath())).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'bridge'))).toEqual(['contracts.json']);

    await using next = await open(bridge);
    expect(next.peek(42)).toEqual(details);
    expect(await next.resolve(42, soon())).toEqual(details);
    const spy = { symbol: 'SPY', secType: 'STK', exchange: 'SMART', currency: 'USD' };
    expect(await next.resolveSymbol(spy, soon())).toMatchObject({ contract: { conId: 7 } });
    expect(asked(gateway)).toHaveLength(2);
  });

  it('is written soon after a change, not only at the end', async () => {
    await using gateway = await lookupGateway(({ conId }) => [{ conId }]);
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge, { saveDelayMs: 5 });
    await book.resolve(42, soon());
    await eventually(async () => JSON.parse(await readFile(cachePath(), 'utf8')).contracts.length === 1);
  });

  it('older than a day serves at once and is refreshed behind it', async () => {
    await using gateway = await lookupGateway(({ conId, nth }) => [
      { conId, validExchanges: nth === 1 ? 'SMART' : 'SMART,IEX' },
    ]);
    await using bridge = connect({ port: gateway.port });
    const book = await open(bridge, { refreshAfterMs: 0 });
    await book.resolve(42, soon());
    expect((await book.resolve(42, soon())).validExchanges).toEqual(['SMART']);
    await eventually(() => book.peek(42)?.validExchanges.includes('IEX'));
    expect(asked(gateway)).toEqual([42, 42]);
    await book.stop();
  });

  it('keeps the old details when the refresh is refused', async () => {
    await using gateway = await lookupGateway(({ conId, nth }) => (nth === 1 ? [{ conId }] : 200));
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge, { refreshAfterMs: 0 });
    const details = await book.resolve(42, soon());
    for (let i = 0; i < 3; i += 1) expect(await book.resolve(42, soon())).toEqual(details);
    await eventually(() => book.status().waiting === 0);
    expect(book.peek(42)).toEqual(details);
    expect(asked(gateway)).toEqual([42, 42]);
  });

  it('forgets what expired more than a week ago', async () => {
    const day = (days: number) => past(days).toISOString().slice(0, 10).replaceAll('-', '');
    await using gateway = await lookupGateway(({ conId }) => [
      { conId, secType: 'FUT', exchange: 'CME', lastTradeDate: day(conId) },
    ]);
    await using bridge = connect({ port: gateway.port });
    const book = await open(bridge);
    await Promise.all([book.resolve(3, soon()), book.resolve(20, soon())]);
    await book.stop();
    await using next = await open(bridge);
    expect(next.peek(3)).toBeDefined();
    expect(next.peek(20)).toBeUndefined();
  });

  it('that is torn is set aside and counted, and the book starts empty', async () => {
    await using gateway = await lookupGateway(({ conId }) => [{ conId }]);
    await using bridge = connect({ port: gateway.port });
    const book = await open(bridge);
    await book.resolve(42, soon());
    await book.stop();
    const text = await readFile(cachePath(), 'utf8');
    await writeFile(cachePath(), text.slice(0, text.length / 2));
    await using next = await open(bridge);
    expect(next.status()).toMatchObject({ known: 0, cacheFaults: 1 });
    const files = await readdir(join(directory, 'bridge'));
    expect(files).toEqual([expect.stringMatching(/^contracts\.json\.torn-\d+$/)]);
    expect(await next.resolve(42, soon())).toMatchObject({ contract: { conId: 42 } });
  });

  it('with one bad row loses that row alone', async () => {
    await using gateway = await lookupGateway(({ conId }) => [{ conId }]);
    await using bridge = connect({ port: gateway.port });
    const book = await open(bridge);
    await Promise.all([book.resolve(1, soon()), book.resolve(2, soon())]);
    await book.stop();
    const file = JSON.parse(await readFile(cachePath(), 'utf8'));
    file.contracts[0].details.minTick = 'small';
    await writeFile(cachePath(), JSON.stringify(file));
    await using next = await open(bridge);
    expect(next.status()).toMatchObject({ known: 1, cacheFaults: 1 });
  });

  it('that cannot be written is told and counted, and stops nobody', async () => {
    await writeFile(join(directory, 'bridge'), 'a file where the directory should be');
    await using gateway = await lookupGateway(({ conId }) => [{ conId }]);
    await using bridge = connect({ port: gateway.port });
    const book = await open(bridge);
    expect(await book.resolve(42, soon())).toMatchObject({ contract: { conId: 42 } });
    await book.stop();
    expect(book.status().cacheFaults).toBeGreaterThan(0);
    expect(bridge.log.entries.map(({ event }) => event)).toContain('contract-cache-not-saved');
  });
});

describe('the exchange to ask for', () => {
  it('is one that the gateway streams, for every kind of contract', async () => {
    const portfolio = generatePortfolio({ seed: 7, positions: 80, condors: 2 });
    await using gateway = await startGateway({ portfolio, tickPeriodMs: 20, messagesPerSecondMax: 1_000 });
    await using bridge = connect({ port: gateway.port, requestsPerSecond: 400 });
    await using book = await open(bridge, { limits: {} });
    await bridge.nth('ready');
    const byKind = new Map(portfolio.instruments.map(({ contract }) => [contract.secType, contract.conId]));
    expect(new Set(byKind.keys())).toEqual(new Set(['STK', 'OPT', 'FUT', 'FOP', 'IND']));
    const chosen = new Map<string, string>();
    for (const [secType, conId] of byKind) {
      const request = requestContractOf(await book.resolve(conId, soon()));
      chosen.set(secType, request.exchange);
      bridge.connection.requests.requestMarketData(request, 'stream');
    }
    await eventually(() => gateway.stats().lines.streaming === byKind.size);
    expect(bridge.of('requestNotice')).toEqual([]);
    expect(chosen.get('STK')).toBe('SMART');
    expect(chosen.get('OPT')).toBe('SMART');
    expect(chosen.get('IND')).toBe('CBOE');
    expect(chosen.get('FOP')).not.toBe('SMART');
  });

  it.each([
    ['VIX', 'IND', 'CBOE'],
    ['SPY', 'STK', 'SMART'],
    ['QQQ', 'STK', 'SMART'],
    ['IWM', 'STK', 'SMART'],
  ])('of %s is found by its name', async (symbol, secType, exchange) => {
    const portfolio = generatePortfolio({ seed: 7, positions: 20, condors: 1 });
    await using gateway = await startGateway({ portfolio });
    await using bridge = connect({ port: gateway.port });
    await using book = await open(bridge, { limits: {} });
    const details = await book.resolveSymbol({ symbol, secType, exchange, currency: 'USD' }, soon());
    expect(requestContractOf(details)).toMatchObject({ symbol, exchange });
  });
});
