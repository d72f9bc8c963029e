import type { BridgeStatus } from '../../shared/status.ts';

/** A valid status of a bridge with nothing to do; override what a test is about. */
export function bridgeStatus(overrides: Partial<BridgeStatus> = {}): BridgeStatus {
  return {
    schema: 1,
    bridge: 'home',
    pid: 4242,
    startedAt: '2026-11-20T14:00:00.000Z',
    at: '2026-11-20T15:00:00.000Z',
    gateway: {
      state: 'ready',
      host: '127.0.0.1',
      port: 4002,
      clientId: 1,
      serverVersion: 193,
      accounts: ['DU***01'],
      accountsElsewhere: [],
      connections: 1,
      failedAttempts: 0,
      linkUp: true,
    },
    lines: {
      cap: 90,
      capReason: 'lines.cap is 100, and 10 are left to your own TWS',
      setting: 100,
      reserve: 10,
      polledShare: 5,
      streaming: 0,
      watching: 0,
      snapshotsInFlight: 0,
      refused: 0,
      rows: [],
      strategies: [],
      polled: [],
    },
    ticks: 0,
    sweeps: { complete: 0, failed: 0, positions: 0, doubts: [] },
    assignments: { overAssigned: [] },
    outbox: { epoch: '1785300000000-k3x9qa', produced: 0, depth: 0, bytes: 0, sent: 0 },
    registry: { state: 'current', version: 0, strategies: 0 },
    handlers: [],
    memoryBytes: 50_000_000,
    ...overrides,
  };
}
