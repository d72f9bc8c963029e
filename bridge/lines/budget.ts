import type { Strategy } from '../../shared/strategy.ts';

export interface BudgetInput {
  /** ACTIVE strategies of accounts that this bridge holds, in any order. */
  readonly strategies: readonly Strategy[];
  /** Lines that streams may take: the learned cap without the polled lane's share. */
  readonly cap: number;
  /** Strategies that hold their lines now: they keep them against an equal priority. */
  readonly incumbents: ReadonlySet<string>;
  /** Contracts that the gateway refused: they need no line, their siblings stream without them. */
  readonly refused: ReadonlySet<number>;
}

interface Grant {
  readonly strategyId: string;
  readonly granted: boolean;
  /** Lines that its legs need, shared ones included, refused ones not. */
  readonly linesNeeded: number;
  /** A sentence. */
  readonly reason: string;
}

export interface BudgetPlan {
  /** By strategy id, in the order of service. */
  readonly grants: ReadonlyMap<string, Grant>;
  /** Contracts that get a line, in the order of service; never more than the cap. */
  readonly conIds: ReadonlySet<number>;
}

export const NO_PLAN: BudgetPlan = { grants: new Map(), conIds: new Set() };

/**
 * Which strategies get lines: each all of its lines or none. Service is by priority (1 first), then incumbents, then
 * id, and what is served later never takes from what was served before; so a strategy that is added, whatever it
 * needs, evicts nobody of a higher priority and no incumbent of its own. What does not fit is skipped, and the next
 * that fits streams. A contract that several strategies share counts once.
 */
export function planLines(input: BudgetInput): BudgetPlan {
  const grants = new Map<string, Grant>();
  const conIds = new Set<number>();
  for (const strategy of inOrderOfService(input.strategies, input.incumbents)) {
    const needed = strategy.legs.map((leg) => leg.conId).filter((conId) => !input.refused.has(conId));
    const missing = needed.filter((conId) => !conIds.has(conId));
    const left = Math.max(0, input.cap - conIds.size);
    const granted = missing.length <= left;
    if (granted) for (const conId of missing) conIds.add(conId);
    grants.set(strategy.id, {
      strategyId: strategy.id,
      granted,
      linesNeeded: needed.length,
      reason: granted
        ? grantedReason(strategy, needed.length, missing.length)
        : `needs ${lines(missing.length)} more, and ${left} of ${input.cap} ${left === 1 ? 'is' : 'are'} left after ` +
          `the strategies served before it (priority ${strategy.priority}): its legs are polled`,
    });
  }
  return { grants, conIds };
}

function inOrderOfService(strategies: readonly Strategy[], incumbents: ReadonlySet<string>): Strategy[] {
  const rank = (strategy: Strategy) => (incumbents.has(strategy.id) ? 0 : 1);
  return [...strategies].sort(
    (left, right) =>
      left.priority - right.priority ||
      rank(left) - rank(right) ||
      (left.id < right.id ? -1 : left.id > right.id ? 1 : 0),
  );
}

function grantedReason(strategy: Strategy, needed: number, missing: number): string {
  const refused = strategy.legs.length - needed;
  const shared = needed - missing;
  return [
    `has ${lines(needed)} by priority ${strategy.priority}`,
    ...(shared > 0 ? [`${shared} of them shared`] : []),
    ...(refused > 0
      ? [`${refused} of its legs ${refused === 1 ? 'was' : 'were'} refused by the gateway`]
      : []),
  ].join(', ');
}

function lines(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`;
}
