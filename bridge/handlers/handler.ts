import type { Contract } from '../../shared/contract.ts';
import type { Decimal } from '../../shared/decimal.ts';
import type { Quote } from '../lines/quote.ts';
import type { Log } from '../log.ts';

export type Lane = 'stream' | 'poll';

/**
 * What a handler is told: the newest state of one contract. Updates of one contract that a handler has not taken yet
 * are conflated to the newest, so it never works through a backlog and never sees an old price.
 */
export interface PositionUpdate {
  /** stream: its line brought a message. poll: a sweep, a push, a poll or a mark did. */
  readonly lane: Lane;
  readonly contract: Contract;
  /** One row per account, or model of it, that holds it; empty where nobody does: a watched leg, a polled index, a closed position. */
  readonly positions: readonly {
    readonly account: string;
    /** Of an advisor's account; absent is the account itself. */
    readonly modelCode?: string | undefined;
    readonly quantity: Decimal;
    /** IB's figure: of options and futures it contains the multiplier already. */
    readonly averageCost: Decimal;
  }[];
  /** Of all accounts together. */
  readonly quantity: Decimal;
  readonly quote: Quote;
  /** Open strategies that hold or watch the contract in an account of this bridge, in text order. */
  readonly strategyIds: readonly string[];
  /** ISO 8601: when this update was made. */
  readonly at: string;
}

/**
 * What a module of the user's own implements, as its default export, or a function that returns one. The module is
 * named in the configuration. Handlers watch: there is no way from here to an order.
 *
 * `handle` may be slow and may throw: it delays and harms no other handler, no tick and no sweep. It runs in the
 * bridge's process, though: work that computes for long belongs in a worker thread.
 *
 * @example
 * export default {
 *   name: 'short-delta',
 *   secTypes: ['OPT'],
 *   handle({ contract, quantity, quote }) {
 *     if (Number(quantity) < 0 && Math.abs(quote.mark?.delta ?? 0) > 0.3) console.log(contract.localSymbol);
 *   },
 * };
 */
export interface PositionUpdateHandler {
  /** Shown in the status and in logs. */
  readonly name: string;
  /** Default: `['stream']`. */
  readonly lanes?: readonly Lane[];
  /** IB security types such as "OPT"; default: all. */
  readonly secTypes?: readonly string[];
  handle(update: PositionUpdate): void | Promise<void>;
  /** Before the first update. The bridge does not start when it throws. */
  start?(): void | Promise<void>;
  /** After the last update, within the deadline of the bridge's shutdown. */
  stop?(): void | Promise<void>;
}

/** What a module may export instead of a handler. */
export type HandlerFactory = (context: {
  readonly log: Log;
}) => PositionUpdateHandler | Promise<PositionUpdateHandler>;
