import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Edge, LEGS, SEED } from './support/edge.ts';

describe.concurrent(`the session with a gateway that misbehaves (seed ${SEED})`, () => {
  it('survives the nightly restart: refused, then told that its id is in use, then served', async () => {
    await using edge = await Edge.settled();
    edge.gateway.inject({ kind: 'restart', downMs: 400, lingerMs: 400 });
    await edge.bridge.nth('ready', 2);
    const kinds = edge.gateway.faultsExercised.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['restart', 'connections-refused', 'client-ids-linger']));
    expect(kinds.indexOf('connections-refused')).toBeLessThan(kinds.indexOf('client-ids-linger'));
    const faults = edge.bridge.log.entries.filter(({ event }) => event === 'gateway-fault');
    expect(faults.map(({ fields }) => fields.kind)).toContain('client-id-in-use');
    await edge.streaming();
    await edge.swept();
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
    expect(await edge.closed()).toEqual([]);
  });

  it('is told of another port (1300): it follows there, and says what to change', async () => {
    await using edge = await Edge.settled();
    const old = edge.gateway.port;
    edge.gateway.inject({ kind: 'port-change' });
    await edge.exercised('port-change');
    expect(edge.gateway.port).not.toBe(old);
    await edge.bridge.nth('lost');
    const faults = edge.bridge.log.entries.filter(({ event }) => event === 'gateway-fault');
    expect(faults[0]?.fields).toMatchObject({
      kind: 'port-moved',
      fault: expect.stringContaining(`${old} moved to port ${edge.gateway.port}`),
    });
    await edge.bridge.nth('ready', 2);
    expect(edge.bridge.connection.status().port).toBe(edge.gateway.port);
    await edge.streaming();
    await edge.swept();
    expect(await edge.closed()).toEqual([]);
    // Lost there for another reason, it comes back there: the configured port is not where it lives.
    edge.gateway.dropClients();
    await edge.bridge.nth('ready', 3);
    await edge.streaming();
  });

  it('is told of another port, and nobody answers there: it comes back to the configured one', async () => {
    await using edge = await Edge.settled();
    const text = 'Please reconnect on the new port - 1';
    edge.gateway.inject({ kind: 'notice', code: 1300, text });
    await edge.exercised('notice');
    await edge.bridge.nth('ready', 2);
    const kinds = edge.bridge.log.entries.flatMap(({ event, fields }) =>
      event === 'gateway-fault' ? [fields.kind] : [],
    );
    expect(kinds).toEqual(['port-moved', 'refused']);
    expect(edge.bridge.connection.status().port).toBe(edge.gateway.port);
    await edge.streaming();
  });

  it('is refused every connection: it tries on, and shows when', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'connections-refused' });
    edge.gateway.inject({ kind: 'drop', how: 'end' });
    await edge.exercised('drop');
    await eventually(
      () => edge.gateway.faultsExercised.filter(({ kind }) => kind === 'connections-refused').length > 3,
    );
    expect(edge.bridge.states).toContain('open-circuit');
    fault.end();
    await edge.bridge.nth('ready', 2);
    await edge.streaming();
  });

  it('is told that it is too fast by a gateway that drops what is above: slower, and nothing dropped passes for streaming', async () => {
    // Faster than the gateway allows, on purpose.
    await using edge = await Edge.start({
      gateway: { messagesPerSecondMax: 20 },
      connection: { requestsPerSecond: 60, heartbeatPeriodMs: 60_000 },
    });
    const fault = edge.gateway.inject({ kind: 'strict-pacing' });
    expect(await edge.exercised('strict-pacing')).toMatchObject({ detail: 'violation 1' });
    await edge.swept(3);
    // The gateway ends the session at the third one.
    expect(edge.gateway.stats().paceViolations).toBe(1);
    expect(edge.bridge.of('lost')).toEqual([]);
    const confirmed = edge.rows().flatMap(({ conId, state }) => (state === 'confirmed' ? [conId] : []));
    expect(confirmed.toSorted()).toEqual([...edge.gateway.stats().lines.byConId.keys()].toSorted());
    expect(edge.streams.status().strategies.map(({ state }) => state)).toContain('pending');
    fault.end();
    edge.gateway.dropClients();
    await edge.streaming();
  });

  it.each([507, 504])('is told of a fault of its socket (%i): a new one takes over', async (code) => {
    await using edge = await Edge.settled();
    edge.gateway.inject({ kind: 'notice', code });
    await edge.exercised('notice');
    await edge.bridge.nth('lost');
    await edge.bridge.nth('ready', 2);
    await edge.streaming();
  });
});
