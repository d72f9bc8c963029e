import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Edge, LEGS, SEED } from './support/edge.ts';

describe(`market data of a gateway that misbehaves (seed ${SEED})`, () => {
  it('goes to a competing session: the lines stay, and say why they are silent', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'competing-session' });
    expect(await edge.exercised('competing-session')).toMatchObject({ affected: LEGS });
    await eventually(() => edge.rows().every(({ quality }) => quality === 'competing-session'));
    expect(edge.gateway.stats().lines.streaming).toBe(LEGS);
    fault.end();
    await edge.streaming();
  });

  it('is competed for while the lines are requested: no line is taken for refused', async () => {
    await using edge = await Edge.start({ gateway: {} });
    const fault = edge.gateway.inject({ kind: 'competing-session' });
    await eventually(() => edge.gateway.stats().lines.streaming === LEGS);
    await edge.exercised('competing-session');
    expect(edge.streams.status().refused).toBe(0);
    fault.end();
    await edge.streaming();
  });

  it.each([354, 10089, 10168, 10186])(
    'is not permitted (%i) for one leg: its siblings stream',
    async (code) => {
      await using edge = await Edge.settled();
      const conId = edge.rows()[1]?.conId ?? 0;
      edge.gateway.inject({ kind: 'line-errors', code, conIds: [conId] });
      expect(await edge.exercised('line-errors')).toMatchObject({ affected: 1 });
      await eventually(() => edge.rows().some(({ state }) => state === 'refused'));
      expect(edge.rows().find((row) => row.conId === conId)).toMatchObject({
        state: 'refused',
        quality: 'no-permission',
        reason: expect.stringContaining(String(code)),
      });
      await edge.streaming(LEGS - 1);
      const states = edge.streams.status().strategies.map(({ state }) => state);
      expect(states.toSorted()).toEqual(['partial', 'streaming', 'streaming']);
    },
  );

  it('is refused by 200 while the link is up: shown, and asked for again with the next connection', async () => {
    await using edge = await Edge.settled();
    const conId = edge.rows()[0]?.conId ?? 0;
    edge.gateway.inject({ kind: 'request-errors', code: 200, conIds: [conId], times: 1 });
    edge.gateway.dropClients();
    await edge.bridge.nth('ready', 2);
    await eventually(() => edge.rows().find((row) => row.conId === conId)?.state === 'refused');
    await edge.exercised('request-errors');
    await edge.streaming(LEGS - 1);
    edge.gateway.dropClients();
    await edge.bridge.nth('ready', 3);
    await edge.streaming();
  });

  it('is partly not subscribed (10090): the line ticks without greeks', async () => {
    await using edge = await Edge.start({ gateway: {} });
    edge.gateway.inject({ kind: 'request-errors', code: 10_090 });
    await edge.streaming();
    await edge.ticking();
    await edge.exercised('request-errors');
    expect(edge.rows().filter(({ mark }) => mark?.delta !== undefined)).toEqual([]);
    expect(edge.streams.status().refused).toBe(0);
  });

  it('is delayed instead of live (10167) for a while: shown as delayed, then as live again', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'delayed-data' });
    await edge.exercised('delayed-data');
    await eventually(() => edge.rows().every(({ quality }) => quality === 'delayed'));
    expect(edge.bridge.of('requestNotice').filter(({ code }) => code === 10_167)).toHaveLength(LEGS);
    await edge.ticking();
    fault.end();
    await edge.streaming();
  });

  it('comes with greeks that were not computed: absent, never -1 or -2', async () => {
    await using edge = await Edge.settled();
    await eventually(() => edge.rows().every(({ mark }) => mark?.delta !== undefined));
    const fault = edge.gateway.inject({ kind: 'unset-greeks' });
    await edge.exercised('unset-greeks');
    await eventually(() => edge.rows().every(({ mark }) => mark !== undefined && mark.delta === undefined));
    for (const { mark } of edge.rows()) {
      for (const field of ['iv', 'delta', 'gamma', 'vega', 'theta', 'underlying'] as const) {
        expect(mark?.[field]).toBeUndefined();
      }
    }
    fault.end();
    await eventually(() => edge.rows().every(({ mark }) => mark?.delta !== undefined));
  });

  it('is shed (10190, 420): requested again, and nothing is lost', async () => {
    await using edge = await Edge.settled();
    edge.gateway.inject({ kind: 'line-errors', code: 420, count: 3 });
    edge.gateway.inject({ kind: 'line-errors', code: 10_190, count: 2 });
    await eventually(() => edge.gateway.faultsExercised.length === 2);
    await eventually(
      () => edge.bridge.of('requestNotice').filter(({ meaning }) => meaning === 'shed').length === 5,
    );
    await edge.streaming();
  });
});
