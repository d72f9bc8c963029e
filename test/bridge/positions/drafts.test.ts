import { describe, expect, it } from 'vitest';
import type { PositionChange } from '../../../bridge/positions/differ.ts';
import { draftChanges } from '../../../bridge/positions/drafts.ts';
import { encodeMessage } from '../../../shared/message.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import { strategy } from '../lines/strategies.ts';
import { ACCOUNT, contract, OTHER } from './rows.ts';

function change(conId: number, account = ACCOUNT): PositionChange {
  return {
    reason: 'changed',
    position: { account, contract: contract(conId), quantity: '-3', averageCost: '2100.6321' },
    sweepId: 'sweep-30',
    observedAt: '2026-11-20T14:30:30.000Z',
  };
}

const replica = [
  strategy('condor', { conIds: [1], registryVersion: 1 }),
  strategy('held', { conIds: [1, 2], status: 'INACTIVE', registryVersion: 2 }),
  strategy('over', { conIds: [1], closedAt: '2026-11-19T14:30:00.000Z', registryVersion: 3 }),
].reduce(applyImage, EMPTY_REPLICA);

describe('drafting snapshots of changes', () => {
  it('carries quantity, mark, quality, owners and the registry version', () => {
    const mark = { bid: 2, ask: 3, price: 2.5 };
    const [draft] = draftChanges([change(1)], { quoteOf: () => ({ quality: 'live', mark }), replica });
    expect(draft).toMatchObject({
      lane: 'poll',
      priority: 2,
      reason: 'changed',
      sweepId: 'sweep-30',
      quantity: '-3',
      mark,
      quality: 'live',
      strategyIds: ['condor', 'held'],
      registryVersion: 3,
    });
  });

  it('is a message that the drain accepts, with or without a mark', () => {
    const quotes = new Map([[1, { quality: 'live' as const, mark: { price: 2 } }]]);
    const drafts = draftChanges([change(1), change(2)], { quoteOf: (conId) => quotes.get(conId), replica });
    expect(drafts.map((draft) => draft.quality)).toEqual(['live', 'none']);
    for (const [index, draft] of drafts.entries()) {
      const seq = index + 1;
      const epoch = '1795271400000-abcdef';
      const id = `home:${epoch}:${seq}`;
      encodeMessage({ schema: 1, kind: 'snapshot', id, bridge: 'home', epoch, seq, ...draft });
    }
  });

  it('names owners of its own account only', () => {
    const [draft] = draftChanges([change(1, OTHER)], { quoteOf: () => undefined, replica });
    expect(draft?.strategyIds).toEqual([]);
  });
});
