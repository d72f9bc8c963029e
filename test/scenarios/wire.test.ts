import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Edge, SEED } from './support/edge.ts';

describe.concurrent(`bytes on the wire (seed ${SEED})`, () => {
  it('end in the middle of a position: the sweep is none, the next connection has all', async () => {
    await using edge = await Edge.settled();
    const { failed } = edge.sweeper.counts();
    edge.gateway.inject({ kind: 'cut-frame', messageId: 61, after: 30 });
    expect(await edge.exercised('cut-frame')).toMatchObject({
      detail: expect.stringContaining('message 61'),
    });
    await edge.bridge.nth('ready', 2);
    expect(edge.sweeper.counts().failed).toBe(failed + 1);
    await edge.streaming();
    await edge.swept();
    expect(await edge.committed()).toEqual(edge.held());
    expect(await edge.closed()).toEqual([]);
  });

  it('end in the middle of a tick: nothing of it reaches the next connection', async () => {
    await using edge = await Edge.settled();
    edge.gateway.inject({ kind: 'cut-frame', messageId: 21, after: 7 });
    await edge.exercised('cut-frame');
    await edge.bridge.nth('ready', 2);
    await edge.streaming();
    await edge.ticking();
  });

  it('come in pieces of five: read as if they were whole', async () => {
    // On a busy machine the pieces take longer than an answer may.
    await using edge = await Edge.settled({
      gateway: { tickPeriodMs: 100 },
      connection: { heartbeatDeadlineMs: 20_000 },
    });
    edge.gateway.inject({ kind: 'fragmented', bytes: 5 });
    const fault = await edge.exercised('fragmented');
    expect(fault.affected).toBeGreaterThan(1);
    await edge.ticking();
    await edge.swept();
    expect(await edge.committed()).toEqual(edge.held());
    expect(edge.bridge.of('lost')).toEqual([]);
    expect(edge.bridge.of('positionMalformed')).toEqual([]);
  });

  it('come many frames at once: read one by one', async () => {
    await using edge = await Edge.settled();
    edge.gateway.inject({ kind: 'coalesced', periodMs: 120 });
    await eventually(() =>
      edge.gateway.faultsExercised.some(({ kind, affected }) => kind === 'coalesced' && affected > 2),
    );
    await edge.ticking();
    await edge.swept();
    expect(await edge.committed()).toEqual(edge.held());
    expect(edge.bridge.of('lost')).toEqual([]);
  });

  it.each(['unknown-message', 'text-for-number'] as const)(
    'hold what no one can read (%s): it costs nothing else',
    async (form) => {
      await using edge = await Edge.settled();
      edge.gateway.inject({ kind: 'corrupt', form });
      expect(await edge.exercised('corrupt')).toMatchObject({ detail: form, affected: 1 });
      await edge.ticking();
      await edge.streaming();
      for (const { mark } of edge.rows()) {
        for (const value of Object.values(mark ?? {})) expect(value).not.toBeNaN();
      }
    },
  );

  it.each(['bad-json', 'negative-length'] as const)(
    'hold what ends the client’s reading (%s): a new connection reads on',
    async (form) => {
      await using edge = await Edge.settled();
      edge.gateway.inject({ kind: 'corrupt', form });
      expect(await edge.exercised('corrupt')).toMatchObject({ detail: form });
      await edge.bridge.nth('ready', 2);
      await edge.streaming();
      expect(
        edge.bridge.log.entries.some(({ fields }) => String(fields.fault).includes('unreadable frame')),
      ).toBe(true);
    },
  );

  it('hold half a position: no position is closed for it', async () => {
    await using edge = await Edge.settled();
    edge.gateway.inject({ kind: 'corrupt', form: 'short-position' });
    await edge.exercised('corrupt');
    await edge.bridge.nth('positionMalformed');
    await edge.swept();
    await edge.agree();
    expect(await edge.closed()).toEqual([]);
  });

  it('hold a frame of somebody’s choice: a zero row closes its position at once', async () => {
    await using edge = await Edge.settled();
    const [row] = edge.gateway.portfolio.positions;
    if (row === undefined) throw new Error('an empty portfolio');
    const seen = edge.bridge.of('position').find(({ contract }) => contract.conId === row.conId)?.contract;
    edge.gateway.inject({
      kind: 'frame',
      fields: [
        61,
        3,
        row.account,
        row.conId,
        seen?.symbol ?? '',
        seen?.secType ?? '',
        '',
        0,
        '',
        '',
        '',
        'USD',
        '',
        '',
        0,
        0,
      ],
    });
    await edge.exercised('frame');
    await eventually(async () => (await edge.closed()).includes(`${row.account} ${row.conId}`));
    // The next sweep has it again.
    await edge.agree();
  });
});
