import type { QuoteState } from '../quote.ts';

/** Contracts for which the gateway computes greeks. https://interactivebrokers.github.io/tws-api/option_computations.html */
const WITH_GREEKS: ReadonlySet<string> = new Set(['OPT', 'FOP', 'WAR']);

/**
 * A short stream brings what a snapshot takes 11 s for within moments, and the model's greeks, which a snapshot need
 * not bring at all: subscribe, and let go once everything that is wanted of it has come.
 * @returns true when it has: both sides, or the word that nobody bids, and the model's greeks where there are any
 */
export function isComplete({ bid, bidGone, ask, greeks }: QuoteState, secType: string): boolean {
  const isPriced = (bid !== undefined || bidGone) && ask !== undefined;
  return isPriced && (!WITH_GREEKS.has(secType) || greeks.model?.delta !== undefined);
}
