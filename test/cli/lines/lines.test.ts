import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStatus } from '../../../cli/lines/read-status.ts';
import { linesView } from '../../../cli/lines/view.ts';
import { LOCAL_RUN } from '../../../shared/local-run.ts';
import type { BridgeStatus } from '../../../shared/status.ts';
import { bridgeStatus } from '../../support/status.ts';

let stateDir: string;
let server: Server;
let url: string;
let answer: { status: number; body: string };

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'slotwise-lines-'));
  answer = { status: 200, body: JSON.stringify(bridgeStatus()) };
  server = createServer((request, response) => {
    response.writeHead(request.url === '/status.json' ? answer.status : 404).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});

afterEach(async () => {
  server.close();
  await rm(stateDir, { recursive: true, force: true });
});

async function writeStatus(status: unknown): Promise<void> {
  await writeFile(join(stateDir, LOCAL_RUN.statusFile), JSON.stringify(status));
}

describe('the status of a bridge', () => {
  it('is asked of the bridge while it answers', async () => {
    await writeStatus(bridgeStatus({ bridge: 'old' }));
    expect(await readStatus({ name: 'home', url, stateDir })).toEqual({
      type: 'live',
      status: bridgeStatus(),
    });
  });

  it('is what it wrote last when it does not answer, or answers nonsense', async () => {
    await writeStatus(bridgeStatus({ ticks: 7 }));
    const lastKnown = { type: 'last-known', status: { ticks: 7 } };
    answer = { status: 503, body: '' };
    expect(await readStatus({ name: 'home', url, stateDir })).toMatchObject(lastKnown);
    answer = { status: 200, body: '{"schema": 9}' };
    expect(await readStatus({ name: 'home', url, stateDir })).toMatchObject(lastKnown);
    server.close();
    server.closeAllConnections();
    expect(await readStatus({ name: 'home', url, stateDir })).toMatchObject(lastKnown);
  });

  it('is unknown, with every reason, when there is neither', async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    const reading = await readStatus({ name: 'home', url, stateDir });
    expect(reading).toMatchObject({ type: 'unknown', name: 'home' });
    expect(reading).toHaveProperty('fault', expect.stringMatching(/ECONNREFUSED.*status\.json.*ENOENT/));
    expect(await readStatus({ name: 'home' })).toMatchObject({ fault: expect.stringContaining('yet') });
  });

  it('is not waited for when nobody answers a connection', async () => {
    server.removeAllListeners('request');
    const reading = await readStatus({ name: 'home', url }, { deadlineMs: 50 });
    expect(reading).toMatchObject({ type: 'unknown', fault: expect.stringContaining('timeout') });
  });
});

describe('the view of lines', () => {
  const since = '2026-11-20T14:59:00.000Z';
  const lines: BridgeStatus['lines'] = {
    ...bridgeStatus().lines,
    streaming: 20,
    stale: 1,
    watching: 2,
    snapshotsInFlight: 3,
    refused: 1,
    requestedAgain: 0,
    rows: [
      {
        conId: 2,
        state: 'refused',
        strategyIds: ['b'],
        since,
        reason: 'the broker refused it: 200',
        quality: 'none',
        ticks: 0,
      },
      {
        conId: 1,
        contract: {
          conId: 1,
          symbol: 'SPY',
          secType: 'OPT',
          lastTradeDate: '20261218',
          strike: '600',
          right: 'C',
          currency: 'USD',
        },
        state: 'confirmed',
        strategyIds: ['a'],
        since,
        reason: 'leg of a',
        quality: 'live',
        ticks: 42,
        lastMessageAt: '2026-11-20T14:58:30.000Z',
      },
    ],
    strategies: [
      {
        id: 'b',
        account: 'DU***01',
        priority: 9,
        linesNeeded: 4,
        state: 'degraded',
        since: '2026-11-19T20:00:00.000Z',
        reason: '2 lines were left',
        legs: [],
      },
    ],
    polled: [{ name: 'VIX', quality: 'delayed', source: 'snapshot', lastAt: since, mark: { price: 17.5 } }],
    lane: [
      {
        class: 'index',
        source: 'snapshot',
        contracts: 4,
        quoted: 4,
        periodMs: 60_000,
        reachedPeriodMs: 60_000,
        oldestMs: 12_400,
      },
      {
        class: 'degraded',
        source: 'short-stream',
        contracts: 80,
        quoted: 60,
        periodMs: 15_000,
        reachedPeriodMs: 150_000,
        oldestMs: 171_000,
      },
      { class: 'mark', source: 'off', contracts: 0, quoted: 0, periodMs: 900_000, reachedPeriodMs: 900_000 },
    ],
  };

  it('says how many lines there are, who has one, who has not and why', () => {
    const text = linesView({ type: 'live', status: bridgeStatus({ lines }) });
    expect(text.split('\n')[0]).toBe(
      'home: 20 of 90 lines streaming, 2 of them in the watch class, 1 stale, 66 free, 3 snapshots in flight, 1 refused',
    );
    expect(text).toMatch(
      / +1 +SPY 2026-12-18 600 C +confirmed +14:59:00 +live +42 +90 s +a +leg of a\n +2 .*refused +14:59:00 +none +0 +b +the broker/,
    );
    expect(text).toMatch(/b +DU\*\*\*01 +9 +4 +degraded +2026-11-19 20:00:00 +2 lines were left/);
    expect(text).toMatch(/VIX +17\.5 +delayed/);
    expect(text).toMatch(/instruments +snapshot +4 +4 +60 s +60 s +12 s/);
    expect(text).toMatch(/legs without lines +short stream +80 +60 +15 s +2\.5 min +2\.9 min/);
    expect(text).toMatch(/marks of positions +off +0 +0 +15 min *(\n|$)/);
  });

  it('says when it is old, and what is wrong with gateway and registry', () => {
    const status = bridgeStatus();
    const text = linesView({
      type: 'last-known',
      status: {
        ...status,
        gateway: { ...status.gateway, state: 'open-circuit', lastFault: 'nobody listens: start TWS' },
        registry: { ...status.registry, state: 'stale' },
      },
    });
    expect(text).toContain('as of 2026-11-20T15:00:00.000Z');
    expect(text).toContain('gateway 127.0.0.1:4002 is open-circuit: nobody listens: start TWS');
    expect(text).toContain('the registry is the last one known');
    expect(text).not.toContain('LINES\n');
  });
});
