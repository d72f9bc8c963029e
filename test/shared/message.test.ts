import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, type Message } from '../../shared/message.ts';
import { isNewer } from '../../shared/snapshot.ts';
import { snapshot } from '../support/snapshots.ts';

function faultOf(body: string): string {
  const decoded = decodeMessage(body);
  if (decoded.ok) throw new Error(`decoded: ${body}`);
  return decoded.fault;
}

function broken(change: (json: Record<string, unknown>) => void): string {
  const json = structuredClone(snapshot()) as unknown as Record<string, unknown>;
  change(json);
  return faultOf(JSON.stringify(json));
}

describe('the message contract', () => {
  it('gives back what was encoded', () => {
    const messages: Message[] = [
      snapshot(),
      snapshot({ mark: { bid: 1.05, ask: 1.1, iv: 0.21, at: '2026-11-20T15:00:00.000Z' }, quality: 'live' }),
      {
        schema: 1,
        kind: 'ledger',
        bridge: 'home',
        epoch: '1785300000000-k3x9qa',
        day: '2026-11-20',
        first: 1,
        last: 20,
        count: 20,
        digest: 'a'.repeat(64),
        at: '2026-11-20T15:00:00.000Z',
      },
      {
        schema: 1,
        kind: 'drop',
        bridge: 'home',
        epoch: '1785300000000-k3x9qa',
        first: 3,
        last: 9,
        reason: 'the outbox reached its bound',
        at: '2026-11-20T15:00:00.000Z',
      },
    ];
    for (const message of messages) {
      expect(decodeMessage(encodeMessage(message))).toMatchObject({ ok: true, message });
    }
  });

  it('refuses to encode what the drain would refuse', () => {
    expect(() => encodeMessage(snapshot({ quantity: '1e3' }))).toThrow(/plain decimal/);
    expect(() => encodeMessage(snapshot({ mark: { bid: Number.NaN } }))).toThrow(/mark/);
  });

  it('ignores fields that a newer bridge added', () => {
    const decoded = decodeMessage(JSON.stringify({ ...snapshot(), openInterest: 12 }));
    expect(decoded).toMatchObject({ ok: true, message: snapshot() });
  });

  it('names what is wrong with a body, and where', () => {
    expect(faultOf('{"schema":1,')).toMatch(/^not JSON/);
    expect(faultOf('[]')).toMatch(/not a message/);
    expect(faultOf('null')).toMatch(/not a message/);
    expect(broken((json) => Object.assign(json, { schema: 2 }))).toMatch(/unknown schema version 2/);
    expect(broken((json) => Object.assign(json, { kind: 'toString' }))).toMatch(/unknown kind "toString"/);
    expect(broken((json) => Object.assign(json, { quantity: 3 }))).toMatch(/quantity: .*string/);
    expect(broken((json) => Object.assign(json, { seq: 7 }))).toMatch(/id: must be/);
    expect(broken((json) => Object.assign(json, { observedAt: '2026-11-20' }))).toMatch(/observedAt/);
    expect(
      broken((json) => {
        delete (json.contract as Record<string, unknown>).conId;
      }),
    ).toMatch(/contract\.conId/);
  });

  it('never throws, whatever the body is', () => {
    const body = fc.oneof(
      fc.string(),
      fc.json(),
      fc.object().map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(body, (text) => {
        const decoded = decodeMessage(text);
        expect(decoded.digest).toMatch(/^[0-9a-f]{64}$/);
      }),
    );
  });
});

describe('the order of states', () => {
  const at = (second: number) => `2026-11-20T15:00:${String(second).padStart(2, '0')}.000Z`;

  it('follows the sequence within a bridge, whatever its clock says', () => {
    const first = snapshot({ seq: 1, observedAt: at(30) });
    const second = snapshot({ seq: 2, observedAt: at(10) });
    expect(isNewer(second, first)).toBe(true);
    expect(isNewer(first, second)).toBe(false);
  });

  it('prefers a later epoch to a higher sequence number', () => {
    const before = snapshot({ epoch: '1785300000000-k3x9qa', seq: 900 });
    const after = snapshot({ epoch: '1785300000001-aaaaaa', seq: 1 });
    expect(isNewer(after, before)).toBe(true);
  });

  it('follows the time of observation across bridges, and their names when that is equal', () => {
    expect(isNewer(snapshot({ bridge: 'away', observedAt: at(2) }), snapshot({ observedAt: at(1) }))).toBe(
      true,
    );
    expect(isNewer(snapshot({ bridge: 'away' }), snapshot({ bridge: 'home' }))).toBe(false);
    expect(isNewer(snapshot({ bridge: 'home' }), snapshot({ bridge: 'away' }))).toBe(true);
  });

  it('never takes the same state as newer than itself', () => {
    expect(isNewer(snapshot(), snapshot())).toBe(false);
  });
});
