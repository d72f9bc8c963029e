import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Edge, LEGS, SEED } from './support/edge.ts';

describe.concurrent(`lines that a person’s TWS uses too (seed ${SEED})`, () => {
  it('are taken away and given back: whole strategies go, and come again', async () => {
    await using edge = await Edge.settled({ gateway: { linesCap: LEGS }, recoveryMs: 50 });
    const fault = edge.gateway.inject({ kind: 'lines-taken', count: 6, evict: true });
    expect(await edge.exercised('lines-taken')).toMatchObject({ detail: '101 on lines', affected: 6 });
    await eventually(() => edge.bridge.of('requestNotice').filter(({ code }) => code === 101).length >= 6);
    // One of the three fits into six lines; the highest priority is the one.
    await eventually(() => {
      const states = edge.streams.status().strategies.map(({ state }) => state);
      return states[0] === 'streaming' && states.slice(1).every((state) => state === 'degraded');
    });
    const { lines } = edge.gateway.stats();
    expect(lines.streaming + lines.elsewhere).toBeLessThanOrEqual(LEGS);
    fault.end();
    await edge.streaming();
    expect(edge.gateway.stats().lines).toMatchObject({ elsewhere: 0, peak: LEGS });
  });

  it('are taken while they are free: what streams goes on, and the next request meets 101', async () => {
    await using edge = await Edge.settled({ gateway: { linesCap: LEGS } });
    const fault = edge.gateway.inject({ kind: 'lines-taken', count: 4 });
    await edge.ticking();
    await edge.streaming();
    edge.gateway.dropClients();
    await edge.bridge.nth('ready', 2);
    await edge.exercised('lines-taken');
    await eventually(() => edge.ledger.cap < LEGS);
    await eventually(
      () => edge.streams.status().strategies.filter(({ state }) => state === 'streaming').length === 2,
    );
    await eventually(() => edge.gateway.stats().lines.streaming === 8);
    fault.end();
  });
});
