import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Edge, LEGS, SEED } from './support/edge.ts';

describe.concurrent(`silence with an open socket (seed ${SEED})`, () => {
  it.each(['everything', 'answers'] as const)(
    'of %s: a heartbeat is missed, and a new session takes over',
    async (what) => {
      await using edge = await Edge.settled({ connection: { heartbeatDeadlineMs: 300 } });
      const fault = edge.gateway.inject({ kind: 'silence', what });
      await edge.exercised('silence');
      const lost = await edge.bridge.nth('lost');
      expect(lost.reason).toContain('answers nothing');
      expect(edge.rows().map(({ quality }) => quality)).toEqual(edge.rows().map(() => 'stale'));
      fault.end();
      await edge.streaming();
      expect(await edge.closed()).toEqual([]);
    },
  );

  it('of the ticks alone: the session is well, sweeps go on, and the ticks come back', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'silence', what: 'ticks' });
    await edge.exercised('silence');
    const { ticks } = edge.streams;
    await edge.swept(3);
    expect(edge.streams.ticks).toBe(ticks);
    expect(edge.bridge.of('lost')).toEqual([]);
    fault.end();
    await edge.ticking();
    await edge.streaming();
  });

  it('of the ticks for long: every line is stale, and requested again and again until they come', async () => {
    await using edge = await Edge.settled({ watchdog: { silenceMs: 120 } });
    const fault = edge.gateway.inject({ kind: 'silence', what: 'ticks' });
    await edge.exercised('silence');
    await eventually(() => edge.streams.status().requestedAgain >= 2 * LEGS);
    expect(edge.rows().filter(({ quality }) => quality !== 'stale')).toEqual([]);
    expect(edge.bridge.of('lost')).toEqual([]);
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
    fault.end();
    await edge.streaming();
  });

  it('of the answers to requests for lines: given up, tried again later, and nothing passes for streaming', async () => {
    await using edge = await Edge.settled({ watchdog: { answerDeadlineMs: 200 } });
    const fault = edge.gateway.inject({ kind: 'silence', what: 'answers' });
    edge.gateway.inject({ kind: 'link-lost', restore: 1101 }).end();
    await edge.exercised('silence');
    await eventually(() => edge.rows().some(({ reason }) => reason.includes('no answer within 200 ms')));
    expect(edge.streams.status().streaming).toBe(0);
    expect(edge.bridge.of('lost')).toEqual([]);
    fault.end();
    await edge.streaming();
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
  });

  it('after the handshake’s first half: it opens, never says nextValidId, and is given up', async () => {
    await using edge = await Edge.settled({ connection: { handshakeDeadlineMs: 150 } });
    const fault = edge.gateway.inject({ kind: 'mute-handshake' });
    edge.gateway.dropClients();
    await edge.exercised('mute-handshake');
    await eventually(() => edge.bridge.connection.status().lastFault?.includes('no nextValidId'));
    fault.end();
    await edge.bridge.nth('ready', 2);
    await edge.streaming();
  });
});
