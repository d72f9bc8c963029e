import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DurableOutbox, openOutbox } from '../../../bridge/outbox/outbox.ts';
import { PositionBook } from '../../../bridge/positions/book.ts';
import { Portfolios } from '../../../bridge/positions/portfolio.ts';
import { listsFor, Sweeper } from '../../../bridge/positions/sweep.ts';
import { Witness } from '../../../bridge/positions/witness.ts';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../../local/gateway/generator.ts';
import type { Portfolio, Position } from '../../../local/gateway/portfolio.ts';
import { holderOf } from '../../../shared/account.ts';
import { EMPTY_REPLICA } from '../../../shared/replica.ts';
import { eventually } from '../../support/eventually.ts';
import { type Connected, connect } from '../gateway/connected.ts';
import { SILENT } from '../scripted-gateway.ts';
import { OPTIONS } from './rows.ts';

const SEED = 20_261_121;

/** An advisor of 52 accounts: each holds two contracts, the first account one of them in a model, too. */
function advised(): Portfolio {
  const generated = generatePortfolio({ seed: SEED, positions: 60, condors: 0 });
  const accounts = Array.from({ length: 52 }, (_, index) => `DU${9_000_001 + index}`);
  const conIds = [...new Set(generated.positions.map(({ conId }) => conId))].slice(0, 3);
  const [first = 0, second = 0, third = 0] = conIds;
  const rows = accounts.flatMap((account): Position[] => [
    { account, conId: first, quantity: '2', averageCost: '100.5' },
    { account, conId: second, quantity: '-1', averageCost: '250' },
  ]);
  const [account = ''] = accounts;
  const ofModel = { account, modelCode: 'GROWTH', averageCost: '99' };
  return {
    ...generated,
    accounts,
    condors: [],
    positions: [
      ...rows,
      { ...ofModel, conId: first, quantity: '5' },
      { ...ofModel, conId: third, quantity: '7' },
    ],
  };
}

describe(`positions of an advisor with 52 accounts and a model (seed ${SEED})`, () => {
  const portfolio = advised();
  const [account = '', other = ''] = portfolio.accounts;
  let directory: string;
  let gateway: SimulatedGateway;
  let bridge: Connected;
  let outbox: DurableOutbox;
  let portfolios: Portfolios;
  let book: PositionBook;
  let sweeper: Sweeper;
  let accounts: ReadonlySet<string>;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slotwise-advisor-'));
    accounts = new Set(portfolio.accounts);
    gateway = await startGateway({ portfolio, messagesPerSecondMax: 10_000 });
    bridge = connect({ port: gateway.port, requestsPerSecond: 2_000 });
    outbox = await openOutbox({ path: join(directory, 'outbox.db'), bridge: 'home', log: SILENT });
    portfolios = new Portfolios({
      gateway: bridge.connection,
      log: SILENT,
      deadlineMs: 300,
      settleMs: 20,
    });
    portfolios.start();
    book = new PositionBook({
      outbox,
      log: SILENT,
      replica: () => EMPTY_REPLICA,
      accounts: () => accounts,
      quoteOf: () => undefined,
      diff: OPTIONS,
      witness: new Witness({
        readPortfolio: (asked, signal) => portfolios.readPortfolio(asked, signal),
        restMs: 50,
      }),
    });
    await book.start();
    sweeper = new Sweeper({
      gateway: bridge.connection,
      log: SILENT,
      onEvent: (event) => book.accept(event),
      lists: () => listsFor('auto', portfolio.accounts.length),
      accounts: () => accounts,
      periodMs: 400,
      deadlineMs: 390,
    });
    sweeper.start();
  });

  afterEach(async () => {
    sweeper.stop();
    portfolios.stop();
    await book.stop();
    await outbox.close();
    await bridge.connection.stop();
    await gateway.stop();
    await rm(directory, { recursive: true });
  });

  const held = () =>
    gateway.portfolio.positions.map((row) => `${holderOf(row)} ${row.conId} ${row.quantity}`).sort();
  const committed = async () =>
    (await outbox.committed()).positions
      .map((row) => `${holderOf(row)} ${row.contract.conId} ${row.quantity}`)
      .sort();
  const agree = () => eventually(async () => (await committed()).join() === held().join());
  const closed = async () =>
    (await outbox.peek({ count: 10_000, maxBytes: 50_000_000 }))
      .map(({ body }) => JSON.parse(body))
      .filter(({ reason }) => reason === 'closed')
      .map((body) => `${holderOf(body)} ${body.contract.conId}`);

  it('are read account by account, each model’s for itself, and never all at once', async () => {
    await agree();
    expect(gateway.requests.some(({ name }) => name === 'reqPositions')).toBe(false);
    expect((await committed()).filter((row) => row.startsWith(`${account}/GROWTH`))).toHaveLength(2);
    const [own, ofModel] = gateway.portfolio.positions.filter(
      ({ account: holder, conId }) => holder === account && conId === portfolio.positions[0]?.conId,
    );
    if (own === undefined || ofModel === undefined)
      throw new Error('no contract that account and model hold');
    gateway.portfolio.close(ofModel);
    await agree();
    expect(await closed()).toEqual([`${account}/GROWTH ${own.conId}`]);
  });

  it('are closed by absence in a model only when the account’s own window shows what is left', async () => {
    await agree();
    const gone = gateway.portfolio.positions.find((row) => row.modelCode !== undefined);
    if (gone === undefined) throw new Error('no model holds anything');
    const fault = gateway.inject({ kind: 'account-updates', answer: 'never-end' });
    gateway.inject({ kind: 'expiry', account, modelCode: 'GROWTH', conId: gone.conId });
    await eventually(() => book.status().doubts.length > 0);
    expect(await closed()).toEqual([]);
    fault.end();
    await agree();
    expect(await closed()).toEqual([`${account}/GROWTH ${gone.conId}`]);
  });

  it('of one account whose list does not end are left alone, while all others are followed', async () => {
    await agree();
    const fault = gateway.inject({ kind: 'positions', answer: 'never-end', account });
    const { failed } = sweeper.counts();
    await eventually(() => sweeper.counts().failed >= failed + 2);
    const [theirs] = gateway.portfolio.positions.filter((row) => row.account === other);
    if (theirs === undefined) throw new Error('an account without positions');
    gateway.inject({ kind: 'expiry', account: other, conId: theirs.conId });
    await eventually(async () => (await closed()).length > 0);
    expect(await closed()).toEqual([`${other} ${theirs.conId}`]);
    expect(sweeper.counts().lastFault).toMatch(/^DU\*\*\*01: no positionEnd/);
    fault.end();
    await agree();
  });

  it('of an account that is not ours any more are untouched', async () => {
    await agree();
    accounts = new Set(portfolio.accounts.filter((each) => each !== other));
    for (const { conId } of gateway.portfolio.positions.filter((row) => row.account === other)) {
      gateway.inject({ kind: 'expiry', account: other, conId });
    }
    const { complete } = sweeper.counts();
    await eventually(() => sweeper.counts().complete >= complete + 4);
    expect(await closed()).toEqual([]);
    expect((await committed()).filter((row) => row.startsWith(other))).toHaveLength(2);
  });
});
