import { type Snapshot, snapshotId } from '../../shared/snapshot.ts';

/** A valid snapshot of a QQQ put as a gateway reports it; override what a test is about. */
export function snapshot(overrides: Partial<Snapshot> = {}): Snapshot {
  const base = {
    schema: 1,
    kind: 'snapshot',
    bridge: 'home',
    epoch: '1785300000000-k3x9qa',
    seq: 1,
    sweepId: '1785300000000-1',
    lane: 'poll',
    priority: 2,
    reason: 'opened',
    account: 'DU9000001',
    contract: {
      conId: 728937835,
      symbol: 'QQQ',
      secType: 'OPT',
      lastTradeDate: '20270115',
      strike: '500',
      right: 'P',
      multiplier: '100',
      currency: 'USD',
      localSymbol: 'QQQ   270115P00500000',
      tradingClass: 'QQQ',
    },
    quantity: '-3',
    averageCost: '2100.6321',
    quality: 'none',
    strategyIds: [],
    registryVersion: 0,
    observedAt: '2026-11-20T15:00:00.000Z',
    ...overrides,
  } as const;
  return { ...base, id: overrides.id ?? snapshotId(base) } as Snapshot;
}
