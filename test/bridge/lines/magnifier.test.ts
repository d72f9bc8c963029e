import { describe, expect, it } from 'vitest';
import type { LineEvent } from '../../../bridge/gateway/events.ts';
import { inCurrency } from '../../../bridge/lines/magnifier.ts';

const of = { at: 1_795_185_000_000, reqId: 7 };
const price = (value: number | undefined): LineEvent => ({
  ...of,
  type: 'price',
  field: 'bid',
  price: value,
});

describe('a tick of a contract that is quoted in cents', () => {
  it('has its price in the currency, without the noise of binary fractions', () => {
    expect(inCurrency(price(430.25), 100)).toEqual(price(4.3025));
    for (const [cents, dollars] of [
      [1.1, 0.011],
      [0.07, 0.0007],
      [110, 1.1],
      [-3763, -37.63],
    ] as const) {
      expect(inCurrency(price(cents), 100)).toEqual(price(dollars));
    }
  });

  it('says that a side is gone as ever', () => {
    expect(inCurrency(price(undefined), 100)).toEqual(price(undefined));
  });

  it('has every greek that is an amount in the currency, gamma per unit of it, and the others as they were', () => {
    const greeks = {
      iv: 0.24,
      price: 12.5,
      delta: 0.4,
      gamma: 0.009,
      vega: 0.6,
      theta: -0.15,
      underlying: 430,
    };
    const event: LineEvent = { ...of, type: 'greeks', source: 'model', greeks };
    expect(inCurrency(event, 100)).toEqual({
      ...event,
      greeks: {
        iv: 0.24,
        price: 0.125,
        delta: 0.4,
        gamma: 0.9,
        vega: 0.006,
        theta: -0.0015,
        underlying: 4.3,
      },
    });
  });

  it('keeps what is unknown of the greeks unknown', () => {
    const event: LineEvent = { ...of, type: 'greeks', source: 'bid', greeks: { underlying: 430 } };
    expect(inCurrency(event, 100)).toEqual({ ...event, greeks: { underlying: 4.3 } });
  });

  it('has its size as it was', () => {
    const size: LineEvent = { ...of, type: 'size', field: 'bid', size: 300 };
    expect(inCurrency(size, 100)).toBe(size);
  });
});

describe('a tick of any other contract', () => {
  it('is the same', () => {
    expect(inCurrency(price(0.1 + 0.2), 1)).toEqual(price(0.1 + 0.2));
  });
});
