import { isWatched, type Leg, type Strategy } from '../../shared/strategy.ts';
import { shownAccount } from '../output/account.ts';
import { paint } from '../output/style.ts';
import { table } from '../output/table.ts';

/** What `slotwise registry` prints for a person. Pure but for colours. */

export function strategyTable(strategies: readonly Strategy[], showAccounts: boolean): string {
  return table(strategies, [
    { head: 'STRATEGY', cell: (strategy) => strategy.id },
    { head: 'ACCOUNT', cell: (strategy) => shownAccount(strategy.account, showAccounts) },
    { head: 'STATUS', cell: shownStatus },
    { head: 'PRIORITY', cell: (strategy) => String(strategy.priority), align: 'right' },
    { head: 'LEGS', cell: (strategy) => String(strategy.legs.length), align: 'right' },
    { head: 'VERSION', cell: (strategy) => String(strategy.version), align: 'right' },
    { head: 'REGISTRY', cell: (strategy) => String(strategy.registryVersion), align: 'right' },
    { head: 'CHANGED', cell: (strategy) => strategy.updatedAt },
    { head: 'TAGS', cell: (strategy) => strategy.tags.join(', ') },
  ]);
}

export function strategyDetails(strategy: Strategy, showAccounts: boolean): string {
  const fields = [
    ['strategy', strategy.id],
    ['account', shownAccount(strategy.account, showAccounts)],
    ['status', shownStatus(strategy)],
    ['priority', String(strategy.priority)],
    ['version', `${strategy.version} (registry ${strategy.registryVersion})`],
    ['created', strategy.createdAt],
    ['changed', strategy.updatedAt],
    ['closed', strategy.closedAt],
    ['removed', strategy.deletedAt],
    ['rolled from', strategy.rolledFrom.join(', ') || undefined],
    ['tags', strategy.tags.join(', ') || undefined],
  ] as const;
  const lines = fields.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(12)} ${value}`],
  );
  return [...lines, '', legTable(strategy.legs)].join('\n');
}

/** One line a version: what it is, and what it changed against the one before. */
export function historyTable(versions: readonly Strategy[], showAccounts: boolean): string {
  const rows = versions.map((version, index) => ({ version, before: versions[index - 1] }));
  return table(rows, [
    { head: 'VERSION', cell: ({ version }) => String(version.version), align: 'right' },
    { head: 'REGISTRY', cell: ({ version }) => String(version.registryVersion), align: 'right' },
    { head: 'AT', cell: ({ version }) => version.updatedAt },
    { head: 'STATUS', cell: ({ version }) => shownStatus(version) },
    { head: 'WHAT CHANGED', cell: ({ version, before }) => describeChange(before, version, showAccounts) },
  ]);
}

/** @param before undefined for the first version */
export function describeChange(before: Strategy | undefined, after: Strategy, showAccounts: boolean): string {
  if (before === undefined || before.deletedAt !== undefined) return `new, ${legCount(after)}`;
  if (after.deletedAt !== undefined) return 'removed';
  const changes: string[] = [];
  if (before.closedAt === undefined && after.closedAt !== undefined) changes.push('closed');
  if (before.closedAt !== undefined && after.closedAt === undefined) changes.push('opened again');
  if (before.account !== after.account) {
    const [from, to] = [before.account, after.account].map((account) => shownAccount(account, showAccounts));
    changes.push(`account ${from} -> ${to}`);
  }
  if (before.status !== after.status) changes.push(`${before.status} -> ${after.status}`);
  if (before.priority !== after.priority) changes.push(`priority ${before.priority} -> ${after.priority}`);
  changes.push(...legChanges(before.legs, after.legs));
  if (before.tags.join() !== after.tags.join()) changes.push(`tags ${after.tags.join(', ') || 'none'}`);
  if (before.rolledFrom.join() !== after.rolledFrom.join()) {
    changes.push(`rolled from ${after.rolledFrom.join(', ') || 'nothing'}`);
  }
  return changes.join(', ') || 'written as it was';
}

function legChanges(before: readonly Leg[], after: readonly Leg[]): string[] {
  const old = new Map(before.map((leg) => [leg.conId, leg]));
  const kept = new Set(after.map((leg) => leg.conId));
  const changed = after.flatMap((leg) => {
    const previous = old.get(leg.conId);
    if (previous === undefined) return [`+${leg.conId} (${leg.quantity})`];
    if (previous.quantity !== leg.quantity) return [`${leg.conId}: ${previous.quantity} -> ${leg.quantity}`];
    if (previous.openPrice === leg.openPrice) return [];
    return [`${leg.conId}: open price ${previous.openPrice ?? 'unknown'} -> ${leg.openPrice ?? 'unknown'}`];
  });
  const gone = before.filter((leg) => !kept.has(leg.conId)).map((leg) => `-${leg.conId}`);
  return [...changed, ...gone];
}

function legTable(legs: readonly Leg[]): string {
  return table(legs, [
    { head: 'CONID', cell: (leg) => String(leg.conId), align: 'right' },
    { head: 'QUANTITY', cell: (leg) => (isWatched(leg) ? 'watched' : leg.quantity), align: 'right' },
    { head: 'OPEN PRICE', cell: (leg) => leg.openPrice ?? '', align: 'right' },
  ]);
}

function legCount(strategy: Strategy): string {
  return strategy.legs.length === 1 ? '1 leg' : `${strategy.legs.length} legs`;
}

function shownStatus(strategy: Strategy): string {
  if (strategy.deletedAt !== undefined) return paint('dim', 'removed');
  if (strategy.closedAt !== undefined) return paint('dim', 'closed');
  return strategy.status === 'ACTIVE' ? paint('green', 'ACTIVE') : 'INACTIVE';
}
