import { describe, expect, it } from 'vitest';
import { AwaitedRequests, lineChanges } from '../../../local/run/line-changes.ts';
import type { Strategy } from '../../../shared/strategy.ts';

const strategy = (
  id: string,
  conIds: readonly number[],
  status: Strategy['status'] = 'ACTIVE',
): Strategy => ({
  schema: 1,
  id,
  account: 'DU1234567',
  status,
  priority: 1,
  legs: conIds.map((conId) => ({ conId, quantity: '1' })),
  tags: [],
  rolledFrom: [],
  version: 1,
  registryVersion: 1,
  createdAt: '2026-11-20T15:00:00.000Z',
  updatedAt: '2026-11-20T15:00:00.000Z',
});

describe('lineChanges', () => {
  it('frees what no other active strategy wants', () => {
    const strategies = [strategy('a', [1, 2, 3]), strategy('b', [3, 4]), strategy('c', [2], 'INACTIVE')];
    const changes = lineChanges(strategies, strategy('a', [1, 2, 3], 'INACTIVE'), new Set());
    expect([...changes.freed]).toEqual([1, 2]);
    expect(changes.opened.size).toBe(0);
  });

  it('opens what nobody wanted yet', () => {
    const strategies = [strategy('a', [1, 2], 'INACTIVE'), strategy('b', [2])];
    const changes = lineChanges(strategies, strategy('a', [1, 2]), new Set());
    expect([...changes.opened]).toEqual([1]);
    expect(changes.freed.size).toBe(0);
  });

  it('opens nothing that the watch class has already', () => {
    const strategies = [strategy('a', [1, 2], 'INACTIVE')];
    expect([...lineChanges(strategies, strategy('a', [1, 2]), new Set([2])).opened]).toEqual([1]);
  });
});

describe('AwaitedRequests', () => {
  const request = { name: 'reqMktData', conId: 1, snapshot: false, monotonicMs: 0 };
  const awaited = () => new AwaitedRequests({ opened: new Set([1]), freed: new Set([2]) });

  it('is complete with the last request that was awaited, and says so once', () => {
    const requests = awaited();
    expect(requests.see(request)).toBe(false);
    expect(requests.see({ ...request, name: 'cancelMktData', conId: 2 })).toBe(true);
    expect(requests.isComplete).toBe(true);
    expect(requests.see({ ...request, name: 'cancelMktData', conId: 2 })).toBe(false);
  });

  it('does not wait for the cancel of a line that the watch class keeps', () => {
    const requests = new AwaitedRequests({ opened: new Set(), freed: new Set([2, 3]) });
    requests.see({ ...request, name: 'cancelMktData', conId: 2, monotonicMs: 7 });
    expect(requests.keep(new Set([2, 3, 4]))).toBe(1);
    expect(requests).toMatchObject({ isComplete: true, lastSeenMs: 7 });
  });

  it.each([
    { ...request, snapshot: true },
    { ...request, refusedWith: 101 },
    { ...request, conId: 9 },
    { ...request, name: 'reqContractDetails' },
    { name: 'reqMktData', monotonicMs: 0 },
  ])('is not moved by %j', (other) => {
    const requests = awaited();
    requests.see({ ...request, name: 'cancelMktData', conId: 2 });
    expect(requests.see(other)).toBe(false);
    expect(requests.isComplete).toBe(false);
  });
});
