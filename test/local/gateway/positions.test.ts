import { EventName } from '@stoqey/ib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../../local/gateway/generator.ts';
import type { Position } from '../../../local/gateway/portfolio.ts';
import { eventually } from '../../support/eventually.ts';
import { type ApiClient, connectClient } from './support/api-client.ts';
import { instrumentOf, legOf, positionIn, smallPortfolio, TODAY } from './support/small-portfolio.ts';

const portfolio = smallPortfolio();
const [account = '', otherAccount = ''] = portfolio.accounts;
let gateway: SimulatedGateway;

beforeEach(async () => {
  gateway = await startGateway({ portfolio, today: TODAY });
});
afterEach(() => gateway.stop());

function rowsOf(client: ApiClient): string[] {
  return client.all(EventName.position).map(([holder, contract, quantity, averageCost]) => {
    const { conId } = contract as { conId: number };
    return `${holder} ${conId} ${quantity} ${averageCost}`;
  });
}

const of = (holder: string) => ({
  ...portfolio,
  positions: portfolio.positions.filter((row) => row.account === holder),
});

const asRow = ({ account: holder, conId, quantity, averageCost }: Position) =>
  `${holder} ${conId} ${Number(quantity)} ${Number(averageCost)}`;

describe('reqPositions', () => {
  it('brings every row of every account, then positionEnd once', async () => {
    using client = await connectClient(gateway.port);
    client.api.reqPositions();
    await client.waitFor(EventName.positionEnd);
    expect(rowsOf(client).sort()).toEqual(portfolio.positions.map(asRow).sort());
    expect(new Set(client.all(EventName.position).map(([holder]) => holder))).toEqual(
      new Set(portfolio.accounts),
    );
    expect(client.all(EventName.positionEnd)).toHaveLength(1);
  });

  it('then pushes what opens, changes and closes, zero rows included, without another end', async () => {
    using client = await connectClient(gateway.port);
    client.api.reqPositions();
    await client.waitFor(EventName.positionEnd);
    const before = rowsOf(client).length;
    const conId = legOf(portfolio, 0, 0);
    const opened = { account: otherAccount, conId, quantity: '2.5', averageCost: '101.7' };
    gateway.portfolio.open(opened);
    gateway.portfolio.change({ ...opened, quantity: '3' });
    gateway.portfolio.close(opened);
    await eventually(() => rowsOf(client).length === before + 3);
    expect(rowsOf(client).slice(before)).toEqual([
      `${otherAccount} ${conId} 2.5 101.7`,
      `${otherAccount} ${conId} 3 101.7`,
      `${otherAccount} ${conId} 0 0`,
    ]);
    expect(client.all(EventName.positionEnd)).toHaveLength(1);
    expect(gateway.portfolio.positions).toHaveLength(portfolio.positions.length);
  });

  it('pushes nothing after cancelPositions, and all of it on the next request', async () => {
    using client = await connectClient(gateway.port);
    client.api.reqPositions();
    await client.waitFor(EventName.positionEnd);
    client.api.cancelPositions();
    await eventually(() => gateway.requests.at(-1)?.name === 'cancelPositions');
    gateway.portfolio.close(positionIn(portfolio, 'STK'));
    client.api.reqCurrentTime();
    await client.waitFor(EventName.currentTime);
    expect(rowsOf(client)).toHaveLength(portfolio.positions.length);
    client.api.reqPositions();
    await eventually(() => client.all(EventName.positionEnd).length === 2);
    expect(rowsOf(client)).toHaveLength(2 * portfolio.positions.length - 1);
  });

  it('pushes to every client that asked and to no other', async () => {
    using one = await connectClient(gateway.port, 1);
    using two = await connectClient(gateway.port, 2);
    using idle = await connectClient(gateway.port, 3);
    for (const client of [one, two]) {
      client.api.reqPositions();
      await client.waitFor(EventName.positionEnd);
    }
    gateway.portfolio.close(positionIn(portfolio, 'OPT'));
    await eventually(() => [one, two].every((client) => rowsOf(client).at(-1)?.endsWith(' 0 0')));
    expect(rowsOf(idle)).toEqual([]);
  });

  it('never ends while positionEnd is held', async () => {
    gateway.faults.holdPositionEnd = true;
    using client = await connectClient(gateway.port);
    client.api.reqPositions();
    await eventually(() => rowsOf(client).length === portfolio.positions.length);
    client.api.reqCurrentTime();
    await client.waitFor(EventName.currentTime);
    expect(client.all(EventName.positionEnd)).toEqual([]);
  });

  it('refuses changes of what is not there', () => {
    const unknown = { account, conId: 1, quantity: '1', averageCost: '1' };
    const held = positionIn(portfolio, 'STK');
    expect(() => gateway.portfolio.open(unknown)).toThrow('no such instrument: 1');
    expect(() => gateway.portfolio.open({ ...held, account: 'DU1' })).toThrow('no such account');
    expect(() => gateway.portfolio.open(held)).toThrow('is open already');
    expect(() => gateway.portfolio.change(unknown)).toThrow('no such position: 1');
    expect(() => gateway.portfolio.close(unknown)).toThrow('no such position: 1');
  });

  it('brings 5,000 rows', async () => {
    const large = generatePortfolio({ seed: 3, positions: 5000, condors: 5, today: TODAY });
    await using big = await startGateway({ portfolio: large, today: TODAY });
    using client = await connectClient(big.port);
    client.api.reqPositions();
    await client.waitFor(EventName.positionEnd);
    expect(rowsOf(client).sort()).toEqual(large.positions.map(asRow).sort());
  });
});

describe('reqPositionsMulti', () => {
  const conId = legOf(portfolio, 0, 0);
  const own = { account: otherAccount, conId, quantity: '2', averageCost: '100' };
  const ofModel = { ...own, modelCode: 'GROWTH', quantity: '3', averageCost: '90' };
  const modelled = {
    ...portfolio,
    positions: [...portfolio.positions.filter((each) => each.account !== otherAccount), own, ofModel],
  };

  it('brings one account, models included or one of them alone, its end by id, then changes', async () => {
    await using models = await startGateway({ portfolio: modelled, today: TODAY });
    using client = await connectClient(models.port);
    const listed = () =>
      client
        .all(EventName.positionMulti)
        .map(([reqId, holder, model, , quantity, cost]) => `${reqId} ${holder} ${model} ${quantity} ${cost}`);
    client.api.reqPositionsMulti(5, otherAccount, '');
    await client.waitFor(EventName.positionMultiEnd, (reqId) => reqId === 5);
    expect(listed()).toEqual([`5 ${otherAccount}  2 100`, `5 ${otherAccount} GROWTH 3 90`]);
    client.api.reqPositionsMulti(6, otherAccount, 'GROWTH');
    await client.waitFor(EventName.positionMultiEnd, (reqId) => reqId === 6);
    expect(listed().slice(2)).toEqual([`6 ${otherAccount} GROWTH 3 90`]);
    models.portfolio.close(ofModel);
    await eventually(() => listed().length === 5);
    expect(listed().slice(3)).toEqual([`5 ${otherAccount} GROWTH 0 0`, `6 ${otherAccount} GROWTH 0 0`]);
    client.api.cancelPositionsMulti(5);
    client.api.cancelPositionsMulti(6);
    await eventually(
      () => models.requests.filter(({ name }) => name === 'cancelPositionsMulti').length === 2,
    );
    models.portfolio.close(own);
    client.api.reqCurrentTime();
    await client.waitFor(EventName.currentTime);
    expect(listed()).toHaveLength(5);
  });

  it('refuses by its id an account that it does not have', async () => {
    using client = await connectClient(gateway.port);
    client.api.reqPositionsMulti(5, 'U999', '');
    await client.waitFor(EventName.error, (_, code, reqId) => code === 321 && reqId === 5);
  });

  it('adds models up in the lists that know none', async () => {
    await using models = await startGateway({ portfolio: modelled, today: TODAY });
    using client = await connectClient(models.port);
    client.api.reqPositions();
    await client.waitFor(EventName.positionEnd);
    expect(rowsOf(client).filter((each) => each.startsWith(otherAccount))).toEqual([
      `${otherAccount} ${conId} 5 100`,
    ]);
    client.api.reqAccountUpdates(true, otherAccount);
    await client.waitFor(EventName.accountDownloadEnd);
    expect(client.all(EventName.updatePortfolio).map(([, quantity]) => quantity)).toEqual([5]);
  });

  it('is all that there is above 50 accounts: reqPositions is refused', async () => {
    const accounts = Array.from({ length: 51 }, (_, index) => `DU${8_000_000 + index}`);
    await using large = await startGateway({ portfolio: { ...portfolio, accounts, positions: [] } });
    using client = await connectClient(large.port);
    client.api.reqPositions();
    await client.waitFor(EventName.info, (_, code) => code === 321);
    client.api.reqPositionsMulti(1, 'DU8000050', '');
    await client.waitFor(EventName.positionMultiEnd);
    expect(client.all(EventName.positionEnd)).toEqual([]);
  });
});

describe('reqAccountUpdates', () => {
  it('brings one account with market values, and what changes in it', async () => {
    using client = await connectClient(gateway.port);
    client.api.reqAccountUpdates(true, account);
    await client.waitFor(EventName.accountDownloadEnd, (of) => of === account);
    const mine = portfolio.positions.filter((row) => row.account === account);
    const rows = client.all(EventName.updatePortfolio);
    expect(rows).toHaveLength(mine.length);
    for (const [contract, quantity, price, value, , , , holder] of rows) {
      const { conId, multiplier } = contract as { conId: number; multiplier?: number };
      const { priceMagnifier } = instrumentOf(portfolio, conId);
      const perContract = (Number(price) / priceMagnifier) * (multiplier || 1);
      expect(holder).toBe(account);
      expect(value).toBeCloseTo(Number(quantity) * perContract, 4);
    }
    gateway.portfolio.close(positionIn(of(account), 'OPT'));
    await eventually(() => client.all(EventName.updatePortfolio).length === mine.length + 1);
    expect(client.all(EventName.updatePortfolio).at(-1)?.[1]).toBe(0);
  });

  it('tells what holdings are worth again after its period, without another end', async () => {
    await using brisk = await startGateway({ portfolio, today: TODAY, accountUpdatePeriodMs: 30 });
    using client = await connectClient(brisk.port);
    client.api.reqAccountUpdates(true, account);
    await client.waitFor(EventName.accountDownloadEnd);
    const mine = portfolio.positions.filter((row) => row.account === account).length;
    await eventually(() => client.all(EventName.updatePortfolio).length >= 3 * mine);
    expect(client.all(EventName.accountDownloadEnd)).toHaveLength(1);
    client.api.reqAccountUpdates(false, account);
    await eventually(() => brisk.requests.at(-1)?.fields[2] === '0');
  });

  it('knows one account per client: a second one ends the first by 2100', async () => {
    using client = await connectClient(gateway.port);
    client.api.reqAccountUpdates(true, account);
    await client.waitFor(EventName.accountDownloadEnd, (of) => of === account);
    client.api.reqAccountUpdates(true, otherAccount);
    await client.waitFor(EventName.info, (_, code) => code === 2100);
    await client.waitFor(EventName.accountDownloadEnd, (of) => of === otherAccount);
    const rows = client.all(EventName.updatePortfolio).length;
    gateway.portfolio.close(positionIn(of(account), 'STK'));
    gateway.portfolio.close(positionIn(of(otherAccount), 'STK'));
    await eventually(() => client.all(EventName.updatePortfolio).length === rows + 1);
    expect(client.all(EventName.updatePortfolio).at(-1)?.[7]).toBe(otherAccount);
  });

  it('refuses an account by 2101 while another client has another one', async () => {
    using client = await connectClient(gateway.port, 1);
    {
      using other = await connectClient(gateway.port, 2);
      other.api.reqAccountUpdates(true, account);
      await other.waitFor(EventName.accountDownloadEnd);
      client.api.reqAccountUpdates(true, otherAccount);
      await client.waitFor(EventName.info, (_, code) => code === 2101);
      expect(client.all(EventName.accountDownloadEnd)).toEqual([]);
    }
    await eventually(() => gateway.stats().clients.length === 1);
    client.api.reqAccountUpdates(true, otherAccount);
    await client.waitFor(EventName.accountDownloadEnd, (of) => of === otherAccount);
  });

  it('refuses an account that it does not have', async () => {
    using client = await connectClient(gateway.port);
    client.api.reqAccountUpdates(true, 'U999');
    await client.waitFor(EventName.info, (_, code) => code === 321);
  });
});

describe('positions that move by themselves', () => {
  it('never touch a leg of a condor', async () => {
    await using busy = await startGateway({ portfolio, today: TODAY, changesPerMinute: 60_000 });
    using client = await connectClient(busy.port);
    client.api.reqPositions();
    await eventually(() => rowsOf(client).length > portfolio.positions.length + 100);
    const legs = new Set(portfolio.condors.flatMap(({ legs: all }) => all.map(({ conId }) => conId)));
    const pushed = client.all(EventName.position).slice(portfolio.positions.length);
    expect(pushed.filter(([, contract]) => legs.has((contract as { conId: number }).conId))).toEqual([]);
    expect(pushed.some(([, , quantity]) => quantity === 0)).toBe(true);
  });
});
