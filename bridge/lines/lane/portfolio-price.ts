import { isZero } from '../../../shared/decimal.ts';
import type { PortfolioRow } from '../../gateway/events.ts';

/** What a price in a hundredth of the currency is at least above one in the currency itself, rounding aside. */
const MAGNIFIED = 10;

/**
 * The price of one unit in the contract's currency. Where the price is quoted in cents or pence
 * (priceMagnifier 100) the row does not say so, but its market value is in the currency itself: value by quantity and
 * multiplier tells how much the price is magnified, without the contract's details.
 * @returns undefined where the account window has no price, or nothing is held
 */
export function priceOf({ contract, quantity, marketPrice, marketValue }: PortfolioRow): number | undefined {
  if (marketPrice === undefined || marketPrice === 0 || isZero(quantity)) return undefined;
  const units = Number(quantity) * Number(contract.multiplier ?? 1);
  const magnifier = marketValue === undefined ? 1 : Math.abs((marketPrice * units) / marketValue);
  if (!Number.isFinite(magnifier) || magnifier < MAGNIFIED) return marketPrice;
  return Number((marketPrice / 10 ** Math.round(Math.log10(magnifier))).toPrecision(15));
}
