import { DECIMAL_SCALE } from '../../shared/decimal.ts';
import type { Mark, Quality } from '../../shared/snapshot.ts';
import type { Greeks, GreeksSource, LineEvent, MarketDataType } from '../gateway/events.ts';

/** What a line says of its contract now. */
export interface Quote {
  readonly quality: Quality;
  readonly mark?: Mark;
}

/** Why a line that lives brings nothing to rely on; the next price or greeks of the line end it. */
export type Silence = 'stale' | 'competing-session';

/**
 * Everything heard on one line so far. Times are receipt times in epoch milliseconds. Every field is always there:
 * each tick makes a new state, and copies of one shape cost V8 a fraction of what others do.
 */
export interface QuoteState {
  readonly bid: number | undefined;
  readonly ask: number | undefined;
  readonly last: number | undefined;
  /** The gateway has said that nobody bids, which is not the same as having heard no bid yet. */
  readonly bidGone: boolean;
  readonly greeks: Readonly<Record<GreeksSource, Greeks | undefined>>;
  readonly marketDataType: MarketDataType | undefined;
  readonly silence: Silence | undefined;
  readonly pricedAt: number | undefined;
  readonly greeksAt: number | undefined;
}

export const NO_QUOTE: QuoteState = {
  bid: undefined,
  ask: undefined,
  last: undefined,
  bidGone: false,
  greeks: { bid: undefined, ask: undefined, last: undefined, model: undefined },
  marketDataType: undefined,
  silence: undefined,
  pricedAt: undefined,
  greeksAt: undefined,
};

/**
 * @returns the state after one message of the line; the same object when the message changes nothing
 */
export function applyTick(state: QuoteState, event: LineEvent): QuoteState {
  switch (event.type) {
    case 'price':
      return applyPrice(state, event);
    case 'greeks': {
      const greeks = { ...state.greeks };
      greeks[event.source] = event.greeks;
      return { ...state, silence: undefined, greeks, greeksAt: event.at };
    }
    case 'marketDataType':
      return state.marketDataType === event.marketDataType
        ? state
        : { ...state, marketDataType: event.marketDataType };
    case 'requestNotice':
      return event.meaning === 'competing-session' ? silenced(state, 'competing-session') : state;
    case 'size':
      // A side whose size changes has the price that it had.
      return state.silence === undefined || event.field === 'volume'
        ? state
        : { ...state, silence: undefined };
    case 'pulse':
    case 'snapshotEnd':
      return state;
    default:
      return event satisfies never;
  }
}

/** The link is down, or another session has the data: the values stay, their quality falls until the next tick. */
export function silenced(state: QuoteState, silence: Silence): QuoteState {
  return state.silence === silence ? state : { ...state, silence };
}

/** IB says "no data on this side" with a price of -1, which is undefined here, or with one of 0. */
function applyPrice(state: QuoteState, event: Extract<LineEvent, { type: 'price' }>): QuoteState {
  const { field, at } = event;
  const price = event.price === 0 ? undefined : event.price;
  switch (field) {
    case 'bid':
      return { ...state, silence: undefined, bid: price, bidGone: price === undefined, pricedAt: at };
    case 'ask':
      return { ...state, silence: undefined, ask: price, pricedAt: at };
    case 'last':
      return { ...state, silence: undefined, last: price, pricedAt: at };
    default:
      return state;
  }
}

/**
 * The quote as it travels. `price` is the middle of a two-sided quote, else the model's, else the last trade. An ask
 * above 0 without a bid is a wing that nobody bids for: bid 0, quality `no-bid`. A side without data is absent.
 */
export function quoteOf(state: QuoteState): Quote {
  const { bid, ask, last, greeks, pricedAt, greeksAt } = state;
  const noBid = hasNoBid(state);
  const chosen = preferredGreeks(greeks);
  const price =
    !noBid && bid !== undefined && ask !== undefined ? middle(bid, ask) : (greeks.model?.price ?? last);
  const mark: Mark = {
    ...defined('bid', noBid ? 0 : bid),
    ...defined('ask', ask),
    ...defined('last', last),
    ...defined('price', price),
    ...defined('iv', chosen?.iv),
    ...defined('delta', chosen?.delta),
    ...defined('gamma', chosen?.gamma),
    ...defined('vega', chosen?.vega),
    ...defined('theta', chosen?.theta),
    ...defined('underlying', chosen?.underlying),
  };
  if (Object.keys(mark).length === 0) return { quality: state.silence ?? 'none' };
  return {
    quality: qualityOf(state, noBid),
    mark: {
      ...mark,
      ...(pricedAt === undefined ? {} : { at: new Date(pricedAt).toISOString() }),
      ...(greeksAt === undefined ? {} : { greeksAt: new Date(greeksAt).toISOString() }),
    },
  };
}

/** Without the noise of binary fractions: the middle of 600.17 and 600.19 is 600.18. */
function middle(bid: number, ask: number): number {
  return Number(((bid + ask) / 2).toFixed(DECIMAL_SCALE));
}

function hasNoBid({ bidGone, ask }: QuoteState): boolean {
  return bidGone && ask !== undefined && ask > 0;
}

/**
 * One word for several faults: the one that spoils a value most comes first. A delayed wing is `delayed`; that
 * nobody bids for it still shows in its bid of 0.
 */
function qualityOf({ silence, marketDataType }: QuoteState, noBid: boolean): Quality {
  if (silence !== undefined) return silence;
  if (marketDataType === 3 || marketDataType === 4) return 'delayed';
  if (marketDataType === 2) return 'frozen';
  return noBid ? 'no-bid' : 'live';
}

/** The model's, unless they were not computed; then those of the last trade, of the bid, of the ask. */
function preferredGreeks({ model, last, bid, ask }: QuoteState['greeks']): Greeks | undefined {
  return [model, last, bid, ask].find((candidate) => candidate?.delta !== undefined) ?? model;
}

function defined<K extends string>(key: K, value: number | undefined): { [_ in K]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [_ in K]: number });
}
