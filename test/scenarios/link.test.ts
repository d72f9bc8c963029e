import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Edge, LEGS, SEED } from './support/edge.ts';

describe.concurrent(`the link between the gateway and IB (seed ${SEED})`, () => {
  it('comes back with 1102: marks were stale, no line was requested again', async () => {
    await using edge = await Edge.settled();
    const requests = () => edge.gateway.requests.filter(({ name }) => name === 'reqMktData').length;
    const before = requests();
    const fault = edge.gateway.inject({ kind: 'link-lost', restore: 1102 });
    expect(await edge.exercised('link-lost')).toMatchObject({ detail: '1100', affected: 1 });
    await edge.bridge.nth('linkDown');
    expect(edge.rows().map(({ quality }) => quality)).toEqual(edge.rows().map(() => 'stale'));
    expect(edge.bridge.connection.status().linkUp).toBe(false);
    fault.end();
    expect(await edge.bridge.nth('linkUp')).toMatchObject({ linesKept: true });
    await edge.streaming();
    expect(requests()).toBe(before);
    expect(edge.bridge.of('ready')).toHaveLength(1);
  });

  it('comes back with 1102 and dead lines: every one is requested again, and none passes for live before', async () => {
    await using edge = await Edge.settled({ watchdog: { verifyDeadlineMs: 200 } });
    edge.gateway.inject({ kind: 'link-lost', restore: 1102, ticks: 'dead' }).end();
    await edge.bridge.nth('linkUp');
    expect(edge.gateway.faultsExercised.map(({ detail }) => detail)).toEqual(['1100', '1102']);
    expect(edge.rows().map(({ quality }) => quality)).toEqual(edge.rows().map(() => 'stale'));
    await edge.streaming();
    for (const { conId } of edge.rows()) expect(edge.requestsFor(conId)).toBe(2);
    expect(edge.streams.status()).toMatchObject({ stale: 0, requestedAgain: LEGS });
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
  });

  it('comes back with 1101: every line was lost, and every line is requested again', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'link-lost', restore: 1101 });
    await edge.bridge.nth('linkDown');
    fault.end();
    expect(await edge.bridge.nth('linkUp')).toMatchObject({ linesKept: false });
    await edge.streaming();
    for (const { conId } of edge.rows()) expect(edge.requestsFor(conId)).toBe(2);
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
    expect(edge.gateway.faultsExercised.map(({ detail }) => detail)).toContain('1101');
  });

  it('is lost by 2110: shown, and not taken for a lost session', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'link-lost', code: 2110 });
    expect(await edge.bridge.nth('linkDown')).toMatchObject({ code: 2110 });
    expect(edge.bridge.connection.status().lastFault).toContain('2110');
    fault.end();
    await edge.bridge.nth('linkUp');
    await edge.streaming();
    expect(edge.bridge.of('lost')).toEqual([]);
  });

  it('sends 200 for valid contracts after 1100: none is refused for good', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'link-lost', restore: 1102 });
    edge.gateway.inject({ kind: 'line-errors', code: 200, count: 5 });
    expect(await edge.exercised('line-errors')).toMatchObject({ detail: '200 on lines', affected: 5 });
    // Requested again while the link is down, and refused again.
    await eventually(() =>
      edge.gateway.faultsExercised.some(({ detail }) => detail.includes('answered by 200')),
    );
    expect(edge.streams.status().refused).toBe(0);
    fault.end();
    await edge.streaming();
    expect(edge.streams.status().strategies.map(({ state }) => state)).toEqual(Array(3).fill('streaming'));
  });

  it('is down while a client connects: it learns so at once, and begins once the link is up', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'link-lost', restore: 1101 });
    // A reset takes along what was not read yet.
    await edge.bridge.nth('linkDown');
    edge.gateway.dropClients();
    await edge.bridge.nth('ready', 2);
    await eventually(() => edge.bridge.of('linkDown').length === 2);
    expect(edge.streams.status().streaming).toBe(0);
    fault.end();
    await edge.streaming();
    expect(edge.streams.status().refused).toBe(0);
  });

  it('fails no sweep for good and closes nothing', async () => {
    await using edge = await Edge.settled();
    const { failed } = edge.sweeper.counts();
    const fault = edge.gateway.inject({ kind: 'link-lost' });
    await eventually(() => edge.sweeper.counts().failed > failed);
    fault.end();
    await edge.swept();
    expect(await edge.committed()).toEqual(edge.held());
    expect(await edge.closed()).toEqual([]);
  });
});
