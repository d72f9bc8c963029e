import { maskAccount } from '../../shared/account.ts';
import type { Contract } from '../../shared/contract.ts';
import { addDecimals } from '../../shared/decimal.ts';
import type { LegStatus, LineStatus, StrategyStatus } from '../../shared/status.ts';
import { isActive, isOpen, type Leg, type Strategy } from '../../shared/strategy.ts';
import type { BudgetPlan } from './budget.ts';
import type { Line } from './line.ts';
import type { Knowledge } from './short-options.ts';

/** Whose strategies this bridge may act on. */
export interface AccountsHeld {
  /** Accounts that the gateway manages and no other bridge holds. */
  readonly ours: ReadonlySet<string>;
  /** Accounts that the gateway manages and another bridge holds: account -> that bridge. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

/** @param whyWatched of a line of the watch class: its prices move, so it is asked for anew each time */
export function describeLine(
  line: Line,
  contract: Contract | undefined,
  whyWatched: string | undefined,
): LineStatus {
  const { quality, mark } = line.quote();
  return {
    conId: line.conId,
    ...(contract === undefined ? {} : { contract }),
    state: line.state,
    strategyIds: [...line.owners],
    since: new Date(line.since).toISOString(),
    reason: line.state === 'confirmed' ? (whyWatched ?? line.reason) : line.reason,
    ...(whyWatched === undefined ? {} : { watch: true }),
    quality,
    ...(mark === undefined ? {} : { mark }),
    ticks: line.ticks,
    ...(line.requestedAgain === 0 ? {} : { requestedAgain: line.requestedAgain }),
    ...(line.heardAt === 0 ? {} : { lastMessageAt: new Date(line.heardAt).toISOString() }),
  };
}

interface StrategyContext {
  readonly accounts: AccountsHeld;
  readonly plan: BudgetPlan;
  readonly knowledge: Knowledge | undefined;
  readonly lineOf: (conId: number) => Line | undefined;
  /** Epoch milliseconds: since when the budget has had the same to say of it. */
  readonly sinceOf: (strategyId: string) => number;
  /** What the watch class says of a held short option that no strategy streams. */
  readonly watchOf: (conId: number) => string | undefined;
}

/** Open strategies in the order of service, each with its state, since when and a sentence of why. */
export function describeStrategies(
  options: StrategyContext & { readonly strategies: Iterable<Strategy> },
): StrategyStatus[] {
  return [...options.strategies]
    .filter(isOpen)
    .sort((left, right) => left.priority - right.priority || (left.id < right.id ? -1 : 1))
    .map((strategy) => ({
      id: strategy.id,
      account: maskAccount(strategy.account),
      priority: strategy.priority,
      linesNeeded: strategy.legs.length,
      since: new Date(sinceOf(strategy, options)).toISOString(),
      ...stateOf(strategy, options),
      legs: strategy.legs.map((leg) => describeLeg(leg, strategy, options)),
    }));
}

/** Where it has lines, since the last of them took its state: until then the whole was not what it is now. */
function sinceOf(strategy: Strategy, { plan, lineOf, sinceOf: standingSince }: StrategyContext): number {
  const since = standingSince(strategy.id);
  if (plan.grants.get(strategy.id)?.granted !== true) return since;
  return Math.max(since, ...strategy.legs.map((leg) => lineOf(leg.conId)?.since ?? since));
}

function describeLeg(leg: Leg, { account }: Strategy, context: StrategyContext): LegStatus {
  const { accounts, knowledge, watchOf } = context;
  const { conId, quantity } = leg;
  const isOurs = accounts.ours.has(account);
  const positions = knowledge?.positionsOf(conId).filter((each) => each.account === account) ?? [];
  const [position, ...more] = positions;
  const held =
    more.length === 0 ? (position?.quantity ?? '0') : addDecimals(...positions.map((each) => each.quantity));
  const contract = knowledge?.detailsOf(conId)?.contract ?? position?.contract;
  const watch = isOurs ? watchOf(conId) : undefined;
  return {
    conId,
    ...(contract === undefined ? {} : { contract }),
    quantity,
    ...(knowledge && isOurs ? { held } : {}),
    ...(watch === undefined ? {} : { watch }),
  };
}

function stateOf(strategy: Strategy, context: StrategyContext): Pick<StrategyStatus, 'state' | 'reason'> {
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
