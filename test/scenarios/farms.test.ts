import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Edge, LEGS, SEED } from './support/edge.ts';

/** An outage of IB's farms as a bot received it on 2026-07-29: seconds of noise, then the link itself. */
const OUTAGE: readonly (readonly [number, string])[] = [
  [2103, 'cashfarm'],
  [2103, 'eufarmnj'],
  [2105, 'cashhmds'],
  [2105, 'euhmds'],
  [2157, 'secdefeu'],
  [2105, 'ushmds'],
  [2103, 'usfarm'],
  [2106, 'euhmds'],
  [2106, 'cashhmds'],
  [2158, 'secdefeu'],
  [2103, 'eufarm'],
  [2104, 'cashfarm'],
  [2103, 'usopt'],
  [2103, 'usfuture'],
  [2104, 'eufarmnj'],
  [2106, 'ushmds'],
  [2104, 'usfarm'],
  [2104, 'usopt'],
  [2104, 'usfuture'],
];
const TEXTS: Readonly<Record<number, string>> = {
  2103: 'Market data farm connection is broken:',
  2104: 'Market data farm connection is OK:',
  2105: 'HMDS data farm connection is broken:',
  2106: 'HMDS data farm connection is OK:',
  2157: 'Sec-def data farm connection is broken:',
  2158: 'Sec-def data farm connection is OK:',
};

describe.concurrent(`data farms (seed ${SEED})`, () => {
  it('blip for a moment: marks are stale until their next tick', async () => {
    await using edge = await Edge.settled();
    const fault = edge.gateway.inject({ kind: 'farm-broken', farm: 'usopt' });
    await eventually(() => edge.bridge.of('farm').some(({ up, farm }) => !up && farm === 'usopt'));
    expect(edge.rows().map(({ quality }) => quality)).toEqual(Array(LEGS).fill('stale'));
    await eventually(() =>
      edge.gateway.faultsExercised.some(({ detail }) => detail === 'ticks were held back'),
    );
    fault.end();
    await edge.streaming();
    expect(edge.bridge.of('farm').at(-1)).toMatchObject({ code: 2104, farm: 'usopt' });
    expect(edge.bridge.of('lost')).toEqual([]);
  });

  it('say that they are well and feed nothing: every line of them is requested again, and streams', async () => {
    await using edge = await Edge.settled({ watchdog: { verifyDeadlineMs: 200 } });
    edge.gateway.inject({ kind: 'farm-broken', farm: 'usopt', ticks: 'dead' }).end();
    await eventually(() => edge.bridge.of('farm').some(({ up }) => !up));
    expect(edge.gateway.faultsExercised.map(({ detail }) => detail)).toEqual(['2103', '2104']);
    expect(edge.streams.status().streaming).toBe(0);
    for (const { reason } of edge.rows())
      expect(reason).toMatch(/^stale since .*: farm usopt is broken \(2103\)$/);
    await edge.streaming();
    for (const { conId } of edge.rows()) expect(edge.requestsFor(conId)).toBe(2);
    expect(edge.streams.status()).toMatchObject({ stale: 0, requestedAgain: LEGS });
    expect(edge.gateway.stats().lines).toMatchObject({ peak: LEGS, refused: 0 });
  });

  it('stay broken: what is silent for long is asked for again now and then, and nothing passes for live', async () => {
    await using edge = await Edge.settled({ watchdog: { silenceMs: 150 } });
    const fault = edge.gateway.inject({ kind: 'farm-broken', farm: 'usopt' });
    await eventually(() => edge.streams.status().requestedAgain >= LEGS);
    await eventually(() => edge.rows().some(({ reason }) => reason.includes('answered without a tick')));
    expect(edge.rows().filter(({ quality }) => quality !== 'stale')).toEqual([]);
    fault.end();
    await edge.streaming();
  });

  it('of history and definitions: marks are stale until their next tick, and no line is requested again', async () => {
    await using edge = await Edge.settled();
    edge.gateway.inject({ kind: 'farm-broken', farm: 'ushmds', service: 'historical' }).end();
    edge.gateway.inject({ kind: 'farm-broken', farm: 'secdefnj', service: 'definitions' }).end();
    await eventually(() => edge.bridge.of('farm').filter(({ up }) => !up).length === 2);
    expect(edge.bridge.of('farm').flatMap(({ up, code }) => (up ? [] : [code]))).toEqual([2105, 2157]);
    await edge.streaming();
    expect(edge.streams.status()).toMatchObject({ stale: 0, requestedAgain: 0 });
  });

  it('fail one after the other, then the link: all streams again, as in an outage that was recorded', async () => {
    await using edge = await Edge.settled();
    for (const [code, farm] of OUTAGE)
      edge.gateway.inject({ kind: 'notice', code, text: `${TEXTS[code]}${farm}` });
    const fault = edge.gateway.inject({ kind: 'link-lost', restore: 1101 });
    edge.gateway.inject({ kind: 'line-errors', code: 200, count: 2 });
    await edge.bridge.nth('linkDown');
    expect(edge.gateway.faultsExercised.filter(({ kind }) => kind === 'notice')).toHaveLength(OUTAGE.length);
    fault.end();
    await edge.streaming();
    await edge.swept();
    expect(edge.streams.status().refused).toBe(0);
    expect(await edge.closed()).toEqual([]);
  });

  it('announce that they rest or are on their way: nothing to do', async () => {
    await using edge = await Edge.settled();
    for (const code of [2107, 2108, 2119]) edge.gateway.inject({ kind: 'notice', code });
    await edge.ticking();
    await edge.streaming();
    const told = edge.bridge.log.entries.filter(({ event }) => event === 'gateway-notice');
    expect(told.map(({ fields }) => fields.code)).toEqual(expect.arrayContaining([2107, 2108, 2119]));
  });
});
