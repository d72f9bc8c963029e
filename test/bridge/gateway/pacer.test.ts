import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lane, Pacer } from '../../../bridge/gateway/pacer.ts';

const request = (key: string, lane: Lane = 'request', reqId?: number) => ({
  key,
  lane,
  ...(reqId === undefined ? {} : { reqId }),
  send: () => {},
});

const keys = (requests: readonly { readonly key: string }[]) => requests.map(({ key }) => key);

/** Lets time pass as the pacer asks for it, until nothing waits. */
function drain(pacer: Pacer, startMs = 0): { key: string; atMs: number }[] {
  const sent: { key: string; atMs: number }[] = [];
  let nowMs = startMs;
  for (let next = pacer.nextAtMs(); next !== undefined; next = pacer.nextAtMs()) {
    nowMs = Math.max(nowMs, next);
    for (const { key } of pacer.take(nowMs)) sent.push({ key, atMs: nowMs });
  }
  return sent;
}

function mostInAnySecond(timesMs: readonly number[]): number {
  return Math.max(
    0,
    ...timesMs.map((from) => timesMs.filter((at) => at >= from && at < from + 1_000).length),
  );
}

describe('the rate', () => {
  it('is never above the setting in any second, whatever is offered when', () => {
    const offers = fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 60 })), { maxLength: 12 });
    const rate = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(rate, offers, (requestsPerSecond, bursts): void => {
        const pacer = new Pacer({ requestsPerSecond });
        const times: number[] = [];
        let nowMs = 0;
        let count = 0;
        for (const [pauseMs, size] of bursts) {
          nowMs += pauseMs;
          for (let i = 0; i < size; i += 1) pacer.offer(request(`r${count++}`));
          for (const _ of pacer.take(nowMs)) times.push(nowMs);
        }
        times.push(...drain(pacer, nowMs).map(({ atMs }) => atMs));
        expect(times).toHaveLength(count);
        expect(mostInAnySecond(times)).toBeLessThanOrEqual(requestsPerSecond);
      }),
    );
  });

  it('spreads a second over its quarters, so that a delayed burst is not doubled by the next', () => {
    const pacer = new Pacer({ requestsPerSecond: 40 });
    for (let i = 0; i < 100; i += 1) pacer.offer(request(`r${i}`));
    expect(pacer.take(0)).toHaveLength(10);
    expect(pacer.take(200)).toHaveLength(0);
    expect(pacer.take(260)).toHaveLength(10);
  });

  it('reaches the setting within a twentieth when there is enough to send', () => {
    const pacer = new Pacer({ requestsPerSecond: 40 });
    for (let i = 0; i < 401; i += 1) pacer.offer(request(`r${i}`));
    const last = drain(pacer).at(-1);
    expect(last?.atMs).toBeGreaterThan(9_900);
    expect(last?.atMs).toBeLessThan(10_500);
  });

  it('counts what the client library sends by itself', () => {
    const pacer = new Pacer({ requestsPerSecond: 4 });
    pacer.spend(0);
    pacer.offer(request('a'));
    expect(pacer.take(0)).toEqual([]);
  });

  it('falls by a quarter and pauses for a second when the gateway complains, until the connection ends', () => {
    const pacer = new Pacer({ requestsPerSecond: 40 });
    pacer.slowDown(0);
    for (let i = 0; i < 100; i += 1) pacer.offer(request(`r${i}`));
    expect(pacer.take(999)).toEqual([]);
    const times = drain(pacer, 999).map(({ atMs }) => atMs);
    expect(mostInAnySecond(times)).toBeLessThanOrEqual(32);
    pacer.abandon();
    for (let i = 0; i < 100; i += 1) pacer.offer(request(`r${i}`));
    expect(mostInAnySecond(drain(pacer, 60_000).map(({ atMs }) => atMs))).toBeGreaterThan(32);
  });

  it.each([0, -1, 2.5, Number.NaN])('refuses %d as a setting', (requestsPerSecond) => {
    expect(() => new Pacer({ requestsPerSecond })).toThrow(/positive integer/);
  });
});

describe('the order', () => {
  it('is cancels, then requests, then what can wait, each first come first served', () => {
    const pacer = new Pacer({ requestsPerSecond: 40 });
    pacer.offer(request('details', 'background', 1));
    pacer.offer(request('line 2', 'request', 2));
    pacer.offer(request('line 3', 'request', 3));
    pacer.offer(request('cancel 1', 'urgent'));
    expect(keys(pacer.take(0))).toEqual(['cancel 1', 'line 2', 'line 3', 'details']);
  });

  it('keeps the place of what is asked for again and sends the newer form', () => {
    const pacer = new Pacer({ requestsPerSecond: 40 });
    const sent: string[] = [];
    pacer.offer({ key: 'type', lane: 'request', send: () => sent.push('type 1') });
    pacer.offer({ key: 'line', lane: 'request', send: () => sent.push('line') });
    pacer.offer({ key: 'type', lane: 'request', send: () => sent.push('type 3') });
    for (const taken of pacer.take(0)) taken.send();
    expect(sent).toEqual(['type 3', 'line']);
  });

  it('sends what a request needs before it as a message of its own, and looks anew when its turn comes', () => {
    const pacer = new Pacer({ requestsPerSecond: 4 });
    let type = 0;
    const typed = (key: string, wanted: number) => ({
      ...request(key, 'request', wanted),
      prelude: () => {
        if (type === wanted) return undefined;
        type = wanted;
        return request(`type ${wanted}`, 'request');
      },
    });
    pacer.offer(typed('a', 1));
    pacer.offer(typed('b', 2));
    pacer.offer(typed('c', 2));
    expect(keys(pacer.take(0))).toEqual(['type 1']);
    // Whatever is sent between a type and its request may have changed it.
    type = 2;
    expect(keys(drain(pacer))).toEqual(['type 1', 'a', 'type 2', 'b', 'c']);
  });

  it('takes back what was not sent, so that no cancel overtakes its own request', () => {
    const pacer = new Pacer({ requestsPerSecond: 4 });
    pacer.offer(request('line 1', 'request', 1));
    pacer.offer(request('line 2', 'request', 2));
    expect(pacer.withdraw('line 2')).toBe(true);
    expect(keys(drain(pacer))).toEqual(['line 1']);
    expect(pacer.withdraw('line 1')).toBe(false);
  });
});

describe('the bound', () => {
  it('is for requests with an id: what is full says so, cancels and single requests are always taken', () => {
    const pacer = new Pacer({ requestsPerSecond: 40, queueMax: 2 });
    expect(pacer.offer(request('line 1', 'request', 1))).toBe('taken');
    expect(pacer.offer(request('details 2', 'background', 2))).toBe('taken');
    expect(pacer.offer(request('line 3', 'request', 3))).toBe('full');
    expect(pacer.offer(request('cancel 9', 'urgent'))).toBe('taken');
    expect(pacer.offer(request('positions'))).toBe('taken');
    expect(pacer.waiting).toBe(4);
  });

  it('gives up everything at once when the connection is lost, but not the memory of what was sent', () => {
    const pacer = new Pacer({ requestsPerSecond: 4 });
    for (let i = 0; i < 3; i += 1) pacer.offer(request(`r${i}`));
    expect(pacer.take(0)).toHaveLength(1);
    expect(pacer.abandon()).toBe(2);
    expect(pacer.nextAtMs()).toBeUndefined();
    pacer.offer(request('next'));
    expect(pacer.take(1)).toEqual([]);
  });
});
