import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Edge, portfolio, SEED } from './support/edge.ts';

const RESTART = { kind: 'restart', downMs: 60, lingerMs: 60 } as const;

/** A short option whose underlying can be delivered. */
function shortOption() {
  const instruments = new Map(portfolio.instruments.map((each) => [each.contract.conId, each]));
  for (const row of portfolio.positions) {
    const option = instruments.get(row.conId);
    const underlying = instruments.get(option?.underConId ?? 0);
    if (option?.contract.secType !== 'OPT' || underlying?.contract.secType !== 'STK') continue;
    if (Number(row.quantity) < 0) return { row, option, underlying };
  }
  throw new Error('no short stock option in the portfolio');
}

function isWhole(edge: Edge): boolean {
  const ends = edge.bridge.events.map(({ type }) => type);
  const end = ends.lastIndexOf('positionEnd');
  const rows = edge.bridge.events.slice(ends.lastIndexOf('positionEnd', end - 1) + 1, end);
  return rows.filter(({ type }) => type === 'position').length === edge.held().length;
}

describe.concurrent(`positions of a gateway that misbehaves (seed ${SEED})`, () => {
  it('never end: every sweep fails, and nothing changes', async () => {
    await using edge = await Edge.settled({ sweepDeadlineMs: 300 });
    const { failed } = edge.sweeper.counts();
    const fault = edge.gateway.inject({ kind: 'positions', answer: 'never-end' });
    await edge.exercised('positions');
    await eventually(() => edge.sweeper.counts().failed >= failed + 2);
    expect(edge.sweeper.counts().lastFault).toContain('no positionEnd');
    fault.end();
    await edge.swept();
    expect(await edge.committed()).toEqual(edge.held());
    expect(await edge.closed()).toEqual([]);
  });

  it.each(['empty', 'partial'] as const)(
    'come up %s after a restart: nothing is closed',
    async (positions) => {
      await using edge = await Edge.settled();
      edge.gateway.inject({ ...RESTART, loading: { positions, share: 0.2, forMs: 1_200 } });
      await edge.bridge.nth('ready', 2);
      await eventually(
        () => edge.gateway.faultsExercised.filter(({ kind }) => kind === 'positions').length >= 3,
        { what: `three sweeps that found it ${positions}` },
      );
      expect(await edge.committed()).toEqual(edge.held());
      await edge.exercised('restart');
      // The list is complete again.
      await eventually(() => isWhole(edge));
      await edge.swept();
      expect(await edge.closed()).toEqual([]);
      await edge.agree();
    },
  );

  it('come up without two fifths of them after a restart: the account’s own window keeps them open', async () => {
    await using edge = await Edge.settled();
    const loading = { positions: 'partial', share: 0.6, forMs: 60_000 } as const;
    edge.gateway.inject({ ...RESTART, loading });
    await edge.bridge.nth('ready', 2);
    await eventually(() => edge.doubts().some(({ cause }) => cause.includes('still show')), {
      what: 'a doubt that the window has settled',
    });
    await edge.swept(4);
    expect(edge.asked()).toBeGreaterThan(0);
    expect(await edge.committed()).toEqual(edge.held());
    expect(await edge.closed()).toEqual([]);
  });

  it.each(['never-end', 'not-ready'] as const)(
    'are not closed while they are missing and the account’s window is %s, and are once it answers',
    async (answer) => {
      await using edge = await Edge.settled({ sweepDeadlineMs: 300 });
      const { row } = shortOption();
      const fault = edge.gateway.inject({ kind: 'account-updates', answer });
      edge.gateway.inject({ kind: 'expiry', account: row.account, conId: row.conId });
      await eventually(
        () => edge.gateway.faultsExercised.filter(({ kind }) => kind === 'account-updates').length >= 2,
        { what: 'two reads of the window' },
      );
      expect(edge.doubts()).toMatchObject([{ account: row.account, positions: 1 }]);
      expect(await edge.closed()).toEqual([]);
      fault.end();
      await edge.agree();
      expect(await edge.closed()).toEqual([`${row.account} ${row.conId}`]);
      await eventually(() => edge.doubts().length === 0);
    },
  );

  it('vanish in one account of two: it waits for sweeps that agree and for its own window', async () => {
    await using edge = await Edge.settled({ agreeMs: 700 });
    const [account = '', other = ''] = portfolio.accounts;
    const fault = edge.gateway.inject({ kind: 'positions', answer: 'empty', account });
    await edge.exercised('positions');
    await eventually(() => edge.doubts()[0]?.cause.includes('sweeps have to agree'));
    const row = edge.gateway.portfolio.positions.find((each) => each.account === other);
    if (row === undefined) throw new Error('an account without positions');
    edge.gateway.portfolio.close(row);
    await eventually(async () => (await edge.closed()).join() === `${other} ${row.conId}`);
    await eventually(() => edge.doubts().some(({ cause }) => cause.includes('still show')));
    expect(edge.doubts().map((doubt) => doubt.account)).toEqual([account]);
    fault.end();
    await edge.agree();
    expect(await edge.closed()).toEqual([`${other} ${row.conId}`]);
  });

  it('really closed while nobody looked: most of them at once, after sweeps and window agreed', async () => {
    await using edge = await Edge.settled({ agreeMs: 700 });
    const [account = ''] = portfolio.accounts;
    const gone = edge.gateway.portfolio.positions.filter((row) => row.account === account);
    expect(gone.length).toBeGreaterThan(3);
    for (const { conId } of gone) edge.gateway.inject({ kind: 'expiry', account, conId });
    await edge.agree();
    expect((await edge.closed()).sort()).toEqual(gone.map(({ conId }) => `${account} ${conId}`).sort());
  });

  it('change overnight by an assignment: the option is closed, the stock opened, though no event said so', async () => {
    await using edge = await Edge.settled();
    const { row, option, underlying } = shortOption();
    edge.gateway.inject({ kind: 'assignment', account: row.account, conId: row.conId });
    expect(await edge.exercised('assignment')).toMatchObject({ affected: 1 });
    const stock = edge.gateway.portfolio.positions.find(
      ({ account, conId }) => account === row.account && conId === underlying.contract.conId,
    );
    const sign = option.contract.right === 'C' ? 1 : -1;
    const before = portfolio.positions.find(
      ({ account, conId }) => account === row.account && conId === underlying.contract.conId,
    );
    expect(Number(stock?.quantity)).toBe(Number(before?.quantity ?? 0) + sign * Number(row.quantity) * 100);
    await edge.agree();
    expect(await edge.closed()).toEqual([`${row.account} ${row.conId}`]);
    // The strategies and their lines are the registry's to change.
    await edge.streaming();
  });

  it('expire overnight: closed by sweeps that lack them and the account’s own window', async () => {
    await using edge = await Edge.settled();
    const { row } = shortOption();
    const rows = () => edge.bridge.of('position').filter(({ contract }) => contract.conId === row.conId);
    edge.gateway.inject({ kind: 'expiry', account: row.account, conId: row.conId });
    await edge.exercised('expiry');
    await edge.agree();
    expect(await edge.closed()).toEqual([`${row.account} ${row.conId}`]);
    expect(rows().filter(({ quantity }) => quantity === '0')).toEqual([]);
  });
});
