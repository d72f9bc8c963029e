import type { Quote } from '../lines/quote.ts';

/**
 * By how much a field has to move before it is worth a row. Small enough for a day's curve of a leg, large enough that
 * a quiet contract costs nothing.
 */
export const DEADBAND = {
  /**
   * Of the price, but never less than a tick, nor than half the spread that was recorded: a middle that is still between
   * bid and ask is a price that the record has already.
   */
  priceShare: 0.005,
  /** Where the contract's own is not known. */
  minTick: 0.01,
  iv: 0.005,
  delta: 0.01,
  gamma: 0.005,
  /** Currency per percentage point of volatility, and per day: a cent either. */
  vega: 0.01,
  theta: 0.01,
} as const;

const GREEKS = ['iv', 'delta', 'gamma', 'vega', 'theta'] as const;

/**
 * True when a field left its deadband around what was recorded last, came or went, or the quality changed. Bid and ask
 * count through the price that they make; the underlying through the greeks that it moves.
 * @param minTick the contract's own, in its currency as the marks are
 */
export function hasMoved(
  recorded: Quote | undefined,
  now: Quote,
  minTick: number = DEADBAND.minTick,
): boolean {
  if (recorded === undefined || recorded.quality !== now.quality) return true;
  const { price = 0, bid, ask } = recorded.mark ?? {};
  const halfSpread = bid === undefined || ask === undefined ? 0 : (ask - bid) / 2;
  const band = Math.max(minTick, DEADBAND.priceShare * Math.abs(price), halfSpread);
  return (
    leaves(recorded.mark?.price, now.mark?.price, band) ||
    GREEKS.some((field) => leaves(recorded.mark?.[field], now.mark?.[field], DEADBAND[field]))
  );
}

/** A step of exactly one deadband counts; binary fractions must not decide that. */
function leaves(before: number | undefined, now: number | undefined, band: number): boolean {
  if (before === undefined || now === undefined) return before !== now;
  return Math.abs(now - before) >= band * (1 - 1e-9);
}
