import { activeContracts, EMPTY_REPLICA, type Replica } from '../../shared/replica.ts';
import type { StrategyStatus } from '../../shared/status.ts';
import { isActive, isOpen, type Strategy } from '../../shared/strategy.ts';
import { type BudgetPlan, NO_PLAN, planLines } from './budget.ts';
import { type AccountsHeld, describeStrategies } from './explain.ts';
import type { Line } from './line.ts';

/**
 * What is wanted: the strategies of our accounts, and which of their contracts the budget gives a line. What becomes
 * of it on the gateway is for streams.ts to say.
 */
export class Demand {
  #replica: Replica = EMPTY_REPLICA;
  #accounts: AccountsHeld = { ours: new Set(), elsewhere: new Map() };
  #plan: BudgetPlan = NO_PLAN;
  #cap = 0;
  #displaced: ReadonlySet<string> = new Set();

  /** Takes effect with the next `plan`. */
  update(replica: Replica, accounts: AccountsHeld): void {
    this.#replica = replica;
    this.#accounts = accounts;
  }

  /** Granted contracts, in the order of service. */
  get conIds(): ReadonlySet<number> {
    return this.#plan.conIds;
  }

  /** Contracts of ACTIVE strategies that the last plan did not grant and no other one brings, in the order of service. */
  get degraded(): ReadonlySet<number> {
    const refused = [...this.#plan.grants.values()].filter((grant) => !grant.granted);
    const conIds = refused.flatMap(
      ({ strategyId }) => this.#replica.strategies.get(strategyId)?.legs.map((leg) => leg.conId) ?? [],
    );
    return new Set(conIds).difference(this.conIds);
  }

  /** The cap that the last plan was made for. */
  get cap(): number {
    return this.#cap;
  }

  /** Contracts of every open strategy of ours, active or not: they may be wanted one day. */
  openConIds(): number[] {
    return this.#ours(isOpen).flatMap((strategy) => strategy.legs.map((leg) => leg.conId));
  }

  /** The owners of a line that was just refused for want of room are no incumbents against the others. */
  displace(strategyIds: readonly string[]): void {
    this.#displaced = new Set(strategyIds);
  }

  /** @returns contract -> ACTIVE strategies of ours that hold or watch it, granted or not */
  plan(options: {
    readonly cap: number;
    /** Contracts that the gateway refused. */
    readonly refused: ReadonlySet<number>;
  }): ReadonlyMap<number, readonly string[]> {
    const strategies = this.#ours(isActive);
    const granted = [...this.#plan.grants.values()].filter((grant) => grant.granted);
    const incumbents = new Set(granted.map((grant) => grant.strategyId)).difference(this.#displaced);
    this.#cap = options.cap;
    this.#plan = planLines({ ...options, strategies, incumbents });
    this.#displaced = new Set();
    return activeContracts(strategies);
  }

  /** A sentence for a contract of these strategies that has no line. */
  whyNot(strategyIds: readonly string[]): string {
    const [first = ''] = strategyIds;
    return `${first}: ${this.#plan.grants.get(first)?.reason ?? 'no line granted'}`;
  }

  describe(lineOf: (conId: number) => Line | undefined): StrategyStatus[] {
    const strategies = this.#replica.strategies.values();
    return describeStrategies({ strategies, accounts: this.#accounts, plan: this.#plan, lineOf });
  }

  #ours(counts: (strategy: Strategy) => boolean): Strategy[] {
    return [...this.#replica.strategies.values()].filter(
      (strategy) => counts(strategy) && this.#accounts.ours.has(strategy.account),
    );
  }
}
