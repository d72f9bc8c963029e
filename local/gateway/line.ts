import type { Field } from './frames.ts';
import type { Computation, Quote } from './market.ts';
import type { Instrument } from './portfolio.ts';
import { round } from './rounding.ts';

/** Tick types of prices and sizes, live and delayed. https://interactivebrokers.github.io/tws-api/tick_types.html */
const LIVE = {
  bidSize: 0,
  bid: 1,
  ask: 2,
  askSize: 3,
  last: 4,
  lastSize: 5,
  high: 6,
  low: 7,
  volume: 8,
  close: 9,
  open: 14,
  bidOption: 10,
  askOption: 11,
  lastOption: 12,
  modelOption: 13,
} as const;

const DELAYED: Record<keyof typeof LIVE, number> = {
  bid: 66,
  ask: 67,
  last: 68,
  bidSize: 69,
  askSize: 70,
  lastSize: 71,
  high: 72,
  low: 73,
  volume: 74,
  close: 75,
  open: 76,
  bidOption: 80,
  askOption: 81,
  lastOption: 82,
  modelOption: 83,
};

const NO_PRICE = -1;
const HALTED_TICK = 49;
const LAST_TIMESTAMP_TICK = 45;
/** How the real gateway names the exchanges behind a SMART quote, and what one may take of it. */
const BBO_EXCHANGE = '9c0001';
const SNAPSHOT_PERMISSIONS = 3;

type Kind = keyof typeof LIVE;

/** A quote of which computations may be missing: they are said to be unset. */
export type ShownQuote = Omit<Quote, 'computations'> & {
  readonly computations?: Partial<NonNullable<Quote['computations']>>;
};

/** One market data request: what was last said on it, so that only changes are said again. Pure. */
export class Line {
  readonly reqId: number;
  readonly instrument: Instrument;
  readonly snapshot: boolean;
  /** 1 live, 2 frozen, 3 delayed. */
  readonly type: 1 | 2 | 3;
  readonly #kinds: Record<Kind, number>;
  readonly #said = new Map<number, string>();

  constructor(options: {
    readonly reqId: number;
    readonly instrument: Instrument;
    readonly snapshot: boolean;
    readonly type: 1 | 2 | 3;
  }) {
    this.reqId = options.reqId;
    this.instrument = options.instrument;
    this.snapshot = options.snapshot;
    this.type = options.type;
    this.#kinds = options.type === 3 ? DELAYED : LIVE;
  }

  /** How every line begins, before the first tick. */
  opening(): Field[][] {
    return [
      [81, this.reqId, this.instrument.minTick, BBO_EXCHANGE, SNAPSHOT_PERMISSIONS],
      [58, 1, this.reqId, this.type],
      [45, 6, this.reqId, HALTED_TICK, 0],
    ];
  }

  /** The market closed or opened on a line that may show what was last: 2 is frozen, 1 live. */
  switched(type: 1 | 2): Field[] {
    return [58, 1, this.reqId, type];
  }

  /** @returns the messages for what differs from what was said; everything at first */
  ticks(quote: ShownQuote, nowMs: number): Field[][] {
    const messages: Field[][] = [];
    this.#price(messages, 'bid', quote.bid, quote.bidSize);
    this.#price(messages, 'ask', quote.ask, quote.askSize);
    if (this.#price(messages, 'last', quote.last, quote.lastSize)) {
      messages.push([46, 6, this.reqId, LAST_TIMESTAMP_TICK, Math.floor(nowMs / 1000)]);
    }
    this.#size(messages, 'bidSize', quote.bidSize);
    this.#size(messages, 'askSize', quote.askSize);
    this.#size(messages, 'volume', quote.volume);
    for (const kind of ['high', 'low', 'open', 'close'] as const) {
      if (quote[kind] !== undefined) this.#price(messages, kind, quote[kind], 0);
    }
    if (quote.computations !== undefined) {
      this.#greeks(messages, 'bidOption', quote.computations.bid);
      this.#greeks(messages, 'askOption', quote.computations.ask);
      this.#greeks(messages, 'lastOption', quote.computations.last);
      this.#greeks(messages, 'modelOption', quote.computations.model);
    }
    return messages;
  }

  end(): Field[] {
    return [57, 1, this.reqId];
  }

  #price(messages: Field[][], kind: Kind, price: number | undefined, size: number): boolean {
    const type = this.#kinds[kind];
    if (!this.#differs(type, String(price))) return false;
    const attributes = kind === 'bid' || kind === 'ask' ? 1 : 0;
    messages.push([1, 6, this.reqId, type, price ?? NO_PRICE, price === undefined ? 0 : size, attributes]);
    return true;
  }

  #size(messages: Field[][], kind: Kind, size: number): void {
    const type = this.#kinds[kind];
    if (this.#differs(type, String(size))) messages.push([2, 6, this.reqId, type, size]);
  }

  #greeks(messages: Field[][], kind: Kind, computation: Computation | undefined): void {
    const type = this.#kinds[kind];
    const body = computation === undefined ? UNSET : wireGreeks(computation);
    if (this.#differs(type, body.join(' '))) messages.push([21, this.reqId, type, 0, ...body]);
  }

  #differs(type: number, value: string): boolean {
    if (this.#said.get(type) === value) return false;
    this.#said.set(type, value);
    return true;
  }
}

/** iv, delta, price, pvDividend, gamma, vega, theta, undPrice: -1 and -2 are the wire's words for "not computed". */
const UNSET: readonly number[] = [-1, -2, -1, -1, -2, -2, -2, -1];

function wireGreeks(value: Computation): number[] {
  return [
    round(value.volatility, 6),
    round(value.delta, 6),
    round(value.price, 6),
    0,
    round(value.gamma),
    round(value.vega, 6),
    round(value.theta, 6),
    round(value.underlying, 6),
  ];
}
