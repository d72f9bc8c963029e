import type { CommittedPosition, SnapshotDraft } from '../bridge/outbox/draft.ts';

/** One keyframe of an account: every position with its snapshot, as the outbox takes them in one transaction. */
export function sweepOf(run: number, positions: number) {
  const completedAt = new Date().toISOString();
  const sweepId = `bench-${run}`;
  const upserts: CommittedPosition[] = [];
  const drafts: SnapshotDraft[] = [];
  for (let index = 1; index <= positions; index += 1) {
    const contract = {
      conId: 700_000_000 + index,
      symbol: 'SPY',
      secType: 'OPT',
      lastTradeDate: '20270115',
      strike: String(300 + index),
      right: index % 2 === 0 ? 'P' : 'C',
      multiplier: '100',
      currency: 'USD',
      localSymbol: `SPY   270115P00${index}000`,
      tradingClass: 'SPY',
    } as const;
    const row = { account: 'DU9000001', contract, quantity: String(run), averageCost: '2100.6321' };
    upserts.push({ ...row, missedSweeps: 0 });
    drafts.push({
      ...row,
      sweepId,
      lane: 'poll',
      priority: 2,
      reason: 'keyframe',
      mark: {
        bid: 1.2,
        ask: 1.25,
        price: 1.225,
        iv: 0.21,
        delta: -0.3,
        gamma: 0.01,
        vega: 0.2,
        theta: -0.04,
      },
      quality: 'live',
      strategyIds: ['spy-condor-jan'],
      registryVersion: 12,
      observedAt: completedAt,
    });
  }
  return { upserts, drafts, sweep: { sweepId, completedAt, keyframe: true } };
}
