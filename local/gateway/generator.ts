import { decimal } from '../../shared/decimal.ts';
import { type Day, utcToday } from './calendar.ts';
import { optionOf, type Series, seriesOf, strikeStep } from './chain.ts';
import { Market } from './market.ts';
import type { Condor, Instrument, Portfolio, Position } from './portfolio.ts';
import { createRandom, type Random } from './random.ts';
import { toTick } from './rounding.ts';
import { ConIds, futures, indices, stocks } from './universe.ts';

export interface GeneratorOptions {
  readonly seed: number;
  /** Rows in all, condor legs included. Default 200. */
  readonly positions?: number;
  /** Each takes four of the positions, conIds that nothing else holds. Default 5. */
  readonly condors?: number;
  /** Default two paper accounts. */
  readonly accounts?: readonly string[];
  /** YYYY-MM-DD: everything expires after it. Default today in UTC. */
  readonly today?: string;
}

export const DEFAULT_ACCOUNTS: readonly string[] = ['DU1234567', 'DU7654321'];

const CONDOR_UNDERLYINGS = ['SPY', 'QQQ', 'IWM', 'SPX'];
/** Requestable, so that they can be polled, but never held. */
const NOT_HELD = ['SPY', 'QQQ', 'IWM'];
/** What single positions are, over and over. */
const KINDS = [
  'STK',
  'OPT',
  'FUT',
  'OPT',
  'FOP',
  'OPT',
  'OPT',
  'STK',
  'OPT',
  'OPT',
  'OPT',
  'STK',
  'OPT',
  'FOP',
  'OPT',
  'OPT',
  'STK',
  'OPT',
  'OPT',
  'OPT',
] as const;
const STRIKES_EACH_WAY = 30;
/** Draws per position before the market counts as exhausted. */
const DRAWS_MAX = 200;
/** Per contract, as IB's averageCost has it: what was paid and the commission. */
const COMMISSION = 0.7028;

/** The same options give the same portfolio. @throws RangeError when more is asked for than the market has */
export function generatePortfolio(options: GeneratorOptions): Portfolio {
  const { seed, positions = 200, condors = 5, accounts = DEFAULT_ACCOUNTS, today = utcToday() } = options;
  if (positions < 4 * condors) throw new RangeError(`${condors} condors need ${4 * condors} positions`);
  if (accounts.length === 0) throw new RangeError('a portfolio needs an account');
  const generator = new Generator({ seed, accounts, today });
  for (let nth = 0; nth < condors; nth += 1) generator.addCondor(nth);
  for (let nth = 0; nth < positions - 4 * condors; nth += 1) generator.addSingle(nth);
  return generator.portfolio;
}

class Generator {
  readonly #random: Random;
  readonly #accounts: readonly string[];
  readonly #today: Day;
  readonly #conIds = new ConIds();
  readonly #instruments = new Map<number, Instrument>();
  readonly #market: Market;
  readonly #stocks: readonly Instrument[];
  readonly #futures: readonly Instrument[];
  readonly #optionable: readonly Instrument[];
  readonly #series = new Map<number, readonly Series[]>();
  readonly #positions = new Map<string, Position>();
  readonly #condors: Condor[] = [];
  readonly #condorLegs = new Set<number>();

  constructor(options: { readonly seed: number; readonly accounts: readonly string[]; readonly today: Day }) {
    this.#random = createRandom(options.seed);
    this.#accounts = options.accounts;
    this.#today = options.today;
    const allStocks = stocks(this.#conIds);
    const allIndices = indices();
    this.#futures = futures(this.#conIds, options.today);
    for (const instrument of [...allStocks, ...allIndices, ...this.#futures]) this.#list(instrument);
    this.#stocks = allStocks.filter(({ contract }) => !NOT_HELD.includes(contract.symbol));
    this.#optionable = [...allStocks, ...allIndices.filter(({ contract }) => contract.symbol === 'SPX')];
    this.#market = new Market({
      instruments: this.#instruments,
      seed: options.seed,
      today: options.today,
      stepMs: 1000,
    });
  }

  get portfolio(): Portfolio {
    return {
      accounts: [...this.#accounts],
      instruments: [...this.#instruments.values()],
      positions: [...this.#positions.values()],
      condors: this.#condors,
    };
  }

  /** Underlyings, accounts and expirations take turns; every third one has wings so far out that nobody bids. */
  addCondor(nth: number): void {
    const symbol = CONDOR_UNDERLYINGS[nth % CONDOR_UNDERLYINGS.length];
    const underlying = this.#optionable.find(({ contract }) => contract.symbol === symbol);
    if (underlying === undefined) throw new RangeError(`${symbol} has no options`);
    const account = this.#account(nth);
    const size = 1 + this.#random.below(5);
    const legs = this.#freeCondor(underlying, nth).map((option, index) => {
      const quantity = index === 1 || index === 2 ? -size : size;
      return { conId: option.contract.conId, quantity, ...this.#hold(option, account, quantity) };
    });
    this.#condors.push({
      name: `${underlying.contract.symbol.toLowerCase()}-condor-${nth + 1}`,
      underlying: underlying.contract.symbol,
      account,
      legs: legs.map(({ conId, quantity, openPrice }) => ({ conId, quantity: decimal(quantity), openPrice })),
    });
  }

  addSingle(nth: number): void {
    const account = this.#account(nth);
    const wanted = KINDS[nth % KINDS.length] ?? 'OPT';
    for (let draw = 0; draw < DRAWS_MAX; draw += 1) {
      // When every stock, future and wing is held, options fill up.
      const isEarly = draw < DRAWS_MAX / 4;
      const instrument = this.#draw(isEarly ? wanted : 'OPT', isEarly && nth % 10 === 1);
      if (this.#condorLegs.has(instrument.contract.conId)) continue;
      if (this.#positions.has(`${account} ${instrument.contract.conId}`)) continue;
      this.#hold(instrument, account, this.#quantity(instrument, nth));
      return;
    }
    throw new RangeError(`the market has no more than about ${this.#positions.size} positions`);
  }

  /** Long put, short put, short call, long call that no condor holds yet: later expirations first, then wider ones. */
  #freeCondor(underlying: Instrument, nth: number): Instrument[] {
    const series = this.#seriesOf(underlying).slice(1);
    const round = Math.floor(nth / CONDOR_UNDERLYINGS.length);
    for (let shift = 0; shift < STRIKES_EACH_WAY; shift += 1) {
      const chosen = series[(round + shift) % series.length];
      if (chosen === undefined) break;
      const hasFarWings = nth % 3 === 1;
      const strikes = condorStrikes(underlying, {
        shift: Math.floor((round + shift) / series.length),
        hasFarWings,
      });
      const legs = strikes.map((strike, index) =>
        optionOf(underlying, { series: chosen, strike, right: index < 2 ? 'P' : 'C' }, this.#conIds),
      );
      if (legs.some(({ contract }) => this.#condorLegs.has(contract.conId))) continue;
      for (const leg of legs) this.#condorLegs.add(leg.contract.conId);
      this.#listRollTargets(underlying, strikes);
      return legs;
    }
    throw new RangeError(`no more condors on ${underlying.contract.symbol}`);
  }

  /** The same strikes one expiration later: requestable, not held. */
  #listRollTargets(underlying: Instrument, strikes: readonly number[]): void {
    const series = this.#seriesOf(underlying).at(-1);
    if (series === undefined) return;
    for (const [index, strike] of strikes.entries()) {
      this.#list(optionOf(underlying, { series, strike, right: index < 2 ? 'P' : 'C' }, this.#conIds));
    }
  }

  /** @param isWing an option so far below the money that nobody bids for it */
  #draw(kind: (typeof KINDS)[number], isWing: boolean): Instrument {
    if (kind === 'STK') return this.#random.pick(this.#stocks);
    if (kind === 'FUT') return this.#random.pick(this.#futures);
    const underlying =
      kind === 'FOP'
        ? this.#random.pick(this.#futures.filter(({ contract }) => contract.symbol === 'ES'))
        : this.#random.pick(this.#optionable);
    const series = this.#random.pick(this.#seriesOf(underlying));
    const step = strikeStep(underlying);
    const { price = step } = underlying;
    const offset = this.#random.below(2 * STRIKES_EACH_WAY + 1) - STRIKES_EACH_WAY;
    const strike = toTick(isWing ? price * 0.5 : price + offset * step, step, Math.round);
    const right = isWing || this.#random.next() < 0.5 ? 'P' : 'C';
    return optionOf(underlying, { series, strike: Math.max(step, strike), right }, this.#conIds);
  }

  #quantity({ contract }: Instrument, nth: number): number {
    if (contract.secType === 'STK') {
      // One stock in four is held in fractions.
      const whole = 5 + this.#random.below(300);
      return nth % 20 === 0 ? whole + (1 + this.#random.below(9998)) / 10_000 : whole;
    }
    return (1 + this.#random.below(9)) * (this.#random.next() < 0.6 ? -1 : 1);
  }

  #hold(instrument: Instrument, account: string, quantity: number): { readonly openPrice: string } {
    this.#list(instrument);
    const { contract, minTick, priceMagnifier } = instrument;
    const now = this.#market.quote(contract.conId)?.last ?? minTick;
    const openPrice = Math.max(minTick, toTick(now * (0.8 + 0.4 * this.#random.next()), minTick, Math.round));
    const perContract = (openPrice / priceMagnifier) * Number(contract.multiplier ?? 1);
    const commission = contract.secType === 'STK' ? 0 : COMMISSION * Math.sign(quantity);
    this.#positions.set(`${account} ${contract.conId}`, {
      account,
      conId: contract.conId,
      quantity: decimal(quantity),
      averageCost: decimal(perContract + commission),
    });
    return { openPrice: decimal(openPrice) };
  }

  #list(instrument: Instrument): void {
    this.#instruments.set(instrument.contract.conId, instrument);
  }

  #account(nth: number): string {
    return this.#accounts[nth % this.#accounts.length] ?? '';
  }

  #seriesOf(underlying: Instrument): readonly Series[] {
    const { conId } = underlying.contract;
    const series = this.#series.get(conId) ?? seriesOf(underlying, this.#today);
    this.#series.set(conId, series);
    return series;
  }
}

/** By rising strike. Each shift moves the whole of it one step away from the money. */
function condorStrikes(
  underlying: Instrument,
  shape: { readonly shift: number; readonly hasFarWings: boolean },
): [number, number, number, number] {
  const step = strikeStep(underlying);
  const { price = step } = underlying;
  const at = (share: number) => toTick(price * share, step, Math.round);
  const shortPut = at(0.96) - shape.shift * step;
  const shortCall = at(1.04) + shape.shift * step;
  const wing = shape.hasFarWings ? at(0.45) : 2 * step;
  return [shortPut - wing, shortPut, shortCall, shortCall + wing];
}
