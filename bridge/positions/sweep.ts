import { BRIDGE, GATEWAY } from '../../shared/limits.ts';
import type { Gateway, GatewayEvent } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import { AllAccountsList } from './all-accounts.ts';
import type { PositionRow, Sweep } from './differ.ts';
import { EachAccountLists } from './each-account.ts';
import type { PositionLists, Reading } from './lists.ts';

export type SweepEvent =
  | ({ readonly type: 'sweep' } & Sweep)
  /** A row between sweeps: the subscription stays open. */
  | { readonly type: 'push'; readonly row: PositionRow }
  /** A cycle that did not end, or could not start: it says nothing about any position. */
  | { readonly type: 'failed'; readonly reason: string };

type Lists = 'all-accounts' | 'each-account';

/** Which lists an account structure needs: IB offers one of all accounts up to 50, and its rows have no model codes. */
export function listsFor(setting: 'auto' | 'each-account', accounts: number): Lists {
  if (setting === 'each-account') return 'each-account';
  return accounts > GATEWAY.accountsInOneListMax ? 'each-account' : 'all-accounts';
}

export interface SweeperOptions {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly onEvent: (event: SweepEvent) => void;
  /** How the lists are asked for, looked up before each cycle. Default: all accounts in one. */
  readonly lists?: () => Lists;
  /** Accounts to ask for one by one. */
  readonly accounts?: () => ReadonlySet<string>;
  /** From the start of one cycle to the start of the next. */
  readonly periodMs?: number;
  /** From the request to positionEnd. */
  readonly deadlineMs?: number;
  /** After a cycle that was overdue: the quiet after which a positionEnd is taken to be the last one. */
  readonly settleMs?: number;
}

export interface SweepCounts {
  readonly complete: number;
  /** Cycles without a complete list of every account. */
  readonly failed: number;
  readonly lastAt?: string;
  readonly lastDurationMs?: number;
  readonly lastFault?: string;
}

interface Cycle {
  readonly sweepId: string;
  readonly startedAt: number;
  readonly startedTick: number;
}

/**
 * Reads the whole portfolio in cycles: cancel, request, collect to the end, and report what is complete or nothing.
 *
 * IB's lists of positions are subscriptions (https://interactivebrokers.github.io/tws-api/positions.html): the full
 * set, its end once, then changes only. What disappeared shows only in a fresh full set.
 */
export class Sweeper {
  readonly #gateway: Gateway;
  readonly #log: Log;
  readonly #emit: (event: SweepEvent) => void;
  readonly #choose: () => Lists;
  readonly #all: PositionLists;
  readonly #each: PositionLists;
  readonly #periodMs: number;
  readonly #deadlineMs: number;
  #unsubscribe: (() => void) | undefined;
  #next: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** What was asked last. */
  #lists: PositionLists | undefined;
  #cycle: Cycle | undefined;
  #isLinkDown = false;
  #counter = 0;
  #dueTick = 0;
  #counts: SweepCounts = { complete: 0, failed: 0 };

  constructor(options: SweeperOptions) {
    this.#gateway = options.gateway;
    this.#log = options.log;
    this.#emit = options.onEvent;
    this.#choose = options.lists ?? (() => 'all-accounts');
    const { gateway, log, accounts = () => new Set() } = options;
    const push = (row: PositionRow) => this.#emit({ type: 'push', row });
    this.#all = new AllAccountsList({ gateway, log, push, settleMs: options.settleMs ?? 1000 });
    this.#each = new EachAccountLists({ gateway, log, push, accounts });
    this.#periodMs = options.periodMs ?? BRIDGE.sweepPeriodMs;
    this.#deadlineMs = options.deadlineMs ?? BRIDGE.sweepDeadlineMs;
  }

  start(): void {
    this.#unsubscribe = this.#gateway.subscribe((event) => this.#onEvent(event));
    if (this.#gateway.isReady) this.#begin();
  }

  /** Ends the subscriptions at the gateway too; a running cycle is dropped without a word. */
  stop(): void {
    this.#unsubscribe?.();
    this.#clearTimers();
    this.#cycle = undefined;
    this.#lists?.cancel();
    this.#lists?.forget();
  }

  counts(): SweepCounts {
    return this.#counts;
  }

  #onEvent(event: GatewayEvent): void {
    switch (event.type) {
      case 'ready':
        this.#forget();
        this.#begin();
        break;
      case 'lost':
        if (this.#cycle) this.#fail(`the connection was lost during the sweep: ${event.reason}`);
        this.#forget();
        break;
      case 'linkDown':
        this.#isLinkDown = true;
        if (this.#cycle) {
          this.#lists?.giveUp('');
          this.#fail(`the gateway lost its link to IB during the sweep (code ${event.code})`);
        }
        break;
      case 'linkUp':
        this.#isLinkDown = false;
        if (!this.#cycle && this.#gateway.isReady) this.#begin();
        break;
      default:
        this.#lists?.receive(event);
        break;
    }
  }

  /** Nothing of an earlier connection reaches a cycle of the next. */
  #forget(): void {
    this.#clearTimers();
    this.#cycle = undefined;
    this.#lists?.forget();
    this.#isLinkDown = false;
  }

  #begin(): void {
    this.#clearTimers();
    const startedTick = performance.now();
    this.#dueTick = startedTick + this.#periodMs;
    if (this.#isLinkDown) {
      this.#fail('the gateway has no link to IB: its list may be incomplete');
      return;
    }
    const startedAt = Date.now();
    this.#counter += 1;
    const cycle = { sweepId: `${startedAt}-${this.#counter}`, startedAt, startedTick };
    this.#cycle = cycle;
    const lists = this.#switchLists();
    this.#deadline = setTimeout(
      () => this.#conclude(cycle, lists.giveUp(`no positionEnd within ${this.#deadlineMs} ms`)),
      this.#deadlineMs,
    );
    lists.request((reading) => this.#conclude(cycle, reading));
  }

  /** The number of accounts may change with a connection, and within one when leases do. */
  #switchLists(): PositionLists {
    const lists = this.#choose() === 'each-account' ? this.#each : this.#all;
    if (lists !== this.#lists) {
      this.#lists?.cancel();
      this.#lists?.forget();
    }
    this.#lists = lists;
    return lists;
  }

  #conclude(cycle: Cycle, { rows, accounts, fault }: Reading): void {
    if (fault !== undefined) this.#fail(fault);
    else this.#end();
    if (fault !== undefined && accounts?.size === 0) return;
    const completedTick = performance.now();
    const durationMs = completedTick - cycle.startedTick;
    const completedAt = new Date().toISOString();
    if (fault === undefined) {
      const { lastFault: _, ...counts } = this.#counts;
      this.#counts = {
        ...counts,
        complete: counts.complete + 1,
        lastAt: completedAt,
        lastDurationMs: durationMs,
      };
    }
    this.#emit({
      type: 'sweep',
      sweepId: cycle.sweepId,
      startedAt: new Date(cycle.startedAt).toISOString(),
      completedAt,
      completedTick,
      durationMs,
      ...(accounts === undefined ? {} : { accounts }),
      rows,
    });
  }

  #fail(reason: string): void {
    this.#end();
    this.#counts = { ...this.#counts, failed: this.#counts.failed + 1, lastFault: reason };
    this.#log.warn('sweep-failed', { reason });
    this.#emit({ type: 'failed', reason });
  }

  /** The next cycle is due a period after this one began, at once if that is over. */
  #end(): void {
    this.#clearTimers();
    this.#cycle = undefined;
    this.#next = setTimeout(() => this.#begin(), Math.max(0, this.#dueTick - performance.now()));
  }

  #clearTimers(): void {
    clearTimeout(this.#next);
    clearTimeout(this.#deadline);
  }
}
