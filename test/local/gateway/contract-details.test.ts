import { type Contract, EventName, OptionType, SecType } from '@stoqey/ib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import { eventually } from '../../support/eventually.ts';
import { type ApiClient, connectClient } from './support/api-client.ts';
import { instrumentOf, legOf, positionIn, smallPortfolio, TODAY } from './support/small-portfolio.ts';

const portfolio = smallPortfolio();
let gateway: SimulatedGateway;
let client: ApiClient;
let nextId = 1;

beforeAll(async () => {
  gateway = await startGateway({ portfolio, today: TODAY });
  client = await connectClient(gateway.port);
});
afterAll(async () => {
  client[Symbol.dispose]();
  await gateway.stop();
});

interface Details {
  readonly contract: Contract & { readonly lastTradeDate?: string };
  readonly validExchanges: string;
  readonly minTick: number;
  readonly priceMagnifier: number;
  readonly underConId: number;
  readonly underSymbol: string;
  readonly underSecType: string;
  readonly realExpirationDate: string;
  readonly timeZoneId: string;
  readonly tradingHours: string;
}

async function detailsOf(contract: Contract): Promise<Details[]> {
  const reqId = nextId++;
  client.api.reqContractDetails(reqId, contract);
  await client.waitFor(EventName.contractDetailsEnd, (id) => id === reqId);
  return client
    .all(EventName.contractDetails)
    .filter(([id]) => id === reqId)
    .map(([, details]) => details as Details);
}

async function refusalOf(contract: Contract): Promise<string> {
  const reqId = nextId++;
  client.api.reqContractDetails(reqId, contract);
  return client.refusal(reqId, 200);
}

describe('reqContractDetails', () => {
  it('describes an option by its conId alone: SMART, its underlying, its last trading day', async () => {
    const conId = legOf(portfolio, 0, 1);
    const { contract } = instrumentOf(portfolio, conId);
    const [details] = await detailsOf({ conId });
    expect(details?.contract).toMatchObject({
      conId,
      symbol: 'SPY',
      secType: 'OPT',
      exchange: 'SMART',
      multiplier: 100,
      strike: Number(contract.strike),
      lastTradeDate: contract.lastTradeDate,
      localSymbol: contract.localSymbol,
    });
    expect(details?.validExchanges.split(',')).toContain('SMART');
    expect(details).toMatchObject({
      minTick: 0.01,
      underConId: 756733,
      underSymbol: 'SPY',
      underSecType: 'STK',
    });
  });

  it('describes every instrument of the portfolio under its own conId', async () => {
    const conIds = portfolio.positions.slice(0, 12).map(({ conId }) => conId);
    for (const conId of conIds)
      expect((await detailsOf({ conId })).map((row) => row.contract.conId)).toEqual([conId]);
  });

  it('sends futures to their exchange and refuses SMART for them', async () => {
    const { conId } = positionIn(portfolio, 'FUT');
    const { exchange } = instrumentOf(portfolio, conId).contract;
    const [details] = await detailsOf({ conId });
    expect(details?.contract.exchange).toBe(exchange);
    expect(details?.validExchanges).toBe(exchange);
    expect(await refusalOf({ conId, exchange: 'SMART' })).toBe(
      'No security definition has been found for the request',
    );
  });

  it('has the smallest step in the currency, also where quotes are in cents', async () => {
    const corn = portfolio.instruments.find(({ contract }) => contract.symbol === 'ZC');
    expect(corn).toMatchObject({ minTick: 0.25, priceMagnifier: 100 });
    const [details] = await detailsOf({ conId: corn?.contract.conId ?? 0 });
    expect(details).toMatchObject({ minTick: 0.0025, priceMagnifier: 100 });
  });

  it('says that its market trades around the clock, unless it shall show the hours of an exchange', async () => {
    const conId = 756733;
    const [details] = await detailsOf({ conId });
    expect(details?.tradingHours).toMatch(/^\d{8}:0000-\d{8}:0000;/);
    expect(details?.tradingHours).not.toContain('CLOSED');
    const marketHours = 'exchange';
    await using other = await startGateway({ portfolio, today: TODAY, marketHours });
    using reader = await connectClient(other.port);
    reader.api.reqContractDetails(1, { conId });
    const [, shown] = await reader.waitFor(EventName.contractDetails);
    expect(shown).toMatchObject({ tradingHours: expect.stringMatching(/^20261120:0400-20261120:2000;/) });
  });

  it('repeats the hours that an instrument says itself, word for word', async () => {
    const tradingHours = '20261120:1700-20261121:0830;20261121:0930-20261121:1700;20261122:CLOSED';
    const conId = 756733;
    const instruments = portfolio.instruments.map((instrument) =>
      instrument.contract.conId === conId ? { ...instrument, tradingHours } : instrument,
    );
    await using other = await startGateway({ portfolio: { ...portfolio, instruments }, today: TODAY });
    using reader = await connectClient(other.port);
    reader.api.reqContractDetails(1, { conId });
    const [, details] = await reader.waitFor(EventName.contractDetails);
    expect(details).toMatchObject({ tradingHours, liquidHours: expect.stringMatching(/^20261119:0000-/) });
  });

  it('finds VIX by symbol, type and exchange', async () => {
    const rows = await detailsOf({ symbol: 'VIX', secType: SecType.IND, exchange: 'CBOE', currency: 'USD' });
    expect(rows.map(({ contract }) => contract.conId)).toEqual([13455763]);
  });

  it('finds an option by its terms, with a month for its date', async () => {
    const { contract } = instrumentOf(portfolio, legOf(portfolio, 0, 1));
    const rows = await detailsOf({
      symbol: contract.symbol,
      secType: SecType.OPT,
      exchange: 'SMART',
      lastTradeDateOrContractMonth: contract.lastTradeDate?.slice(0, 6) ?? '',
      strike: Number(contract.strike),
      right: OptionType.Put,
    });
    expect(rows.map((row) => row.contract.conId)).toContain(contract.conId);
  });

  it('brings everything that a loose question allows', async () => {
    const rows = await detailsOf({ symbol: 'ES', secType: SecType.FUT });
    expect(rows.map((row) => row.contract.localSymbol)).toEqual(['ESZ6', 'ESH7', 'ESM7', 'ESU7']);
  });

  it('says which future is quoted in cents', async () => {
    const [corn] = await detailsOf({ symbol: 'ZC', secType: SecType.FUT, exchange: 'CBOT' });
    expect(corn).toMatchObject({ priceMagnifier: 100, timeZoneId: 'US/Central' });
  });

  it('answers 200 to an unknown conId, an unknown symbol and a wrong exchange', async () => {
    for (const contract of [
      { conId: 42 },
      { symbol: 'NOPE', secType: SecType.STK },
      { conId: 756733, exchange: 'CME' },
      {},
    ]) {
      expect(await refusalOf(contract)).toContain('No security definition');
    }
  });

  it('keeps the request in the log with conId and code', async () => {
    await refusalOf({ conId: 43 });
    const logged = await eventually(() => gateway.requests.at(-1));
    expect(logged).toMatchObject({ name: 'reqContractDetails', clientId: 1, conId: 43, refusedWith: 200 });
  });
});
