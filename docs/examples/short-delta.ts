import type { HandlerFactory } from '../../bridge/handlers/handler.ts';

/** Warns when a short option has run into the money, once until it is out of danger again. */
const WARN_AT = 0.3;
const CALM_AT = 0.25;

const shortDelta: HandlerFactory = ({ log }) => {
  const warned = new Set<number>();
  return {
    name: 'short-delta',
    secTypes: ['OPT', 'FOP'],
    handle({ contract, quantity, quote, strategyIds }) {
      const delta = Math.abs(quote.mark?.delta ?? Number.NaN);
      if (Number(quantity) >= 0 || quote.quality !== 'live' || Number.isNaN(delta)) return;
      if (delta < CALM_AT) warned.delete(contract.conId);
      if (delta < WARN_AT || warned.has(contract.conId)) return;
      warned.add(contract.conId);
      log.warn('short-delta', { conId: contract.conId, contract: contract.localSymbol, delta, strategyIds });
    },
  };
};

export default shortDelta;
