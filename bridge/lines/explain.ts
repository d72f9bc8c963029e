import { maskAccount } from '../../shared/account.ts';
import type { Contract } from '../../shared/contract.ts';
import type { LineStatus, StrategyStatus } from '../../shared/status.ts';
import { isActive, isOpen, type Strategy } from '../../shared/strategy.ts';
import type { BudgetPlan } from './budget.ts';
import type { Line } from './line.ts';

/** Whose strategies this bridge may act on. */
export interface AccountsHeld {
  /** Accounts that the gateway manages and no other bridge holds. */
  readonly ours: ReadonlySet<string>;
  /** Accounts that the gateway manages and another bridge holds: account -> that bridge. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

export function describeLine(line: Line, contract: Contract | undefined): LineStatus {
  const { quality, mark } = line.quote();
  return {
    conId: line.conId,
    ...(contract === undefined ? {} : { contract }),
    state: line.state,
    strategyIds: [...line.owners],
    since: new Date(line.since).toISOString(),
    reason: line.reason,
    quality,
    ...(mark === undefined ? {} : { mark }),
    ticks: line.ticks,
    ...(line.requestedAgain === 0 ? {} : { requestedAgain: line.requestedAgain }),
    ...(line.heardAt === 0 ? {} : { lastMessageAt: new Date(line.heardAt).toISOString() }),
  };
}

/** Open strategies in the order of service, each with its state and a sentence of why. */
export function describeStrategies(options: {
  readonly strategies: Iterable<Strategy>;
  readonly accounts: AccountsHeld;
  readonly plan: BudgetPlan;
  readonly lineOf: (conId: number) => Line | undefined;
}): StrategyStatus[] {
  const { strategies, accounts, plan, lineOf } = options;
  return [...strategies]
    .filter(isOpen)
    .sort((left, right) => left.priority - right.priority || (left.id < right.id ? -1 : 1))
    .map((strategy) => ({
      id: strategy.id,
      account: maskAccount(strategy.account),
      priority: strategy.priority,
      linesNeeded: strategy.legs.length,
      ...stateOf(strategy, { accounts, plan, lineOf }),
    }));
}

function stateOf(
  strategy: Strategy,
  context: {
    readonly accounts: AccountsHeld;
    readonly plan: BudgetPlan;
    readonly lineOf: (conId: number) => Line | undefined;
  },
): Pick<StrategyStatus, 'state' | 'reason'> {
  const { accounts, plan, lineOf } = context;
  if (!accounts.ours.has(strategy.account)) {
    return { state: 'not-ours', reason: notOurs(strategy.account, accounts.elsewhere) };
  }
  if (!isActive(strategy)) return { state: 'inactive', reason: 'INACTIVE: held, its legs are polled' };
  const grant = plan.grants.get(strategy.id);
  if (!grant) return { state: 'pending', reason: 'not planned yet' };
  if (!grant.granted) return { state: 'degraded', reason: grant.reason };

  const lines = strategy.legs.map((leg) => lineOf(leg.conId));
  const refused = lines.filter((line) => line?.refusal);
  const silent = lines.filter((line) => line?.state === 'stale');
  const waiting = lines.filter(
    (line) => !line?.refusal && line?.state !== 'confirmed' && line?.state !== 'stale',
  );
  if (refused.length > 0) {
    const texts = refused.map((line) => `${line?.conId}: ${line?.refusal?.text}`).join('; ');
    return { state: 'partial', reason: `${grant.reason} (${texts})` };
  }
  if (waiting.length > 0) {
    const [first] = waiting;
    return {
      state: 'pending',
      reason: `${waiting.length} of ${lines.length} lines not confirmed yet: ${first?.reason ?? 'not requested'}`,
    };
  }
  if (silent.length > 0) {
    return { state: 'stale', reason: `${silent.length} of ${lines.length} lines: ${silent[0]?.reason}` };
  }
  return { state: 'streaming', reason: grant.reason };
}

function notOurs(account: string, elsewhere: ReadonlyMap<string, string>): string {
  const bridge = elsewhere.get(account);
  return bridge === undefined
    ? `this gateway does not manage ${maskAccount(account)}`
    : `${maskAccount(account)} is held by another bridge: ${bridge}`;
}
