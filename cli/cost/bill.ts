import { PRICES, type PriceKey } from './prices.ts';
import { type Amounts, entries } from './rates.ts';

export interface ServiceCost {
  readonly price: PriceKey;
  readonly service: (typeof PRICES)[PriceKey]['service'];
  readonly amount: number;
  readonly grossUsd: number;
  /** What is left when the always-free part is taken off the whole. */
  readonly netUsd: number;
}

/** @returns dollars before and after the free part, which is taken off the sum and not off each line */
export function costsOf(amounts: Amounts): ServiceCost[] {
  return entries(amounts)
    .filter(([, amount]) => amount > 0)
    .map(([price, amount]) => {
      const { service, usd, free } = PRICES[price];
      return { price, service, amount, grossUsd: amount * usd, netUsd: Math.max(0, amount - free) * usd };
    });
}

export function grossOf(amounts: Amounts): number {
  return costsOf(amounts).reduce((total, { grossUsd }) => total + grossUsd, 0);
}
