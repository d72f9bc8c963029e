import type { Contract } from '../../shared/contract.ts';

/** @returns an instrument as traders write it: `SPY 2026-12-18 600 C`, `ES 2026-12-18`, `AAPL` */
export function contractName(contract: Contract): string {
  const { symbol, lastTradeDate, strike, right } = contract;
  const day = lastTradeDate?.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
  return [symbol, day, strike, right].filter((part) => part !== undefined).join(' ');
}
