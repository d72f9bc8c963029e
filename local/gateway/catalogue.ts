import { NOTICES, type Notice } from './notices.ts';
import type { Instrument } from './portfolio.ts';
import type { ContractQuery } from './requests.ts';

export type Lookup =
  | { readonly ok: true; readonly instrument: Instrument }
  | { readonly ok: false; readonly notice: Notice };

/** Every instrument that exists, and how requests name them. */
export class Catalogue {
  readonly instruments: ReadonlyMap<number, Instrument>;
  readonly #bySymbol = new Map<string, Instrument[]>();

  constructor(instruments: readonly Instrument[]) {
    this.instruments = new Map(instruments.map((instrument) => [instrument.contract.conId, instrument]));
    for (const instrument of instruments) {
      const { symbol } = instrument.contract;
      const same = this.#bySymbol.get(symbol) ?? [];
      same.push(instrument);
      this.#bySymbol.set(symbol, same);
    }
  }

  /** Everything that the query allows; with a conId the other fields do not count, but the exchange does. */
  find(query: ContractQuery): readonly Instrument[] {
    if (query.conId > 0) {
      const instrument = this.instruments.get(query.conId);
      return instrument !== undefined && isListed(instrument, query.exchange) ? [instrument] : [];
    }
    const candidates =
      query.symbol !== undefined
        ? (this.#bySymbol.get(query.symbol) ?? [])
        : query.localSymbol !== undefined
          ? [...this.instruments.values()]
          : [];
    return candidates.filter((instrument) => matches(instrument, query));
  }

  /** The one instrument that market data is asked for. A blank exchange is 321, a wrong one or an unknown conId 200. */
  resolve(query: ContractQuery): Lookup {
    if (query.exchange === undefined) return { ok: false, notice: NOTICES.noExchange };
    const [instrument, second] = this.find(query);
    if (instrument === undefined) return { ok: false, notice: NOTICES.noDefinition };
    if (second !== undefined) return { ok: false, notice: NOTICES.ambiguous };
    return { ok: true, instrument };
  }
}

function isListed({ validExchanges }: Instrument, exchange: string | undefined): boolean {
  return exchange === undefined || validExchanges.includes(exchange);
}

function matches(instrument: Instrument, query: ContractQuery): boolean {
  const { contract } = instrument;
  return (
    isListed(instrument, query.exchange) &&
    (query.secType === undefined || query.secType === contract.secType) &&
    // A contract month (YYYYMM) stands for every day in it.
    (query.lastTradeDate === undefined || contract.lastTradeDate?.startsWith(query.lastTradeDate) === true) &&
    (query.strike === undefined || Number(contract.strike) === query.strike) &&
    (query.right === undefined || query.right === contract.right) &&
    (query.multiplier === undefined || Number(contract.multiplier) === query.multiplier) &&
    (query.currency === undefined || query.currency === contract.currency) &&
    (query.localSymbol === undefined || query.localSymbol === contract.localSymbol) &&
    (query.tradingClass === undefined || query.tradingClass === contract.tradingClass)
  );
}
