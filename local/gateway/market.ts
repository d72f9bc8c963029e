import { type Day, daysBetween, expandDay } from './calendar.ts';
import type { Instrument } from './portfolio.ts';
import { type OptionValue, priceOption, smile } from './pricing.ts';
import { createRandom, noise, type Random } from './random.ts';
import { toTick } from './rounding.ts';

const RATE = 0.04;
const TRADING_YEAR_MS = 252 * 6.5 * 3_600_000;
/** Everything moves with the market by as much; the rest of a move is its own. */
const CORRELATION = 0.8;
/** An option on its last day keeps one hour, so that no model divides by zero. */
const YEARS_MIN = 1 / (365 * 24);

/** One side of an option's computations; tick types 10 to 13. */
export interface Computation extends OptionValue {
  readonly volatility: number;
  readonly underlying: number;
}

/** What the market shows at one moment; absent is what nobody bids, asks or computes. */
export interface Quote {
  readonly bid?: number;
  readonly ask?: number;
  readonly bidSize: number;
  readonly askSize: number;
  readonly last: number;
  readonly lastSize: number;
  readonly volume: number;
  readonly open?: number;
  readonly high?: number;
  readonly low?: number;
  readonly close: number;
  readonly computations?: {
    readonly bid?: Computation;
    readonly ask?: Computation;
    readonly last: Computation;
    readonly model: Computation;
  };
}

interface Walk {
  readonly instrument: Instrument;
  readonly random: Random;
  /** Volatility of one step; negative for VIX, which falls when the market rises. */
  readonly market: number;
  readonly own: number;
  readonly start: number;
  price: number;
  high: number;
  low: number;
}

/**
 * One seeded random walk per instrument that is not an option, and a model behind every option. All walks take a step
 * at a time, so that a price depends on seed and step alone and not on who asked for what.
 */
export class Market {
  readonly #instruments: ReadonlyMap<number, Instrument>;
  readonly #walks = new Map<number, Walk>();
  readonly #seed: number;
  readonly #today: Day;
  readonly #random: Random;
  #step = 0;

  constructor(options: {
    readonly instruments: ReadonlyMap<number, Instrument>;
    readonly seed: number;
    readonly today: Day;
    readonly stepMs: number;
  }) {
    this.#instruments = options.instruments;
    this.#seed = options.seed;
    this.#today = options.today;
    this.#random = createRandom(options.seed);
    const root = Math.sqrt(options.stepMs / TRADING_YEAR_MS);
    for (const [conId, instrument] of options.instruments) {
      if (instrument.price === undefined) continue;
      const { price, volatility } = instrument;
      const sign = instrument.contract.symbol === 'VIX' ? -1 : 1;
      this.#walks.set(conId, {
        instrument,
        random: createRandom((options.seed ^ conId) >>> 0),
        market: sign * volatility * root * CORRELATION,
        own: volatility * root * Math.sqrt(1 - CORRELATION ** 2),
        start: price,
        price,
        high: price,
        low: price,
      });
    }
  }

  advance(): void {
    this.#step += 1;
    const shared = this.#random.normal();
    for (const walk of this.#walks.values()) {
      walk.price *= Math.exp(walk.market * shared + walk.own * walk.random.normal());
      walk.high = Math.max(walk.high, walk.price);
      walk.low = Math.min(walk.low, walk.price);
    }
  }

  /** @returns undefined for an instrument that the portfolio does not have */
  quote(conId: number): Quote | undefined {
    const instrument = this.#instruments.get(conId);
    const walk = this.#walks.get(instrument?.underConId ?? conId);
    if (instrument === undefined || walk === undefined) return undefined;
    return instrument.underConId === undefined ? this.#spot(walk) : this.#option(instrument, walk);
  }

  #spot({ instrument, price, start, high, low }: Walk): Quote {
    const tick = instrument.minTick;
    const last = toTick(price, tick, Math.round);
    const shown = {
      ...this.#sizes(instrument.contract.conId),
      last,
      close: toTick(start, tick, Math.round),
      open: toTick(start, tick, Math.round),
      high: toTick(high, tick, Math.round),
      low: toTick(low, tick, Math.round),
    };
    // An index is computed, not traded: nobody bids for it.
    if (instrument.contract.secType === 'IND')
      return { ...shown, bidSize: 0, askSize: 0, lastSize: 0, volume: 0 };
    return {
      ...shown,
      bid: toTick(price - tick / 2, tick, Math.floor),
      ask: toTick(price + tick / 2, tick, Math.ceil),
    };
  }

  #option(instrument: Instrument, walk: Walk): Quote {
    const tick = instrument.minTick;
    const model = this.#compute(instrument, walk, walk.price);
    const half = Math.max(tick, 0.015 * model.price);
    const bid = toTick(model.price - half, tick, Math.floor);
    const ask = Math.max(tick, toTick(model.price + half, tick, Math.ceil));
    const sizes = this.#sizes(instrument.contract.conId);
    const hasBid = bid >= tick;
    return {
      ...sizes,
      ...(hasBid ? { bid } : { bidSize: 0 }),
      ask,
      last: Math.max(tick, toTick(model.price, tick, Math.round)),
      close: Math.max(tick, toTick(this.#compute(instrument, walk, walk.start).price, tick, Math.round)),
      computations: {
        ...(hasBid ? { bid: towards(model, bid) } : {}),
        ask: towards(model, ask),
        last: model,
        model,
      },
    };
  }

  #compute({ contract, underConId }: Instrument, walk: Walk, underlying: number): Computation {
    const strike = Number(contract.strike);
    const days = daysBetween(this.#today, expandDay(contract.lastTradeDate ?? '')) + 0.5;
    const years = Math.max(YEARS_MIN, days / 365);
    // Volatility rises when the underlying falls.
    const level = walk.instrument.volatility * Math.min(3, (walk.start / underlying) ** 2);
    const volatility = smile(level, strike, underlying, years);
    const isFuture = underConId !== undefined && walk.instrument.contract.secType === 'FUT';
    const value = priceOption({
      right: contract.right ?? 'C',
      underlying,
      strike,
      years,
      volatility,
      rate: RATE,
      carry: isFuture ? 0 : RATE,
    });
    return { ...value, volatility, underlying };
  }

  #sizes(conId: number): { bidSize: number; askSize: number; lastSize: number; volume: number } {
    const draw = (what: number) => noise(this.#seed, conId, this.#step, what);
    return {
      bidSize: 1 + Math.floor(draw(1) * 300),
      askSize: 1 + Math.floor(draw(2) * 300),
      lastSize: 1 + Math.floor(draw(3) * 20),
      volume: 1000 + this.#step * 7,
    };
  }
}

/** The volatility that explains another price, to first order. */
function towards(model: Computation, price: number): Computation {
  const points = model.vega > 1e-6 ? (price - model.price) / model.vega : 0;
  const volatility = Math.min(5, Math.max(0.01, model.volatility + points / 100));
  return { ...model, price, volatility };
}
