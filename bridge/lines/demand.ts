import { activeContracts, EMPTY_REPLICA, type Replica } from '../../shared/replica.ts';
import type { StrategyStatus } from '../../shared/status.ts';
import { isActive, isOpen, type Strategy } from '../../shared/strategy.ts';
import { type BudgetPlan, NO_PLAN, planLines } from './budget.ts';
import { type AccountsHeld, describeStrategies } from './explain.ts';
import type { Line } from './line.ts';
import { type Knowledge, shortOptionsOf } from './short-options.ts';
import { describeWatch, NOTHING_WATCHED, nextWatch, type ShortOption, type WatchState } from './watch.ts';

/** What a strategy's own fields and the budget make of it; how its lines fare is another matter. */
type Standing = 'not-ours' | 'inactive' | 'granted' | 'degraded';

type Standings = ReadonlyMap<string, { readonly standing: Standing; readonly sinceMs: number }>;

/**
 * What is wanted: the strategies of our accounts, which of their contracts the budget gives a line, and, in lines that
 * are left, the watch class. What becomes of it on the gateway is for streams.ts to say.
 */
export class Demand {
  readonly #knowledge: Knowledge | undefined;
  #replica: Replica = EMPTY_REPLICA;
  #accounts: AccountsHeld = { ours: new Set(), elsewhere: new Map() };
  #plan: BudgetPlan = NO_PLAN;
  #cap = 0;
  #refused: ReadonlySet<number> = new Set();
  #displaced: ReadonlySet<string> = new Set();
  /** Of every open strategy of ours, with or without lines. */
  #shorts: ReadonlyMap<number, ShortOption> = new Map();
  #watch: WatchState = NOTHING_WATCHED;
  #conIds: ReadonlySet<number> = new Set();
  #standings: Standings = new Map();

  /** @param knowledge absent: nothing is watched, and no quantities are known */
  constructor(knowledge: Knowledge | undefined) {
    this.#knowledge = knowledge;
  }

  /** Takes effect with the next `plan`. @param now epoch milliseconds */
  update(replica: Replica, accounts: AccountsHeld, now: number): void {
    this.#replica = replica;
    this.#accounts = accounts;
    this.#shorts = this.#findShorts(now);
  }

  /**
   * Time has passed: prices moved, days ended, positions came and went.
   * @returns whether the watch class wants other lines, so that a `plan` is due
   */
  refresh(now: number): boolean {
    this.#shorts = this.#findShorts(now);
    const next = this.#nextWatch(now);
    if ([...next.keys()].join() !== [...this.#watch.keys()].join()) return true;
    this.#watch = next;
    return false;
  }

  /** Granted contracts, in the order of service: those of strategies, then those of the watch class. */
  get conIds(): ReadonlySet<number> {
    return this.#conIds;
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

  /**
   * @returns contract -> the strategies that its line is for: the ACTIVE ones of ours that hold or watch it, granted
   *   or not, and for a line of the watch class all that hold it short
   */
  plan(options: {
    readonly cap: number;
    /** Contracts that the gateway refused. */
    readonly refused: ReadonlySet<number>;
    /** Epoch milliseconds. */
    readonly now: number;
  }): ReadonlyMap<number, readonly string[]> {
    const { cap, refused, now } = options;
    const strategies = this.#ours(isActive);
    const granted = [...this.#plan.grants.values()].filter((grant) => grant.granted);
    const incumbents = new Set(granted.map((grant) => grant.strategyId)).difference(this.#displaced);
    this.#cap = cap;
    this.#refused = refused;
    this.#plan = planLines({ cap, refused, strategies, incumbents });
    this.#displaced = new Set();
    this.#watch = this.#nextWatch(now);
    this.#conIds = new Set([...this.#plan.conIds, ...this.#watch.keys()]);
    this.#standings = this.#nextStandings(now);
    const owners = new Map<number, readonly string[]>(activeContracts(strategies));
    for (const { conId, strategyIds } of this.#shorts.values()) {
      // One that the gateway refused keeps its line, and with it the refusal: it is not asked for again and again.
      if (this.#watch.has(conId) || (refused.has(conId) && !owners.has(conId)))
        owners.set(conId, strategyIds);
    }
    return owners;
  }

  /** A sentence for a contract of these strategies that has no line. */
  whyNot(strategyIds: readonly string[]): string {
    const [first = ''] = strategyIds;
    return `${first}: ${this.#plan.grants.get(first)?.reason ?? 'no line granted'}`;
  }

  /** @returns a sentence for a contract that has a line of the watch class, undefined for any other */
  whyWatched(conId: number): string | undefined {
    const short = this.#watch.has(conId) ? this.#shorts.get(conId) : undefined;
    return short && `${describeWatch(this.#watch, short)}; short leg of ${short.strategyIds.join(', ')}`;
  }

  describe(lineOf: (conId: number) => Line | undefined): StrategyStatus[] {
    return describeStrategies({
      strategies: this.#replica.strategies.values(),
      accounts: this.#accounts,
      plan: this.#plan,
      knowledge: this.#knowledge,
      lineOf,
      sinceOf: (strategyId) => this.#standings.get(strategyId)?.sinceMs ?? 0,
      watchOf: (conId) => this.#describeWatch(conId),
    });
  }

  #ours(counts: (strategy: Strategy) => boolean): Strategy[] {
    return [...this.#replica.strategies.values()].filter(
      (strategy) => counts(strategy) && this.#accounts.ours.has(strategy.account),
    );
  }

  #findShorts(now: number): ReadonlyMap<number, ShortOption> {
    const shorts = this.#knowledge ? shortOptionsOf(this.#ours(isOpen), this.#knowledge, now) : [];
    return new Map(shorts.map((short) => [short.conId, short]));
  }

  #nextWatch(now: number): WatchState {
    const { conIds } = this.#plan;
    const shorts = [...this.#shorts.values()].filter(
      ({ conId }) => !conIds.has(conId) && !this.#refused.has(conId),
    );
    return nextWatch(this.#watch, { shorts, capacity: this.#cap - conIds.size, now });
  }

  /** Not for what a strategy streams itself, nor for what is no short option. */
  #describeWatch(conId: number): string | undefined {
    const short = this.#plan.conIds.has(conId) ? undefined : this.#shorts.get(conId);
    return short && describeWatch(this.#watch, short);
  }

  #nextStandings(now: number): Standings {
    const open = [...this.#replica.strategies.values()].filter(isOpen);
    return new Map(
      open.map((strategy) => {
        const standing = this.#standingOf(strategy);
        const before = this.#standings.get(strategy.id);
        return [strategy.id, before?.standing === standing ? before : { standing, sinceMs: now }];
      }),
    );
  }

  #standingOf(strategy: Strategy): Standing {
    if (!this.#accounts.ours.has(strategy.account)) return 'not-ours';
    if (!isActive(strategy)) return 'inactive';
    return this.#plan.grants.get(strategy.id)?.granted ? 'granted' : 'degraded';
  }
}
