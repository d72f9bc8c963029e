import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { Lane, PositionUpdate, PositionUpdateHandler } from './handler.ts';

export interface MailboxCounts {
  readonly name: string;
  readonly handled: number;
  readonly conflated: number;
  readonly failed: number;
  readonly waiting: number;
}

/** Handlers that answer at once still give way to the socket after this many updates. */
const TURN_MAX = 32;

/**
 * What waits for one handler: each contract once, with its newest state, taken when the handler is free. The bound is
 * the number of contracts.
 */
export class Mailbox {
  readonly #handler: PositionUpdateHandler;
  readonly #log: Log;
  /** The newest state of a contract; undefined where nothing is known of it any more. */
  readonly #describe: (conId: number, lane: Lane) => PositionUpdate | undefined;
  readonly #waiting = new Map<number, Lane>();
  readonly #lanes: ReadonlySet<Lane>;
  readonly #secTypes: ReadonlySet<string> | undefined;
  #working: Promise<void> | undefined;
  #isStopped = false;
  #handled = 0;
  #conflated = 0;
  #failed = 0;

  constructor(
    handler: PositionUpdateHandler,
    context: {
      readonly log: Log;
      readonly describe: (conId: number, lane: Lane) => PositionUpdate | undefined;
    },
  ) {
    this.#handler = handler;
    this.#log = context.log;
    this.#describe = context.describe;
    this.#lanes = new Set(handler.lanes ?? ['stream']);
    this.#secTypes = handler.secTypes && new Set(handler.secTypes);
  }

  /** Never waits, never throws: it is called on the tick path. */
  offer(conId: number, lane: Lane): void {
    if (this.#isStopped || !this.#lanes.has(lane)) return;
    if (this.#waiting.has(conId)) this.#conflated += 1;
    this.#waiting.set(conId, lane);
    this.#working ??= this.#work();
  }

  /** Takes nothing in any more; waits for what is being handled, not for what waits. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiting.clear();
    await this.#working;
  }

  counts(): MailboxCounts {
    return {
      name: this.#handler.name,
      handled: this.#handled,
      conflated: this.#conflated,
      failed: this.#failed,
      waiting: this.#waiting.size,
    };
  }

  async #work(): Promise<void> {
    await nextTurn();
    let inTurn = 0;
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      await this.#handle(...next);
      inTurn += 1;
      if (inTurn % TURN_MAX === 0) await nextTurn();
    }
    this.#working = undefined;
  }

  #take(): [number, Lane] | undefined {
    const [next] = this.#waiting;
    if (next) this.#waiting.delete(next[0]);
    return next;
  }

  async #handle(conId: number, lane: Lane): Promise<void> {
    try {
      const update = this.#describe(conId, lane);
      if (!update || (this.#secTypes && !this.#secTypes.has(update.contract.secType))) return;
      await this.#handler.handle(update);
      this.#handled += 1;
    } catch (cause) {
      this.#failed += 1;
      // The first one is news; a handler that fails at every tick must not fill the log.
      if (this.#failed === 1 || this.#failed % 1000 === 0) {
        this.#log.error('handler-failed', {
          handler: this.#handler.name,
          failed: this.#failed,
          fault: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
        });
      }
    }
  }
}
