import { isZero } from '../../../shared/decimal.ts';
import { type Instrument, type Portfolio, portfolioSchema } from '../portfolio.ts';
import { type Disguise, inventedCost, scrambledQuantity } from './disguise.ts';
import { isOption, type Observed, type ObservedPosition } from './observed.ts';

export interface RecordedPortfolio {
  readonly portfolio: Portfolio;
  /** Positions that no portfolio can hold, by what is missing. */
  readonly leftOut: readonly { readonly conId: number; readonly reason: string }[];
}

/**
 * A portfolio of what was seen. Accounts are disguised always; quantities and costs unless they are to be `exact`.
 * @param options.seed of the other quantities
 */
export function portfolioOf(
  observed: Observed,
  options: { readonly disguise: Disguise; readonly exact: boolean; readonly seed: number },
): RecordedPortfolio {
  const { disguise, exact, seed } = options;
  const instruments = instrumentsOf(observed);
  const leftOut: { conId: number; reason: string }[] = [];
  const rows = observed.positions.flatMap((row) => {
    const { conId } = row.contract;
    const instrument = instruments.get(conId);
    if (instrument === undefined) {
      leftOut.push({ conId, reason: 'its details, or those of its underlying, did not come' });
      return [];
    }
    const key = `${row.account} ${conId}`;
    return {
      account: disguise.account(row.account),
      conId,
      quantity: exact ? row.quantity : scrambledQuantity(row.quantity, seed, key),
      averageCost: exact ? row.averageCost : inventedCost(worthOf(instrument, observed), seed, key),
    };
  });
  const portfolio = portfolioSchema.parse({
    accounts: disguise.accounts,
    instruments: [...instruments.values()],
    positions: rows.filter(({ quantity }) => !isZero(quantity)),
  });
  return { portfolio, leftOut };
}

function instrumentsOf(observed: Observed): Map<number, Instrument> {
  const { details, positions } = observed;
  const held = new Map(positions.map((row) => [row.contract.conId, row]));
  const known = new Set([...held.keys(), ...details.keys()]);
  const spots = [...known].flatMap((conId) => spotOf(conId, held.get(conId), observed));
  const instruments = new Map(spots.map((instrument) => [instrument.contract.conId, instrument]));
  for (const [conId, described] of details) {
    const { contract, underConId = 0 } = described;
    if (!isOption(contract.secType) || !instruments.has(underConId)) continue;
    if ([contract.lastTradeDate, contract.strike, contract.right].includes(undefined)) continue;
    instruments.set(conId, { ...common(conId, observed), underConId });
  }
  return instruments;
}

/** What is not an option: it needs a price of its own. */
function spotOf(conId: number, row: ObservedPosition | undefined, observed: Observed): Instrument[] {
  const contract = observed.details.get(conId)?.contract ?? row?.contract;
  if (contract === undefined || isOption(contract.secType)) return [];
  return [{ ...common(conId, observed, row), price: priceOf(conId, observed) }];
}

function common(conId: number, observed: Observed, row?: ObservedPosition): Instrument {
  const described = observed.details.get(conId);
  const contract = described?.contract ?? row?.contract;
  if (contract === undefined) throw new Error('unreachable');
  const { minTick = 0.01, priceMagnifier = 1, timeZoneId, tradingHours, liquidHours } = described ?? {};
  const own = contract.exchange === undefined ? 'SMART' : contract.exchange;
  const validExchanges = described?.validExchanges.length ? [...described.validExchanges] : [own];
  const [first = own] = validExchanges;
  return {
    contract: { ...contract, exchange: validExchanges.includes('SMART') ? 'SMART' : first },
    validExchanges,
    longName: '',
    // Details have it in the currency, a portfolio in the unit of the quotes.
    minTick: minTick > 0 ? minTick * priceMagnifier : 0.01,
    priceMagnifier,
    timeZoneId: timeZoneId ?? 'US/Eastern',
    ...(tradingHours === undefined ? {} : { tradingHours }),
    ...(liquidHours === undefined ? {} : { liquidHours }),
    volatility: volatilityOf(conId, observed),
  };
}

/** Its own, what the model ticks of an option on it say, or where its options' strikes are: never what was paid. */
function priceOf(conId: number, { lines, details }: Observed): number {
  const own = lines.get(conId)?.price;
  if (own !== undefined) return own;
  const options = [...details].filter(([, { underConId }]) => underConId === conId);
  const models = options.flatMap(([option]) => lines.get(option)?.underlying ?? []);
  const strikes = options.map(([, { contract }]) => Number(contract.strike)).sort((a, b) => a - b);
  return models[0] ?? strikes[Math.floor(strikes.length / 2)] ?? PRICE_UNKNOWN;
}

const PRICE_UNKNOWN = 100;
const VOLATILITY_MAX = 5;

function volatilityOf(conId: number, { lines, details }: Observed): number {
  for (const [option, { underConId }] of details) {
    const iv = underConId === conId || option === conId ? lines.get(option)?.iv : undefined;
    if (iv !== undefined && iv > 0 && iv <= VOLATILITY_MAX) return iv;
  }
  return 0.2;
}

/** Of one contract now, in its currency, as far as it was seen. */
function worthOf({ contract, priceMagnifier, price }: Instrument, { lines }: Observed): number {
  const shown = lines.get(contract.conId)?.price ?? price ?? 1;
  return (shown / priceMagnifier) * Number(contract.multiplier ?? 1);
}
