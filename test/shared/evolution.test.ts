import { describe, expect, it } from 'vitest';
import { readActions, readCommit } from '../../shared/delta/actions.ts';
import { decodeFeedMessage } from '../../shared/feed.ts';
import { decodeMessage, type Message } from '../../shared/message.ts';
import { drop, heartbeat, ledger } from '../support/messages.ts';
import { snapshot } from '../support/snapshots.ts';
import { strategy } from '../support/strategies.ts';

const MESSAGES: readonly Message[] = [
  snapshot({ mark: { bid: 1.05, at: '2026-11-20T15:00:00.000Z' }, quality: 'live' }),
  heartbeat(),
  ledger({ began: { cause: 'start', predecessor: { epoch: '1785200000000-k3x9qa', seq: 3 } } }),
  drop(),
];

/** As a later version would write it: each object has a field more. */
function later(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(later);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, later(field)]);
  return { ...Object.fromEntries(fields), addedLater: { since: 2 } };
}

describe("yesterday's reader", () => {
  it.each(MESSAGES)('takes a $kind of tomorrow for what it knows of it', (message) => {
    expect(decodeMessage(JSON.stringify(later(message)))).toMatchObject({ ok: true, message });
    const decoded = decodeMessage(JSON.stringify(later(message)));
    expect(decoded.ok && decoded.message).toEqual(message);
  });

  it('takes a change of the registry of tomorrow for what it knows of it', () => {
    const message = { schema: 1, kind: 'registry', strategy: strategy() };
    expect(decodeFeedMessage(JSON.stringify(later(message)))).toEqual({ ok: true, message });
  });

  it('takes a Delta log of tomorrow for what it knows of it: fields and kinds of action more', () => {
    const add = {
      path: 'a',
      partitionValues: { dt: '2026-11-20' },
      size: 1,
      modificationTime: 2,
      dataChange: true,
    };
    const lines = [{ add: { ...add, tags: null, baseRowId: 3 } }, { domainMetadata: { domain: 'x' } }];
    expect(readCommit('log', lines.map((line) => JSON.stringify(line)).join('\n'))).toEqual([{ add }, {}]);
    // As hyparquet reads a checkpoint: every column in every row.
    const row = { add: { ...add, size: 1n, modificationTime: 2n }, remove: null, sidecar: null };
    expect(readActions('checkpoint', [row])).toEqual([{ add, remove: null }]);
  });
});

describe("today's reader", () => {
  const first = { schema: 1, bridge: 'home', epoch: '1785300000000-k3x9qa' };
  const at = '2026-08-01T15:00:00.000Z';

  // What was optional once stays so: such bodies wait in queues, outboxes and dead letters.
  it.each([
    {
      ...first,
      kind: 'snapshot',
      id: 'home:1785300000000-k3x9qa:1',
      seq: 1,
      lane: 'poll',
      priority: 2,
      reason: 'opened',
      account: 'DU9000001',
      contract: { conId: 1, symbol: 'SPY', secType: 'STK', currency: 'USD' },
      quantity: '1',
      averageCost: '2.5',
      quality: 'none',
      strategyIds: [],
      registryVersion: 0,
      observedAt: at,
    },
    {
      ...first,
      kind: 'heartbeat',
      at,
      accounts: [],
      gauges: {
        gatewayReady: 0,
        linesCap: 100,
        linesInUse: 0,
        linesRefused: 0,
        strategiesActive: 0,
        strategiesDegraded: 0,
        positions: 0,
        outboxDepth: 0,
        outboxOldestMs: 0,
        registryVersion: 0,
        sweepsFailed: 0,
        overAssigned: 0,
      },
    },
    { ...first, kind: 'ledger', day: '2026-08-01', first: 1, last: 2, count: 2, digest: 'a'.repeat(64), at },
    { ...first, kind: 'drop', first: 1, last: 2, reason: 'full', at },
  ])('takes a $kind as the first version wrote it', (message) => {
    const decoded = decodeMessage(JSON.stringify(message));
    expect(decoded.ok && decoded.message).toEqual(message);
  });

  it('takes a change of the registry as the first version wrote it', () => {
    const written = {
      id: 'spy-1',
      account: 'DU1',
      status: 'ACTIVE',
      priority: 1,
      legs: [{ conId: 1, quantity: '1' }],
      schema: 1,
      version: 1,
      registryVersion: 1,
      createdAt: at,
      updatedAt: at,
    };
    const body = JSON.stringify({ schema: 1, kind: 'registry', strategy: written });
    expect(decodeFeedMessage(body)).toMatchObject({ ok: true, message: { strategy: written } });
  });
});
