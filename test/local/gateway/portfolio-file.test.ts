import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PortfolioFileError, readPortfolio } from '../../../local/gateway/portfolio-file.ts';
import { smallPortfolio } from './support/small-portfolio.ts';

const AAPL = {
  contract: { conId: 265598, symbol: 'AAPL', secType: 'STK', exchange: 'SMART', currency: 'USD' },
  validExchanges: ['SMART'],
  price: 255,
};
const OPTION = {
  contract: {
    conId: 1,
    symbol: 'AAPL',
    secType: 'OPT',
    lastTradeDate: '20270115',
    strike: '250',
    right: 'P',
    exchange: 'SMART',
    currency: 'USD',
  },
  validExchanges: ['SMART'],
  underConId: 265598,
};
const POSITION = { account: 'DU1', conId: 265598, quantity: '1', averageCost: '250' };

let directory: string;
let path: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slotwise-'));
  path = join(directory, 'portfolio.json');
});
afterAll(() => rm(directory, { recursive: true }));

async function faultsOf(document: unknown): Promise<readonly string[]> {
  await writeFile(path, typeof document === 'string' ? document : JSON.stringify(document));
  return readPortfolio(path).then(
    () => [],
    (error: PortfolioFileError) => error.faults,
  );
}

describe('a portfolio file', () => {
  it('may be what the generator made', async () => {
    const portfolio = smallPortfolio();
    await writeFile(path, JSON.stringify(portfolio));
    expect(await readPortfolio(path)).toEqual(portfolio);
  });

  it('may be written by hand, leaving out what has a default', async () => {
    await writeFile(
      path,
      JSON.stringify({ accounts: ['DU1'], instruments: [AAPL, OPTION], positions: [POSITION] }),
    );
    const portfolio = await readPortfolio(path);
    expect(portfolio.instruments[0]).toMatchObject({ minTick: 0.01, priceMagnifier: 1, volatility: 0.2 });
    expect(portfolio.condors).toEqual([]);
  });

  it('reports every fault with its path', async () => {
    const faults = await faultsOf({
      accounts: [],
      instruments: [{ ...AAPL, contract: { ...AAPL.contract, currency: 'dollars' } }],
      positions: [{ ...POSITION, quantity: '1.50' }, { account: 'DU1' }],
    });
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'accounts',
      'instruments[0].contract.currency',
      'positions[0].quantity',
      'positions[1].conId',
      'positions[1].quantity',
      'positions[1].averageCost',
    ]);
  });

  it('reports every contradiction with its path', async () => {
    const { price: _, ...priceless } = AAPL;
    const { right: __, ...rightless } = OPTION.contract;
    expect(
      await faultsOf({
        accounts: ['DU1'],
        instruments: [
          AAPL,
          { ...priceless, contract: { ...AAPL.contract, conId: 2 } },
          { ...OPTION, underConId: 99 },
          { ...OPTION, contract: { ...rightless, conId: 3 } },
          AAPL,
        ],
        positions: [
          POSITION,
          POSITION,
          { ...POSITION, account: 'DU9' },
          { ...POSITION, conId: 77 },
          { ...POSITION, modelCode: 'GROWTH' },
        ],
      }),
    ).toEqual([
      'instruments[4].contract.conId 265598 is given twice',
      'instruments[1].price is required for STK',
      'instruments[2].underConId must name an instrument that has a price',
      'instruments[3].contract.right is required for OPT',
      'positions[1].conId 265598 is held twice in one account or model',
      'positions[2].account is not among accounts',
      'positions[3].conId 77 is not among instruments',
    ]);
  });

  it('is named in the error, with what is wrong with it', async () => {
    await writeFile(path, '{"accounts": [');
    await expect(readPortfolio(path)).rejects.toThrow(path);
    await expect(readPortfolio(join(directory, 'none.json'))).rejects.toThrow('ENOENT');
    expect(await faultsOf([])).toEqual(['the document Invalid input: expected object, received array']);
  });
});
