import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  PORTFOLIO_QUEUE_MAX,
  PortfolioFault,
  type PortfolioRow,
  Portfolios,
} from '../../../bridge/positions/portfolio.ts';
import { startGateway } from '../../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../../local/gateway/generator.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/log.ts';
import { connect } from '../gateway/connected.ts';
import { type Script, startScriptedGateway } from '../gateway/scripted-gateway.ts';
import { ScriptedGateway, SILENT } from '../scripted-gateway.ts';
import { ACCOUNT, contract, OTHER } from './rows.ts';

function holding(conId: number, fields: Partial<PortfolioRow> = {}): PortfolioRow {
  return {
    account: ACCOUNT,
    contract: contract(conId),
    quantity: '-3',
    marketPrice: 19.5,
    marketValue: -5850,
    averageCost: '2100.6321',
    ...fields,
  };
}

const signal = new AbortController().signal;

describe('an account’s portfolio', () => {
  let gateway: ScriptedGateway;
  let portfolios: Portfolios;
  const log = recordingLog();

  beforeEach(() => {
    vi.useFakeTimers();
    gateway = new ScriptedGateway();
    portfolios = new Portfolios({ gateway, log, deadlineMs: 20_000, settleMs: 1_000 });
    portfolios.start();
  });

  afterEach(() => {
    portfolios.stop();
    vi.useRealTimers();
  });

  const receive = (row: PortfolioRow) => gateway.emit({ type: 'portfolioRow', ...row });
  const end = (account = ACCOUNT) => gateway.emit({ type: 'portfolioEnd', account });
  const faultOf = (read: Promise<unknown>) =>
    read.then(
      () => 'a list',
      (cause: unknown) => (cause instanceof PortfolioFault ? cause.message : String(cause)),
    );

  it('is read from the subscription to the end of its list, and the subscription ended', async () => {
    gateway.ready();
    const read = portfolios.readPortfolio(ACCOUNT, signal);
    expect(gateway.taken()).toEqual([`portfolio ${ACCOUNT}`]);
    receive(holding(1));
    receive(holding(2, { quantity: '0' }));
    receive(holding(1, { quantity: '-2' }));
    end();
    expect(await read).toEqual([holding(1, { quantity: '-2' }), holding(2, { quantity: '0' })]);
    expect(gateway.taken()).toEqual([`cancel portfolio ${ACCOUNT}`]);
  });

  it('may be empty', async () => {
    gateway.ready();
    const read = portfolios.readPortfolio(ACCOUNT, signal);
    end();
    expect(await read).toEqual([]);
  });

  it('is read one at a time: the next subscription begins after the end of the one before', async () => {
    gateway.ready();
    const first = portfolios.readPortfolio(ACCOUNT, signal);
    const second = portfolios.readPortfolio(OTHER, signal);
    receive(holding(1));
    receive(holding(2, { account: OTHER }));
    end(OTHER);
    expect(gateway.taken()).toEqual([`portfolio ${ACCOUNT}`]);
    end();
    expect(await first).toEqual([holding(1)]);
    expect(gateway.taken()).toEqual([`cancel portfolio ${ACCOUNT}`, `portfolio ${OTHER}`]);
    receive(holding(1));
    receive(holding(3, { account: OTHER }));
    end(OTHER);
    expect(await second).toEqual([holding(3, { account: OTHER })]);
  });

  it.each([
    ['the deadline passes', () => vi.advanceTimersByTime(20_000), 'no end of the list within 20000 ms'],
    [
      'the connection is lost',
      () => gateway.emit({ type: 'lost', reason: 'closed' }),
      'the connection was lost: closed',
    ],
    [
      'the link drops',
      () => gateway.emit({ type: 'linkDown', code: 1100 }),
      'the gateway lost its link to IB (code 1100)',
    ],
    [
      'a row cannot be read',
      () => gateway.emit({ type: 'portfolioFailed', fault: 'quantity NaN is no number' }),
      'quantity NaN is no number',
    ],
    ['the bridge stops', () => portfolios.stop(), 'the bridge is stopping'],
  ])('is a failure and never a part when %s', async (_, happen, fault) => {
    gateway.ready();
    const read = faultOf(portfolios.readPortfolio(ACCOUNT, signal));
    receive(holding(1));
    happen();
    expect(await read).toBe(fault);
    expect(gateway.taken().slice(1)).toEqual(gateway.isReady ? [`cancel portfolio ${ACCOUNT}`] : []);
  });

  it('cannot be read without a connection or its link, and can again with both', async () => {
    expect(await faultOf(portfolios.readPortfolio(ACCOUNT, signal))).toBe('the gateway is not connected');
    gateway.ready();
    gateway.emit({ type: 'linkDown', code: 1100 });
    expect(await faultOf(portfolios.readPortfolio(ACCOUNT, signal))).toMatch(/no link to IB/);
    gateway.emit({ type: 'linkUp', linesKept: true });
    const read = portfolios.readPortfolio(ACCOUNT, signal);
    end();
    expect(await read).toEqual([]);
  });

  it('is given up with its signal, waiting or under way, and the next one gets its turn', async () => {
    gateway.ready();
    const [first, second] = [new AbortController(), new AbortController()];
    const reading = faultOf(portfolios.readPortfolio(ACCOUNT, first.signal));
    const waiting = faultOf(portfolios.readPortfolio(OTHER, second.signal));
    const third = portfolios.readPortfolio(OTHER, signal);
    second.abort(new Error('not wanted any more'));
    first.abort(new Error('too late'));
    expect(await Promise.all([reading, waiting])).toEqual(['Error: too late', 'Error: not wanted any more']);
    end(OTHER);
    expect(await third).toEqual([]);
    expect(await faultOf(portfolios.readPortfolio(ACCOUNT, first.signal))).toBe('Error: too late');
  });

  it('is not ended by the overdue end of a list that was given up', async () => {
    gateway.ready();
    const first = faultOf(portfolios.readPortfolio(ACCOUNT, signal));
    receive(holding(1));
    vi.advanceTimersByTime(20_000);
    expect(await first).toMatch(/no end of the list/);
    const second = portfolios.readPortfolio(ACCOUNT, signal);
    receive(holding(2));
    end();
    vi.advanceTimersByTime(500);
    receive(holding(1));
    receive(holding(2));
    end();
    vi.advanceTimersByTime(1_000);
    expect((await second).map((row) => row.contract.conId)).toEqual([2, 1]);
  });

  it('forgets an overdue end with the connection', async () => {
    gateway.ready();
    const first = faultOf(portfolios.readPortfolio(ACCOUNT, signal));
    gateway.emit({ type: 'lost', reason: 'closed' });
    await first;
    gateway.ready();
    const second = portfolios.readPortfolio(ACCOUNT, signal);
    end();
    expect(await second).toEqual([]);
  });

  it('has a bound on who may wait', async () => {
    gateway.ready();
    const reads = Array.from({ length: PORTFOLIO_QUEUE_MAX + 1 }, () =>
      faultOf(portfolios.readPortfolio(ACCOUNT, signal)),
    );
    expect(await faultOf(portfolios.readPortfolio(ACCOUNT, signal))).toMatch(/reads wait already/);
    portfolios.stop();
    expect(new Set(await Promise.all(reads))).toEqual(new Set(['the bridge is stopping']));
  });

  it('shows no account in the log', () => {
    expect(log.entries.length).toBeGreaterThan(0);
    expect(JSON.stringify(log.entries)).not.toContain(ACCOUNT);
  });
});

describe('the portfolio of a simulated gateway', () => {
  const seed = 20_261_121;
  const portfolio = generatePortfolio({ seed, positions: 60, condors: 2 });

  it(`is every holding of the account, each account for itself (seed ${seed})`, async () => {
    await using gateway = await startGateway({ portfolio, messagesPerSecondMax: 1000 });
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    const portfolios = new Portfolios({ gateway: bridge.connection, log: SILENT });
    portfolios.start();
    const lists = await Promise.all(
      portfolio.accounts.map((account) => portfolios.readPortfolio(account, signal)),
    );
    expect(portfolio.accounts.length).toBeGreaterThan(1);
    const rows = lists
      .flat()
      .map((row) => `${row.account} ${row.contract.conId} ${row.quantity} ${row.averageCost}`);
    expect(rows.sort()).toEqual(
      portfolio.positions
        .map((row) => `${row.account} ${row.conId} ${row.quantity} ${row.averageCost}`)
        .sort(),
    );
    expect(
      lists.flat().every((row) => Number.isFinite(row.marketPrice) && Number.isFinite(row.marketValue)),
    ).toBe(true);
    await eventually(() => gateway.requests.filter(({ name }) => name === 'reqAccountUpdates').length === 4);
    portfolios.stop();
  });

  it('is refused while another client has another account', async () => {
    await using gateway = await startGateway({ portfolio });
    await using other = connect({ port: gateway.port, clientId: 7 });
    await using bridge = connect({ port: gateway.port });
    await Promise.all([other.nth('ready'), bridge.nth('ready')]);
    const [first = '', second = ''] = portfolio.accounts;
    other.connection.requests.requestAccountUpdates(first);
    await other.nth('portfolioEnd');
    const portfolios = new Portfolios({ gateway: bridge.connection, log: SILENT });
    portfolios.start();
    await expect(portfolios.readPortfolio(second, signal)).rejects.toThrow(/different account.*\(2101\)/);
    expect(await portfolios.readPortfolio(first, signal)).not.toEqual([]);
    portfolios.stop();
  });
});

const QQQ = ['728937835', 'QQQ', 'OPT', '20270115', '500.0', 'P', '100', 'CBOE', 'USD', 'QQQ', 'QQQ'];
const ROW = ['8', ...QQQ, '-3', '19.5', '-5850', '2100', '0', '0', 'DU9000001'];

describe('the list of an account on the wire', () => {
  const script: Script = {
    answer: (fields, client) => {
      if (fields[0] !== '6' || fields[2] !== '1') return false;
      const account = fields[3] ?? '';
      client.send(6, 2, 'AccountReady', 'true', '', account);
      client.send(6, 2, 'WhatIfPMEnabled', 'false', '', account);
      client.send(6, 2, 'NetLiquidation', '1234.5', 'USD', account);
      client.send(7, 8, ...QQQ, '-3', '19.515', '-5854.5', '2100.6321', '447.4', '0.0', account);
      const unset = String(Number.MAX_VALUE);
      client.send(7, 8, ...QQQ.with(0, '728937836'), '0', unset, '0.0', '', '0.0', '12.5', account);
      client.send(8, 1, '14:30');
      client.send(54, 1, account);
      return true;
    },
  };

  it('is decoded: what is unset is absent', async () => {
    await using gateway = await startScriptedGateway(script);
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    const portfolios = new Portfolios({ gateway: bridge.connection, log: SILENT });
    portfolios.start();
    const [held, closed] = await portfolios.readPortfolio('DU9000001', signal);
    expect(held).toEqual({
      account: 'DU9000001',
      contract: expect.objectContaining({ conId: 728937835, strike: '500', multiplier: '100' }),
      quantity: '-3',
      marketPrice: 19.515,
      marketValue: -5854.5,
      averageCost: '2100.6321',
    });
    expect(closed).toMatchObject({ quantity: '0', averageCost: '0', marketValue: 0 });
    expect(closed).not.toHaveProperty('marketPrice');
    const sent = () => gateway.received.filter(({ fields }) => fields[0] === '6').map(({ fields }) => fields);
    await eventually(() => sent().length === 2);
    expect(sent()).toEqual([
      ['6', '2', '1', 'DU9000001'],
      ['6', '2', '0', 'DU9000001'],
    ]);
    portfolios.stop();
  });

  it.each([
    [
      'with a row that has no number for a quantity',
      [7, ...ROW.with(12, 'many')],
      /quantity NaN is no number/,
    ],
    ['with a row that is cut short', [7, ...ROW.slice(0, 8)], /Underrun error on PORTFOLIO_VALUE/],
    ['of an account that is not ready', [6, 2, 'AccountReady', 'false', '', 'DU9000001'], /is not ready/],
  ])('%s fails', async (_, message, fault) => {
    await using gateway = await startScriptedGateway({
      answer: (fields, client) => {
        if (fields[0] === '6') client.send(...message);
        return fields[0] === '6';
      },
    });
    await using bridge = connect({ port: gateway.port });
    await bridge.nth('ready');
    const portfolios = new Portfolios({ gateway: bridge.connection, log: SILENT });
    portfolios.start();
    await expect(portfolios.readPortfolio('DU9000001', signal)).rejects.toThrow(fault);
    portfolios.stop();
  });
});
