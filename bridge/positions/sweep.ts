import { BRIDGE } from '../../shared/limits.ts';
import type { Gateway, GatewayEvent } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import { keyOf, type PositionRow, type Sweep } from './differ.ts';

export type SweepEvent =
  | ({ readonly type: 'sweep' } & Sweep)
  /** A row between sweeps: the subscription stays open. */
  | { readonly type: 'push'; readonly row: PositionRow }
  /** A cycle that did not end, or could not start: it says nothing about any position. */
  | { readonly type: 'failed'; readonly reason: string };

export interface SweeperOptions {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly onEvent: (event: SweepEvent) => void;
  /** From the start of one cycle to the start of the next. */
  readonly periodMs?: number;
  /** From the request to positionEnd. */
  readonly deadlineMs?: number;
  /** After a cycle that was overdue: the quiet after which a positionEnd is taken to be the last one. */
  readonly settleMs?: number;
}

export interface SweepCounts {
  readonly complete: number;
  readonly failed: number;
  readonly lastAt?: string;
  readonly lastDurationMs?: number;
  readonly lastFault?: string;
}

interface Cycle {
  readonly sweepId: string;
  readonly startedAt: number;
  readonly startedTick: number;
  readonly rows: Map<string, PositionRow>;
  settle?: NodeJS.Timeout;
}

/**
 * Reads the whole portfolio in cycles: cancel, request, collect to positionEnd, and report it complete or not at all.
 * Positions carry no request id, so there is one cycle at a time, and a row belongs to the cycle that is open.
 *
 * IB's reqPositions is a subscription (https://interactivebrokers.github.io/tws-api/positions.html): the full set,
 * positionEnd once, then changes only. What disappeared shows only in a fresh full set.
 */
export class Sweeper {
  readonly #gateway: Gateway;
  readonly #log: Log;
  readonly #emit: (event: SweepEvent) => void;
  readonly #periodMs: number;
  readonly #deadlineMs: number;
  readonly #settleMs: number;
  #unsubscribe: (() => void) | undefined;
  #next: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #cycle: Cycle | undefined;
  /** A cycle of this connection was given up: its positionEnd may still come, and it is not the next cycle's. */
  #isEndOverdue = false;
  /** A complete cycle left the subscription open: a row is a change. Else it is a remainder of a cycle given up. */
  #isOpen = false;
  #isLinkDown = false;
  #counter = 0;
  #dueTick = 0;
  #counts: SweepCounts = { complete: 0, failed: 0 };

  constructor(options: SweeperOptions) {
    this.#gateway = options.gateway;
    this.#log = options.log;
    this.#emit = options.onEvent;
    this.#periodMs = options.periodMs ?? BRIDGE.sweepPeriodMs;
    this.#deadlineMs = options.deadlineMs ?? BRIDGE.sweepDeadlineMs;
    this.#settleMs = options.settleMs ?? 1000;
  }

  start(): void {
    this.#unsubscribe = this.#gateway.subscribe((event) => this.#onEvent(event));
    if (this.#gateway.isReady) this.#begin();
  }

  /** Ends the subscription at the gateway too; a running cycle is dropped without a word. */
  stop(): void {
    this.#unsubscribe?.();
    this.#clearTimers();
    this.#cycle = undefined;
    if (this.#gateway.isReady) this.#gateway.requests.cancelPositions();
  }

  counts(): SweepCounts {
    return this.#counts;
  }

  #onEvent(event: GatewayEvent): void {
    switch (event.type) {
      case 'position':
        this.#onRow(event);
        break;
      case 'positionEnd':
        this.#onEnd();
        break;
      case 'positionMalformed':
        if (this.#cycle) this.#giveUp(`a position row could not be read: ${event.fault}`);
        else this.#log.warn('position-push-malformed', { fault: event.fault });
        break;
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
        if (this.#cycle)
          this.#giveUp(`the gateway lost its link to IB during the sweep (code ${event.code})`);
        break;
      case 'linkUp':
        this.#isLinkDown = false;
        if (!this.#cycle && this.#gateway.isReady) this.#begin();
        break;
      default:
        break;
    }
  }

  /** Nothing of an earlier connection reaches a cycle of the next. */
  #forget(): void {
    this.#clearTimers();
    this.#cycle = undefined;
    this.#isEndOverdue = false;
    this.#isOpen = false;
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
    this.#cycle = { sweepId: `${startedAt}-${this.#counter}`, startedAt, startedTick, rows: new Map() };
    this.#deadline = setTimeout(
      () => this.#giveUp(`no positionEnd within ${this.#deadlineMs} ms`),
      this.#deadlineMs,
    );
    this.#gateway.requests.cancelPositions();
    this.#gateway.requests.requestPositions();
  }

  #onRow({ account, contract, quantity, averageCost, at }: PositionRow): void {
    const row: PositionRow = { account, contract, quantity, averageCost, at };
    if (this.#cycle) {
      this.#cycle.rows.set(keyOf(row), row);
      if (this.#cycle.settle) this.#settle(this.#cycle);
    } else if (this.#isOpen) this.#emit({ type: 'push', row });
  }

  #onEnd(): void {
    if (!this.#cycle) this.#isEndOverdue = false;
    else if (this.#isEndOverdue) this.#settle(this.#cycle);
    else this.#complete(this.#cycle);
  }

  /** This end may be the overdue one, with the rows of the cycle still to come: it counts once nothing follows. */
  #settle(cycle: Cycle): void {
    clearTimeout(cycle.settle);
    cycle.settle = setTimeout(() => this.#complete(cycle), this.#settleMs);
  }

  #complete(cycle: Cycle): void {
    this.#end();
    this.#isEndOverdue = false;
    this.#isOpen = true;
    const completedTick = performance.now();
    const durationMs = completedTick - cycle.startedTick;
    const completedAt = new Date().toISOString();
    const { lastFault: _, ...counts } = this.#counts;
    this.#counts = {
      ...counts,
      complete: counts.complete + 1,
      lastAt: completedAt,
      lastDurationMs: durationMs,
    };
    this.#emit({
      type: 'sweep',
      sweepId: cycle.sweepId,
      startedAt: new Date(cycle.startedAt).toISOString(),
      completedAt,
      completedTick,
      durationMs,
      rows: [...cycle.rows.values()],
    });
  }

  /** The connection lives, the cycle does not: what still comes of it is dropped. */
  #giveUp(reason: string): void {
    this.#isEndOverdue = true;
    this.#isOpen = false;
    if (this.#gateway.isReady) this.#gateway.requests.cancelPositions();
    this.#fail(reason);
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
    clearTimeout(this.#cycle?.settle);
  }
}
