import { describe, expect, it } from 'vitest';
import { Disguise } from '../../../../local/gateway/record/disguise.ts';
import type { Happening, ObservedLine } from '../../../../local/gateway/record/observed.ts';
import { scenarioOf } from '../../../../local/gateway/record/scenario.ts';

const disguise = new Disguise(['U7654321']);
const told = (atMs: number, code: number, text: string): Happening => ({ type: 'message', atMs, code, text });
const swept = (atMs: number, rows: number): Happening => ({ type: 'sweep', atMs, rows, hasEnded: true });

function stepsOf(happenings: readonly Happening[], lines: Record<number, ObservedLine> = {}) {
  const observed = {
    happenings: [{ type: 'accepted', atMs: 90 }, { type: 'ready', atMs: 100 }, ...happenings] as Happening[],
    accounts: ['U7654321'],
    positions: [],
    details: new Map(),
    lines: new Map(Object.entries(lines).map(([conId, line]) => [Number(conId), line])),
  };
  const [greeting, ...steps] = scenarioOf(observed, { name: '', disguise }).steps;
  return { greeting: greeting?.fault, steps };
}

describe('a recorded scenario', () => {
  it('begins sessions as the gateway did, and does not say it twice', () => {
    const { greeting, steps } = stepsOf([
      told(150, 2104, 'Market data farm connection is OK:eufarm'),
      { type: 'away', atMs: 5000, how: 'reset' },
      { type: 'accepted', atMs: 5500 },
      { type: 'ready', atMs: 5600 },
      told(5650, 2104, 'Market data farm connection is OK:eufarm'),
    ]);
    expect(greeting).toEqual({
      kind: 'greeting',
      notices: [{ code: 2104, text: 'Market data farm connection is OK:eufarm' }],
    });
    expect(steps).toEqual([{ after: 'ready', nth: 1, atMs: 4900, fault: { kind: 'drop', how: 'reset' } }]);
  });

  it('tells a code that nobody knows with its words and its time, and no account number in them', () => {
    const { steps } = stepsOf([told(3100, 2999, 'Something about U7654321 and about DU1112223.')]);
    expect(steps).toEqual([
      {
        after: 'ready',
        nth: 1,
        atMs: 3000,
        fault: { kind: 'notice', code: 2999, text: 'Something about DU9000001 and about DU9999999.' },
      },
    ]);
  });

  it('makes a lost link of 1100 and what ended it, in the gateway’s own words', () => {
    const { steps } = stepsOf([told(3000, 1100, 'lost.'), told(7500, 1101, 'restored, lost.')]);
    expect(steps).toMatchObject([
      {
        atMs: 2900,
        forMs: 4500,
        fault: {
          kind: 'link-lost',
          code: 1100,
          restore: 1101,
          text: 'lost.',
          restoreText: 'restored, lost.',
        },
      },
    ]);
  });

  it('ends a lost link with its session where nothing else did', () => {
    const { steps } = stepsOf([told(3000, 1100, 'lost.'), { type: 'away', atMs: 4000, how: 'end' }]);
    expect(steps).toMatchObject([
      { fault: { kind: 'link-lost' }, forMs: 1100 },
      { fault: { kind: 'drop', how: 'end' } },
    ]);
  });

  it('makes a broken farm of 2103 and the 2104 of the same farm, and tells it as it was where there is none', () => {
    const broken = told(3000, 2103, 'Market data farm connection is broken:eufarm');
    const other = told(4000, 2104, 'Market data farm connection is OK:usfarm');
    const ok = told(6000, 2104, 'Market data farm connection is OK:eufarm');
    expect(stepsOf([broken, other, ok]).steps).toMatchObject([
      { atMs: 2900, forMs: 3000, fault: { kind: 'farm-broken', farm: 'eufarm' } },
      { fault: { kind: 'notice', code: 2104 } },
    ]);
    expect(stepsOf([broken, other]).steps).toMatchObject([
      { fault: { kind: 'notice', code: 2103 } },
      { fault: { kind: 'notice', code: 2104 } },
    ]);
  });

  it('makes a restart of a connection that was away, a client id that lingered and a list that was loading', () => {
    const { steps } = stepsOf([
      swept(200, 10),
      { type: 'away', atMs: 60_000, how: 'end' },
      { type: 'accepted', atMs: 90_000 },
      told(90_010, 326, 'in use'),
      { type: 'accepted', atMs: 91_000 },
      told(91_010, 326, 'in use'),
      { type: 'accepted', atMs: 92_000 },
      { type: 'ready', atMs: 92_100 },
      swept(92_200, 0),
      swept(122_200, 10),
    ]);
    expect(steps).toEqual([
      {
        after: 'ready',
        nth: 1,
        atMs: 59_900,
        fault: {
          kind: 'restart',
          downMs: 30_000,
          lingerMs: 1010,
          loading: { positions: 'empty', share: 0, forMs: 32_200 },
        },
      },
    ]);
  });

  it('answers requests as the gateway did, each code once, and tells an error of a line that had ticked at its time', () => {
    const at = (hasTicked: boolean): Happening => ({
      type: 'message',
      atMs: 1100,
      code: 10_090,
      text: 'Part of requested market data is not subscribed.',
      line: { conId: 7, hasTicked },
    });
    expect(stepsOf([at(false), at(false)]).steps).toMatchObject([
      { after: 'start', fault: { kind: 'request-errors', code: 10_090, conIds: [7] } },
    ]);
    expect(stepsOf([at(true)]).steps).toMatchObject([
      { after: 'ready', atMs: 1000, fault: { kind: 'line-errors', code: 10_090, conIds: [7] } },
    ]);
  });

  it('says what all lines had in common: delayed data, greeks that were never computed', () => {
    const line: ObservedLine = { price: 1, marketDataType: 3, greeks: 'unset' };
    expect(stepsOf([], { 7: line }).steps.map(({ fault }) => fault.kind)).toEqual([
      'delayed-data',
      'unset-greeks',
    ]);
    const live: ObservedLine = { price: 1, marketDataType: 1, greeks: 'computed' };
    expect(stepsOf([], { 7: line, 8: live }).steps).toEqual([]);
  });

  it('has sweeps that never ended, silence of every line, and messages that no client knows', () => {
    const { steps } = stepsOf([
      { type: 'sweep', atMs: 1100, rows: 3, hasEnded: false },
      swept(32_000, 10),
      { type: 'quiet', atMs: 40_100, forMs: 60_000 },
      { type: 'unknown-message', atMs: 50_100 },
    ]);
    expect(steps.map(({ atMs, fault, forMs }) => [atMs, fault.kind, forMs])).toEqual([
      [50_000, 'corrupt', undefined],
      [1000, 'positions', undefined],
      [40_000, 'silence', 60_000],
    ]);
  });

  it('lacks what was still loading when the first session began', () => {
    const { steps } = stepsOf([swept(200, 4), swept(30_200, 10)]);
    expect(steps).toMatchObject([
      { after: 'start', fault: { kind: 'positions', answer: 'partial', share: 0.4, times: 1 } },
    ]);
  });
});
