import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OptionTerms, priceOption, smile } from '../../../local/gateway/pricing.ts';

const terms = fc.record({
  underlying: fc.double({ min: 10, max: 7000, noNaN: true }),
  moneyness: fc.double({ min: 0.7, max: 1.3, noNaN: true }),
  years: fc.double({ min: 0.02, max: 2, noNaN: true }),
  volatility: fc.double({ min: 0.1, max: 0.9, noNaN: true }),
  isFuture: fc.boolean(),
  right: fc.constantFrom('C' as const, 'P' as const),
});

function termsOf(drawn: typeof terms extends fc.Arbitrary<infer T> ? T : never): OptionTerms {
  const { underlying, moneyness, years, volatility, isFuture, right } = drawn;
  const rate = 0.04;
  return {
    right,
    underlying,
    strike: underlying * moneyness,
    years,
    volatility,
    rate,
    carry: isFuture ? 0 : rate,
  };
}

describe('option prices', () => {
  it("agree with Hull's example of a stock option", () => {
    const hull = { underlying: 42, strike: 40, years: 0.5, volatility: 0.2, rate: 0.1, carry: 0.1 };
    expect(priceOption({ ...hull, right: 'C' }).price).toBeCloseTo(4.76, 2);
    expect(priceOption({ ...hull, right: 'P' }).price).toBeCloseTo(0.81, 2);
  });

  it("agree with Haug's example of an option on a future", () => {
    const haug = { underlying: 19, strike: 19, years: 0.75, volatility: 0.28, rate: 0.1, carry: 0 };
    expect(priceOption({ ...haug, right: 'C' }).price).toBeCloseTo(1.7011, 4);
    expect(priceOption({ ...haug, right: 'P' }).price).toBeCloseTo(1.7011, 4);
  });

  it('keep put-call parity', () => {
    fc.assert(
      fc.property(terms, (drawn) => {
        const option = termsOf(drawn);
        const call = priceOption({ ...option, right: 'C' });
        const put = priceOption({ ...option, right: 'P' });
        const forward = option.underlying * Math.exp((option.carry - option.rate) * option.years);
        const parity = forward - option.strike * Math.exp(-option.rate * option.years);
        expect(call.price - put.price).toBeCloseTo(parity, 2);
        expect(call.gamma).toBeCloseTo(put.gamma, 10);
      }),
    );
  });

  it('have greeks that are their own slopes', () => {
    fc.assert(
      fc.property(terms, (drawn) => {
        const option = termsOf(drawn);
        const value = priceOption(option);
        const at = (change: Partial<OptionTerms>) => priceOption({ ...option, ...change }).price;
        const step = option.underlying * 1e-3;
        const { underlying, volatility, years } = option;
        const delta =
          (at({ underlying: underlying + step }) - at({ underlying: underlying - step })) / (2 * step);
        const vega = (at({ volatility: volatility + 0.005 }) - at({ volatility: volatility - 0.005 })) / 1;
        const day = 1 / 365;
        const theta = (at({ years: years - day }) - at({ years: years + day })) / 2;
        expect(Math.abs(value.delta - delta)).toBeLessThan(0.005);
        expect(Math.abs(value.vega - vega)).toBeLessThan(underlying * 2e-4);
        expect(Math.abs(value.theta - theta)).toBeLessThan(underlying * 1e-3);
      }),
    );
  });
});

describe('the smile', () => {
  it('is the level at the money and higher below it', () => {
    expect(smile(0.2, 100, 100, 0.1)).toBeCloseTo(0.2, 10);
    expect(smile(0.2, 80, 100, 0.1)).toBeGreaterThan(smile(0.2, 90, 100, 0.1));
    expect(smile(0.2, 90, 100, 0.1)).toBeGreaterThan(0.2);
  });
});
