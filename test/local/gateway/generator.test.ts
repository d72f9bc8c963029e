import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generatePortfolio } from '../../../local/gateway/generator.ts';
import { Market } from '../../../local/gateway/market.ts';
import type { Portfolio } from '../../../local/gateway/portfolio.ts';
import { portfolioSchema } from '../../../local/gateway/portfolio.ts';
import { instrumentOf, TODAY } from './support/small-portfolio.ts';

function secTypes(portfolio: Portfolio): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { conId } of portfolio.positions) {
    const { secType } = instrumentOf(portfolio, conId).contract;
    counts[secType] = (counts[secType] ?? 0) + 1;
  }
  return counts;
}

const legIds = ({ condors }: Portfolio) => condors.flatMap(({ legs }) => legs.map(({ conId }) => conId));

describe('a generated portfolio', () => {
  it('has exactly the rows asked for, twenty of 200 being legs of five condors', () => {
    const portfolio = generatePortfolio({ seed: 1, today: TODAY });
    expect(portfolio.positions).toHaveLength(200);
    expect(portfolio.condors.map(({ underlying }) => underlying)).toEqual([
      'SPY',
      'QQQ',
      'IWM',
      'SPX',
      'SPY',
    ]);
    expect(new Set(legIds(portfolio)).size).toBe(20);
    for (const conId of legIds(portfolio)) {
      expect(portfolio.positions.filter((row) => row.conId === conId)).toHaveLength(1);
    }
    expect(Object.keys(secTypes(portfolio)).sort()).toEqual(['FOP', 'FUT', 'OPT', 'STK']);
  });

  it('is what its file may be, whatever is asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 0, max: 150 }),
        fc.integer({ min: 1, max: 3 }),
        fc.date({ min: new Date('2025-01-01'), max: new Date('2032-01-01'), noInvalidDate: true }),
        (seed, condors, singles, accountCount, date) => {
          const today = date.toISOString().slice(0, 10);
          const accounts = Array.from({ length: accountCount }, (_, index) => `DU${index}`);
          const positions = 4 * condors + singles;
          const portfolio = generatePortfolio({ seed, condors, positions, accounts, today });
          expect(portfolioSchema.parse(JSON.parse(JSON.stringify(portfolio)))).toEqual(portfolio);
          expect(portfolio.positions).toHaveLength(positions);
          expect(new Set(legIds(portfolio)).size).toBe(4 * condors);
          for (const { contract } of portfolio.instruments) {
            if (contract.lastTradeDate !== undefined) {
              expect(contract.lastTradeDate > today.replaceAll('-', '')).toBe(true);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is the same for the same options', () => {
    const options = { seed: 11, positions: 120, condors: 3, today: TODAY };
    expect(generatePortfolio(options)).toEqual(generatePortfolio(options));
    expect(generatePortfolio({ ...options, seed: 12 })).not.toEqual(generatePortfolio(options));
  });

  it('gives a contract the same conId in every portfolio', () => {
    const one = generatePortfolio({ seed: 1, positions: 300, today: TODAY });
    const two = generatePortfolio({ seed: 2, positions: 500, today: TODAY });
    const bySymbol = new Map(one.instruments.map(({ contract }) => [contract.localSymbol, contract.conId]));
    const shared = two.instruments.filter(({ contract }) => bySymbol.has(contract.localSymbol));
    expect(shared.length).toBeGreaterThan(60);
    for (const { contract } of shared) expect(contract.conId).toBe(bySymbol.get(contract.localSymbol));
  });

  it('holds thousands of positions with a conId each, and says when the market is exhausted', () => {
    const portfolio = generatePortfolio({ seed: 4, positions: 8000, condors: 60, today: TODAY });
    const { positions, instruments } = portfolio;
    const legs = new Set(legIds(portfolio));
    expect(positions.filter(({ conId }) => legs.has(conId))).toHaveLength(240);
    expect(new Set(positions.map(({ account, conId }) => `${account} ${conId}`)).size).toBe(8000);
    expect(new Set(instruments.map(({ contract }) => contract.conId)).size).toBe(instruments.length);
    expect(() => generatePortfolio({ seed: 4, positions: 3, condors: 1 })).toThrow(
      '1 condors need 4 positions',
    );
    expect(() => generatePortfolio({ seed: 4, accounts: [] })).toThrow('an account');
  });
});

describe('its condors', () => {
  const portfolio = generatePortfolio({ seed: 1, positions: 200, condors: 40, today: TODAY });

  it('are long, short, short, long by rising strike, puts below calls, in one account and expiration', () => {
    for (const { legs, account, underlying } of portfolio.condors) {
      const contracts = legs.map(({ conId }) => instrumentOf(portfolio, conId).contract);
      expect(contracts.map(({ right }) => right)).toEqual(['P', 'P', 'C', 'C']);
      expect(legs.map(({ quantity }) => Math.sign(Number(quantity)))).toEqual([1, -1, -1, 1]);
      const strikes = contracts.map(({ strike }) => Number(strike));
      expect(strikes).toEqual([...strikes].sort((left, right) => left - right));
      expect(new Set(contracts.map(({ lastTradeDate }) => lastTradeDate)).size).toBe(1);
      expect(new Set(contracts.map(({ symbol }) => symbol))).toEqual(new Set([underlying]));
      for (const { conId, quantity } of legs) {
        expect(portfolio.positions).toContainEqual(expect.objectContaining({ account, conId, quantity }));
      }
    }
  });

  it('have wings that nobody bids for in every third', () => {
    const instruments = new Map(portfolio.instruments.map((entry) => [entry.contract.conId, entry]));
    const market = new Market({ instruments, seed: 1, today: TODAY, stepMs: 250 });
    const bids = portfolio.condors.map(({ legs }) => legs.map(({ conId }) => market.quote(conId)?.bid));
    const bare = bids.filter(([low, , , high]) => low === undefined && high === undefined);
    expect(bare.length).toBeGreaterThan(8);
    expect(bids.every(([, put, call]) => put !== undefined && call !== undefined)).toBe(true);
  });

  it('on SPX end on Thursday and settle on Friday, on SPXW end on Friday', () => {
    const spx = portfolio.instruments.filter(
      ({ contract }) => contract.symbol === 'SPX' && contract.secType === 'OPT',
    );
    const days = (tradingClass: string) =>
      spx
        .filter(({ contract }) => contract.tradingClass === tradingClass)
        .map(({ contract, settlement }) => {
          const day = contract.lastTradeDate ?? '';
          const iso = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
          return `${new Date(iso).getUTCDay()} ${settlement}`;
        });
    expect(new Set(days('SPX'))).toEqual(new Set(['4 AM']));
    expect(new Set(days('SPXW'))).toEqual(new Set(['5 PM']));
    const monthly = spx.find(({ contract }) => contract.lastTradeDate === '20261217');
    expect(monthly?.contract.localSymbol).toMatch(/^SPX {3}261218[CP]\d{8}$/);
  });
});

describe('its rows', () => {
  const portfolio = generatePortfolio({ seed: 1, positions: 400, today: TODAY });
  const rows = portfolio.positions.map((row) => ({ row, instrument: instrumentOf(portfolio, row.conId) }));

  it('have a cost that contains the multiplier, in dollars where the price is in cents', () => {
    for (const { row, instrument } of rows) {
      const { secType, multiplier = '1', symbol } = instrument.contract;
      if (secType !== 'FUT') continue;
      const price = Number(row.averageCost) / Number(multiplier);
      const expected = (instrument.price ?? 0) / (symbol === 'ZC' ? 100 : 1);
      expect(price / expected).toBeGreaterThan(0.79);
      expect(price / expected).toBeLessThan(1.21);
    }
    const [leg] = portfolio.condors[0]?.legs ?? [];
    const held = portfolio.positions.find(({ conId }) => conId === leg?.conId);
    expect(Number(held?.averageCost)).toBeCloseTo(100 * Number(leg?.openPrice) + 0.7028, 6);
  });

  it('are fractional in some stocks and whole everywhere else', () => {
    const fractional = rows.filter(({ row }) => row.quantity.includes('.'));
    expect(fractional.length).toBeGreaterThan(3);
    expect(new Set(fractional.map(({ instrument }) => instrument.contract.secType))).toEqual(
      new Set(['STK']),
    );
  });

  it('never hold what is there to be polled: VIX, SPX, SPY, QQQ, IWM', () => {
    const requestable = portfolio.instruments.filter(
      ({ contract }) =>
        ['VIX', 'SPX', 'SPY', 'QQQ', 'IWM'].includes(contract.symbol) &&
        ['IND', 'STK'].includes(contract.secType),
    );
    expect(requestable.map(({ contract }) => contract.symbol).sort()).toEqual([
      'IWM',
      'QQQ',
      'SPX',
      'SPY',
      'VIX',
    ]);
    for (const { contract } of requestable) {
      expect(portfolio.positions.some(({ conId }) => conId === contract.conId)).toBe(false);
    }
  });
});
