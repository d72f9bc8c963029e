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

  it('expire overnight: closed by two sweeps that lack them', async () => {
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
