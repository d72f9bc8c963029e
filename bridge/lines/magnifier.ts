import type { Greeks, LineEvent } from '../gateway/events.ts';

/**
 * The same tick in the contract's currency. IB quotes some contracts in a hundredth of it, grains in cents and London
 * shares in pence, and says so by the contract details' priceMagnifier; averageCost is in the currency itself.
 * https://interactivebrokers.github.io/tws-api/classIBApi_1_1ContractDetails.html (PriceMagnifier)
 * @param priceMagnifier of the contract that the line was asked for; 1 of most, whose ticks are returned as they are
 */
export function inCurrency(event: LineEvent, priceMagnifier: number): LineEvent {
  if (priceMagnifier === 1) return event;
  if (event.type === 'price' && event.price !== undefined) {
    return { ...event, price: scaled(event.price, 1 / priceMagnifier) };
  }
  if (event.type === 'greeks') return { ...event, greeks: greeksInCurrency(event.greeks, priceMagnifier) };
  return event;
}

/**
 * Vega and theta are amounts of the option's price; delta is one price by another and iv is none; gamma is per unit
 * of the underlying's price, so a hundred times as much per dollar as per cent.
 */
function greeksInCurrency(greeks: Greeks, priceMagnifier: number): Greeks {
  const { price, underlying, vega, theta, gamma, ...unitless } = greeks;
  const amounts = { price, underlying, vega, theta };
  const entries = [
    ...Object.entries(amounts).map(([key, value]) => [key, value, 1 / priceMagnifier] as const),
    ['gamma', gamma, priceMagnifier] as const,
  ];
  const known = entries.flatMap(([key, value, factor]) =>
    value === undefined ? [] : [[key, scaled(value, factor)] as const],
  );
  return { ...unitless, ...Object.fromEntries(known) };
}

/** Without the noise of binary fractions: 110 cents are 1.1, not 1.1000000000000001. */
function scaled(value: number, factor: number): number {
  return Number((value * factor).toPrecision(15));
}
