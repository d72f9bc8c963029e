import type { ContractDetails, RequestContract } from './events.ts';

/**
 * Which exchange to name in a market data request. A position's own contract has none, and a blank or wrong one is
 * refused with 321 or 200: SMART where the contract trades there, otherwise its own, as futures, futures options and
 * indices (VIX: CBOE) want it. https://interactivebrokers.github.io/tws-api/contract_details.html
 * @returns undefined when the broker names no exchange at all
 */
function exchangeFor(details: ContractDetails): string | undefined {
  if (details.validExchanges.includes('SMART')) return 'SMART';
  return details.validExchanges[0] ?? details.contract.exchange;
}

/**
 * What a market data request names: the conId decides, symbol, type and currency are for whoever reads the
 * gateway's log. Strike and dates stay out: a number in another notation than the broker's would only contradict.
 */
export function requestContractOf(details: ContractDetails): RequestContract {
  const { conId, symbol, secType, currency } = details.contract;
  return { conId, symbol, secType, currency, exchange: exchangeFor(details) ?? '' };
}
