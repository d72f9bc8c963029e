import type { Drop, Heartbeat, Ledger } from '../../shared/message.ts';

const EPOCH = '1785300000000-k3x9qa';

/** A valid heartbeat; override what a test is about. */
export function heartbeat(overrides: Partial<Heartbeat> = {}): Heartbeat {
  return {
    schema: 1,
    kind: 'heartbeat',
    bridge: 'home',
    epoch: EPOCH,
    at: '2026-11-20T15:00:00.000Z',
    accounts: ['DU9000001'],
    gauges: {
      gatewayReady: 1,
      linesCap: 100,
      linesInUse: 20,
      linesRefused: 0,
      strategiesActive: 5,
      strategiesDegraded: 0,
      positions: 200,
      outboxDepth: 3,
      outboxOldestMs: 1200,
      registryVersion: 17,
      registryLag: 0,
      sweepAgeMs: 4000,
      keyframeAgeMs: 60_000,
      sweepsFailed: 0,
      overAssigned: 0,
    },
    ...overrides,
  };
}

export function ledger(overrides: Partial<Ledger> = {}): Ledger {
  return {
    schema: 1,
    kind: 'ledger',
    bridge: 'home',
    epoch: EPOCH,
    day: '2026-11-20',
    first: 1,
    last: 50,
    count: 50,
    digest: 'a'.repeat(64),
    at: '2026-11-20T15:00:00.000Z',
    ...overrides,
  };
}

export function drop(overrides: Partial<Drop> = {}): Drop {
  return {
    schema: 1,
    kind: 'drop',
    bridge: 'home',
    epoch: EPOCH,
    first: 7,
    last: 9,
    reason: 'the outbox was full',
    at: '2026-11-20T15:00:00.000Z',
    ...overrides,
  };
}
