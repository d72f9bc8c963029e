import type { Gateway, GatewayEvent } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import { keyOf, type PositionRow } from './differ.ts';
import type { PositionLists, Reading } from './lists.ts';

interface Cycle {
  readonly rows: Map<string, PositionRow>;
  readonly done: (reading: Reading) => void;
  settle?: NodeJS.Timeout;
}

/**
 * All accounts in one list, by reqPositions: a row belongs to the cycle that is open, because it carries no request
 * id. IB offers it up to 50 accounts (https://interactivebrokers.github.io/tws-api/positions.html).
 */
export class AllAccountsList implements PositionLists {
  readonly #gateway: Gateway;
  readonly #log: Log;
  readonly #push: (row: PositionRow) => void;
  readonly #settleMs: number;
  #cycle: Cycle | undefined;
  /** A cycle of this connection was given up: its positionEnd may still come, and it is not the next cycle's. */
  #isEndOverdue = false;
  /** A complete cycle left the subscription open: a row is a change. Else it is a remainder of a cycle given up. */
  #isOpen = false;

  constructor(options: {
    readonly gateway: Gateway;
    readonly log: Log;
    /** A row between cycles: the subscription stays open. */
    readonly push: (row: PositionRow) => void;
    readonly settleMs: number;
  }) {
    this.#gateway = options.gateway;
    this.#log = options.log;
    this.#push = options.push;
    this.#settleMs = options.settleMs;
  }

  request(done: (reading: Reading) => void): void {
    clearTimeout(this.#cycle?.settle);
    this.#cycle = { rows: new Map(), done };
    this.#gateway.requests.cancelPositions();
    this.#gateway.requests.requestPositions();
  }

  receive(event: GatewayEvent): void {
    if (event.type === 'position') this.#onRow(event);
    else if (event.type === 'positionEnd') this.#onEnd();
    else if (event.type === 'positionMalformed') this.#onMalformed(event.fault);
  }

  giveUp(reason: string): Reading {
    clearTimeout(this.#cycle?.settle);
    this.#cycle = undefined;
    this.#isEndOverdue = true;
    this.#isOpen = false;
    this.cancel();
    return { rows: [], accounts: new Set(), fault: reason };
  }

  forget(): void {
    clearTimeout(this.#cycle?.settle);
    this.#cycle = undefined;
    this.#isEndOverdue = false;
    this.#isOpen = false;
  }

  cancel(): void {
    if (this.#gateway.isReady) this.#gateway.requests.cancelPositions();
  }

  #onRow({ account, contract, quantity, averageCost, at }: PositionRow): void {
    const row: PositionRow = { account, contract, quantity, averageCost, at };
    if (this.#cycle) {
      this.#cycle.rows.set(keyOf(row), row);
      if (this.#cycle.settle) this.#settle(this.#cycle);
    } else if (this.#isOpen) this.#push(row);
  }

  #onEnd(): void {
    if (!this.#cycle) this.#isEndOverdue = false;
    else if (this.#isEndOverdue) this.#settle(this.#cycle);
    else this.#complete(this.#cycle);
  }

  #onMalformed(fault: string): void {
    const cycle = this.#cycle;
    if (cycle) cycle.done(this.giveUp(`a position row could not be read: ${fault}`));
    else this.#log.warn('position-push-malformed', { fault });
  }

  /** This end may be the overdue one, with the rows of the cycle still to come: it counts once nothing follows. */
  #settle(cycle: Cycle): void {
    clearTimeout(cycle.settle);
    cycle.settle = setTimeout(() => this.#complete(cycle), this.#settleMs);
  }

  #complete(cycle: Cycle): void {
    clearTimeout(cycle.settle);
    this.#cycle = undefined;
    this.#isEndOverdue = false;
    this.#isOpen = true;
    cycle.done({ rows: [...cycle.rows.values()] });
  }
}
