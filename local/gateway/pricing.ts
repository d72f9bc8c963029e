/** What an option is worth and how that moves: delta and gamma per unit of the underlying, vega per point of volatility, theta per day. */
export interface OptionValue {
  readonly price: number;
  readonly delta: number;
  readonly gamma: number;
  readonly vega: number;
  readonly theta: number;
}

export interface OptionTerms {
  readonly right: 'C' | 'P';
  readonly underlying: number;
  readonly strike: number;
  readonly years: number;
  readonly volatility: number;
  readonly rate: number;
  /** Cost of carry: the rate for a spot underlying (Black-Scholes), 0 for a future (Black-76). */
  readonly carry: number;
}

/** The generalised Black-Scholes formula. Haug, The Complete Guide to Option Pricing Formulas, 1.1.6 and chapter 2. */
export function priceOption(terms: OptionTerms): OptionValue {
  const { underlying, strike, years, volatility, rate, carry } = terms;
  const root = volatility * Math.sqrt(years);
  const d1 = (Math.log(underlying / strike) + (carry + volatility ** 2 / 2) * years) / root;
  const d2 = d1 - root;
  const forward = Math.exp((carry - rate) * years);
  const discount = Math.exp(-rate * years);
  const sign = terms.right === 'C' ? 1 : -1;
  const inUnderlying = sign * forward * normalCdf(sign * d1);
  const inCash = sign * strike * discount * normalCdf(sign * d2);
  const density = normalDensity(d1) * forward;
  const decay = -(underlying * density * volatility) / (2 * Math.sqrt(years));
  const perYear = decay - (carry - rate) * underlying * inUnderlying - rate * inCash;
  return {
    price: Math.max(0, underlying * inUnderlying - inCash),
    delta: inUnderlying,
    gamma: density / (underlying * root),
    vega: (underlying * density * Math.sqrt(years)) / 100,
    theta: perYear / 365,
  };
}

/**
 * Implied volatility by strike: puts below the money cost more, far strikes on either side too.
 * @param level volatility at the money
 */
export function smile(level: number, strike: number, underlying: number, years: number): number {
  const moneyness = Math.log(strike / underlying) / Math.sqrt(years + 0.05);
  const shaped = level * (1 - 0.45 * moneyness + 0.5 * moneyness ** 2);
  return Math.min(3, Math.max(0.05, shaped));
}

function normalDensity(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** Abramowitz and Stegun 26.2.17, absolute error below 7.5e-8. */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = normalDensity(x) * poly;
  return x >= 0 ? 1 - tail : tail;
}
