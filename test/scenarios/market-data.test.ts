import { describe, expect, it } from 'vitest';
import type { LineStatus } from '../../shared/status.ts';
import { eventually } from '../support/eventually.ts';
import { Edge, LEGS, SEED, tradingHours } from './support/edge.ts';

describe.concurrent(`market data of a gateway that misbehaves (seed ${SEED})`, () => {
  it('goes to a competing session: the lines stay, and say why they are silent', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'competing-session' });
    expect(await edge.exercised('competing-session')).toMatchObject({ affected: LEGS });
    await eventually(() => edge.rows().every(({ quality }) => quality === 'competing-session'));
    expect(edge.gateway.stats().lines.streaming).toBe(LEGS);
    fault.end();
    await edge.streaming();
  });

  it('goes to a competing session for long: one line at a time asks whether it is free, and it recovers by itself', async () => {
    await using edge = await Edge.settled({ watchdog: { competingRetryMs: 200, verifyDeadlineMs: 200 } });
    const since = performance.now();
    // Each line is told, and stays silent until it is requested anew.
    edge.gateway.inject({ kind: 'line-errors', code: 10_197 });
    const fault = edge.gateway.inject({ kind: 'competing-session' });
    await eventually(
      () =>
        edge.gateway.faultsExercised.filter(({ detail }) => detail.includes('answered by 10197')).length >= 2,
    );
    const { streaming, refused, requestedAgain } = edge.streams.status();
    expect({ streaming, refused }).toEqual({ streaming: 0, refused: 0 });
    expect(requestedAgain).toBeLessThanOrEqual((performance.now() - since) / 200);
    expect(edge.rows().some(({ reason }) => /10197\), requested again at/.test(reason))).toBe(true);
    fault.end();
    await edge.streaming();
    expect(edge.streams.status().stale).toBe(0);
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
  });

  it('is frozen after the close: asked for as such, shown, and live data is asked for after the opening', async () => {
    let market: 'open' | 'closed' = 'closed';
    const hours = { of: () => tradingHours(market) };
    await using edge = await Edge.start({
      gateway: { feed: 'frozen' },
      hours,
      watchdog: { typeGraceMs: 100 },
    });
    const types = () =>
      edge.gateway.requests.flatMap(({ name, fields }) => (name === 'reqMarketDataType' ? [fields[2]] : []));
    await eventually(() => edge.rows().filter(({ quality }) => quality === 'frozen').length === LEGS);
    expect(types()).toEqual(['2']);
    expect(edge.streams.status()).toMatchObject({ streaming: LEGS, requestedAgain: 0 });
    edge.gateway.dropClients();
    await edge.bridge.nth('ready', 2);
    await eventually(() => edge.rows().filter(({ quality }) => quality === 'frozen').length === LEGS);
    expect(types()).toEqual(['2', '2']);
    market = 'open';
    await eventually(() => edge.streams.status().requestedAgain === LEGS);
    expect(types().at(-1)).toBe('1');
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
  });

  it('ends with the market and begins with it: frozen quotes meanwhile, each line requested again once', async () => {
    let market: 'open' | 'closed' = 'open';
    const hours = { of: () => tradingHours(market) };
    await using edge = await Edge.settled({ hours, watchdog: { typeGraceMs: 100 } });
    const fault = edge.gateway.inject({ kind: 'market-closed' });
    market = 'closed';
    const isFrozen = ({ quality, mark }: LineStatus) => quality === 'frozen' && (mark?.ask ?? 0) > 0;
    await eventually(() => edge.rows().filter(isFrozen).length === LEGS);
    await edge.exercised('market-closed');
    expect(edge.streams.status()).toMatchObject({ stale: 0, requestedAgain: LEGS });
    fault.end();
    market = 'open';
    // The gateway goes back to live data by itself.
    await edge.streaming();
    await edge.ticking();
    expect(edge.streams.status()).toMatchObject({ stale: 0, requestedAgain: LEGS });
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
  });

  it('is requested without a word of answer: cancelled, tried again, and nothing passes for streaming before', async () => {
    await using edge = await Edge.start({ watchdog: { answerDeadlineMs: 400 } });
    edge.gateway.inject({ kind: 'unanswered', times: 2 });
    await edge.exercised('unanswered');
    await edge.streaming();
    expect(edge.streams.status().requestedAgain).toBeGreaterThanOrEqual(2);
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
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

  it('is refused for a leg each, by every code that ends a request: shown with its code, the siblings stream', async () => {
    await using edge = await Edge.settled();
    const codes = [102, 200, 321, 322, 354, 430, 435, 10_089, 10_091, 10_168, 10_186];
    const [spared, ...conIds] = edge.rows().map(({ conId }) => conId);
    for (const [index, code] of codes.entries()) {
      edge.gateway.inject({ kind: 'line-errors', code, conIds: [conIds[index] ?? 0] });
    }
    expect(edge.gateway.faultsExercised.map(({ affected }) => affected)).toEqual(codes.map(() => 1));
    await eventually(() => edge.streams.status().refused === codes.length);
    for (const [index, code] of codes.entries()) {
      expect(edge.rows().find(({ conId }) => conId === conIds[index])).toMatchObject({
        state: 'refused',
        reason: expect.stringContaining(`code ${code}`),
      });
    }
    await edge.streaming(1);
    expect(edge.rows().find(({ state }) => state === 'confirmed')?.conId).toBe(spared);
    expect(edge.streams.status().strategies.map(({ state }) => state)).toEqual(Array(3).fill('partial'));
  });

  it('is not permitted for one leg: its quality says so', async () => {
    await using edge = await Edge.settled();
    const conId = edge.rows()[1]?.conId ?? 0;
    edge.gateway.inject({ kind: 'line-errors', code: 354, conIds: [conId] });
    await eventually(() => edge.rows().find((row) => row.conId === conId)?.quality === 'no-permission');
    expect(edge.gateway.stats().lines.streaming).toBe(LEGS - 1);
  });

  it('stops for one leg because another session has it: that leg says so, the others are live', async () => {
    await using edge = await Edge.settled();
    const conId = edge.rows()[2]?.conId ?? 0;
    edge.gateway.inject({ kind: 'line-errors', code: 10_197, conIds: [conId] });
    expect(await edge.exercised('line-errors')).toMatchObject({ detail: '10197 on lines', affected: 1 });
    await eventually(() => edge.rows().find((row) => row.conId === conId)?.quality === 'competing-session');
    const others = edge.rows().filter((row) => row.conId !== conId);
    expect(others.filter(({ quality }) => quality === 'competing-session')).toEqual([]);
  });

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

  it('is shed (100, 309, 420, 10190): requested again, and nothing is lost', async () => {
    await using edge = await Edge.settled();
    for (const code of [100, 309, 420, 10_190]) edge.gateway.inject({ kind: 'line-errors', code, count: 2 });
    expect(edge.gateway.faultsExercised.map(({ affected }) => affected)).toEqual([2, 2, 2, 2]);
    await eventually(
      () => edge.bridge.of('requestNotice').filter(({ meaning }) => meaning === 'shed').length === 8,
    );
    await edge.streaming();
  });

  it('is remarked upon (300, 10167, 10090): the lines stay as they are', async () => {
    await using edge = await Edge.settled();
    for (const code of [300, 10_167, 10_090]) edge.gateway.inject({ kind: 'line-errors', code });
    await eventually(() => edge.bridge.of('requestNotice').length >= 3 * LEGS);
    expect(edge.streams.status().streaming).toBe(LEGS);
    await edge.ticking();
  });
});
