import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DurableOutbox, openOutbox } from '../../../bridge/outbox/outbox.ts';
import { PositionBook } from '../../../bridge/positions/book.ts';
import { Portfolios } from '../../../bridge/positions/portfolio.ts';
import { Sweeper } from '../../../bridge/positions/sweep.ts';
import { Witness } from '../../../bridge/positions/witness.ts';
import { type SimulatedGateway, startGateway } from '../../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../../local/gateway/generator.ts';
import { EMPTY_REPLICA } from '../../../shared/replica.ts';
import { eventually } from '../../support/eventually.ts';
import { type Connected, connect } from '../gateway/connected.ts';
import { SILENT } from '../scripted-gateway.ts';
import { OPTIONS } from './rows.ts';

const SEED = 20_261_121;
const portfolio = generatePortfolio({ seed: SEED, positions: 120, condors: 3 });

describe(`positions of a gateway that changes (seed ${SEED})`, () => {
  let directory: string;
  let gateway: SimulatedGateway;
  let bridge: Connected;
  let outbox: DurableOutbox;
  let portfolios: Portfolios;
  let book: PositionBook;
  let sweeper: Sweeper;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slotwise-positions-'));
    gateway = await startGateway({ portfolio, messagesPerSecondMax: 1000 });
    bridge = connect({ port: gateway.port });
    outbox = await openOutbox({ path: join(directory, 'outbox.db'), bridge: 'home', log: SILENT });
    portfolios = new Portfolios({ gateway: bridge.connection, log: SILENT });
    portfolios.start();
    book = new PositionBook({
      outbox,
      log: SILENT,
      replica: () => EMPTY_REPLICA,
      accounts: () => new Set(portfolio.accounts),
      quoteOf: () => undefined,
      diff: OPTIONS,
      witness: new Witness({
        readPortfolio: (account, signal) => portfolios.readPortfolio(account, signal),
        restMs: 100,
      }),
    });
    await book.start();
    sweeper = new Sweeper({
      gateway: bridge.connection,
      log: SILENT,
      onEvent: (event) => book.accept(event),
      periodMs: 200,
      deadlineMs: 1_000,
      settleMs: 20,
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

  const key = (row: { account: string; conId: number; quantity: string }) =>
    `${row.account} ${row.conId} ${row.quantity}`;
  const atGateway = () => gateway.portfolio.positions.map(key).sort();
  const committed = async () =>
    (await outbox.committed()).positions.map((row) => key({ ...row, conId: row.contract.conId })).sort();
  const bodies = async () =>
    (await outbox.peek({ count: 10_000, maxBytes: 50_000_000 }))
      .map((pending) => JSON.parse(pending.body))
      .toReversed();

  const agree = () =>
    eventually(async () => JSON.stringify(await committed()) === JSON.stringify(atGateway()));

  it('are on disk as the gateway has them, each opened once', async () => {
    await agree();
    const opened = (await bodies()).filter((body) => body.reason === 'opened');
    expect(opened).toHaveLength(portfolio.positions.length);
    expect(sweeper.counts()).toMatchObject({ failed: 0 });
  });

  it('follow what opens, changes and closes between sweeps', async () => {
    await agree();
    const [first, second] = gateway.portfolio.positions;
    if (!first || !second) throw new Error('an empty portfolio');
    gateway.portfolio.close(first);
    gateway.portfolio.change({ ...second, quantity: '12.5' });
    await agree();
    gateway.portfolio.open(first);
    await agree();
    const reasons = (await bodies())
      .filter((body) => body.contract.conId === first.conId && body.account === first.account)
      .map((body) => `${body.reason} ${body.quantity}`);
    expect(reasons).toEqual([`opened ${first.quantity}`, 'closed 0', `opened ${first.quantity}`]);
  });

  it('are left alone while no sweep ends, and followed again afterwards', async () => {
    await agree();
    gateway.faults.holdPositionEnd = true;
    const before = sweeper.counts().failed;
    await eventually(() => sweeper.counts().failed >= before + 2);
    expect(await committed()).toEqual(atGateway());
    expect(sweeper.counts().lastFault).toContain('no positionEnd');
    gateway.faults.holdPositionEnd = false;
    const complete = sweeper.counts().complete;
    await eventually(() => sweeper.counts().complete >= complete + 2);
    expect((await bodies()).filter((body) => body.reason === 'closed')).toEqual([]);
  });

  it('lose nothing and close nothing when connections drop in the middle', async () => {
    await agree();
    for (let round = 2; round <= 4; round += 1) {
      gateway.dropClients();
      await bridge.nth('ready', round);
    }
    const complete = sweeper.counts().complete;
    await eventually(() => sweeper.counts().complete >= complete + 2);
    expect(await committed()).toEqual(atGateway());
    expect((await bodies()).filter((body) => body.reason === 'closed')).toEqual([]);
  });
});
