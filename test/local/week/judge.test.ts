import { describe, expect, it } from 'vitest';
import {
  complaintsOf,
  falseTurns,
  type Observation,
  silentLines,
  strayLines,
  type Turn,
} from '../../../local/week/judge.ts';
import { Truth } from '../../../local/week/truth.ts';
import type { BridgeStatus, LineStatus, StrategyStatus } from '../../../shared/status.ts';
import { bridgeStatus } from '../../support/status.ts';
import { strategy } from '../../support/strategies.ts';

const SINCE = '2026-11-20T14:30:00.000Z';

const line = (conId: number, overrides: Partial<LineStatus> = {}): LineStatus => ({
  conId,
  state: 'confirmed',
  strategyIds: ['condor'],
  since: SINCE,
  reason: 'streams for condor',
  quality: 'live',
  ticks: 10,
  ...overrides,
});
const shown = (overrides: Partial<StrategyStatus> = {}): StrategyStatus => ({
  id: 'condor',
  account: 'DU***01',
  priority: 1,
  linesNeeded: 2,
  state: 'streaming',
  since: SINCE,
  legs: [],
  reason: 'all of its lines',
  ...overrides,
});
const legs = [1, 2].map((conId) => ({ conId, quantity: '1' }));
const base = bridgeStatus();

function status(
  lines: Partial<BridgeStatus['lines']> = {},
  overrides: Partial<BridgeStatus> = {},
): BridgeStatus {
  return bridgeStatus({
    lines: { ...base.lines, rows: [line(1), line(2)], strategies: [shown()], ...lines },
    registry: { state: 'current', version: 4, strategies: 1 },
    sweeps: { ...base.sweeps, positions: 2 },
    ...overrides,
  });
}

const held = new Map([
  ['DU1234567 1', '1'],
  ['DU1234567 2', '-1'],
]);

const quiet: Observation = {
  status: status(),
  lines: { peakWithSnapshots: 4, byConId: new Map([1, 2].map((conId) => [conId, 1])) },
  orders: 0,
  cap: 4,
  strategies: [strategy({ id: 'condor', status: 'ACTIVE', legs })],
  registryVersion: 4,
  truth: held,
  table: held,
};

describe('a quiet point', () => {
  it('has nothing to complain of where all sides agree', () => {
    expect(complaintsOf(quiet)).toEqual([]);
  });

  it('takes a strategy without lines that says why', () => {
    const degraded = status({ rows: [], strategies: [shown({ state: 'degraded', reason: 'no room' })] });
    const lines = { ...quiet.lines, byConId: new Map() };
    expect(complaintsOf({ ...quiet, status: degraded, lines })).toEqual([]);
  });

  it('takes a line of the watch class', () => {
    const watching = status({ rows: [line(1), line(2), line(3, { watch: true })] });
    const byConId = new Map([1, 2, 3].map((conId) => [conId, 1]));
    expect(complaintsOf({ ...quiet, status: watching, lines: { ...quiet.lines, byConId } })).toEqual([]);
  });

  it.each<readonly [string, Partial<Observation>, string]>([
    ['the cap was exceeded', { lines: { ...quiet.lines, peakWithSnapshots: 5 } }, '5 lines at once, 4 were'],
    ['something could have traded', { orders: 1 }, '1 requests that could have traded'],
    ['the bridge is gone', { status: undefined }, 'does not answer'],
    [
      'the session is not ready',
      { status: status({}, { gateway: { ...base.gateway, state: 'waiting', lastFault: 'refused' } }) },
      'the session is waiting: refused',
    ],
    [
      'the link is thought to be down',
      { status: status({}, { gateway: { ...base.gateway, linkUp: false } }) },
      'the link to IB to be down',
    ],
    [
      'the replica is stale',
      { status: status({}, { registry: { state: 'stale', version: 4, strategies: 1 } }) },
      'registry is stale',
    ],
    ['the replica is behind', { registryVersion: 5 }, 'at version 4, the table at 5'],
    ['the bridge does not know a strategy', { status: status({ strategies: [] }) }, 'does not know it'],
    [
      'a strategy has part of its lines',
      { status: status({ strategies: [shown({ state: 'partial', reason: '2: refused' })] }) },
      'condor is partial: 2: refused',
    ],
    [
      'a strategy has no lines and no reason',
      { status: status({ strategies: [shown({ state: 'degraded', reason: '' })] }) },
      'condor is degraded',
    ],
    [
      'a leg has no line',
      { status: status({ rows: [line(1), line(2, { state: 'sent' })] }) },
      'wanted and not confirmed: 2',
    ],
    [
      'a line streams for nobody',
      { status: status({ rows: [line(1), line(2), line(3)] }) },
      'confirmed and not wanted: 3',
    ],
    [
      'the gateway has no such line',
      { lines: { ...quiet.lines, byConId: new Map([[1, 1]]) } },
      "not one line by the gateway's count: 2 (0)",
    ],
    [
      'the gateway counts a line twice',
      {
        lines: {
          ...quiet.lines,
          byConId: new Map([
            [1, 1],
            [2, 2],
          ]),
        },
      },
      "not one line by the gateway's count: 2 (2)",
    ],
    [
      'a line is stale',
      { status: status({ rows: [line(1), line(2, { quality: 'stale' })] }) },
      'confirmed and silent: 2 stale',
    ],
    [
      'the bridge holds more than there is',
      { status: status({}, { sweeps: { ...base.sweeps, positions: 3 } }) },
      'the bridge has 3 positions, 2 are held',
    ],
    [
      'the table lacks a position',
      { table: new Map([['DU1234567 1', '1']]) },
      'differs in 1 positions: DU***67 2: nothing for -1',
    ],
    [
      'the table has another quantity',
      { table: new Map([...held, ['DU1234567 2', '5']]) },
      'DU***67 2: 5 for -1',
    ],
    [
      'the table holds what is gone',
      { table: new Map([...held, ['DU1234567 3', '5']]) },
      'DU***67 3: 5 for nothing',
    ],
  ])('complains where %s', (_, change, text) => {
    expect(complaintsOf({ ...quiet, ...change }).join('\n')).toContain(text);
  });

  it('never prints an account', () => {
    expect(complaintsOf({ ...quiet, table: new Map() }).join('\n')).not.toContain('DU1234567');
  });
});

describe('lines that are watched for a while', () => {
  const later = (rows: readonly LineStatus[]): Observation => ({
    ...quiet,
    status: status({ rows: [...rows] }),
  });

  it('have to bring ticks', () => {
    expect(silentLines(quiet, later([line(1, { ticks: 11 }), line(2)]))).toEqual([
      'confirmed, and no tick came: 2',
    ]);
    expect(silentLines(quiet, later([line(1, { ticks: 11 }), line(2, { ticks: 12 })]))).toEqual([]);
  });

  it('are not measured by another line of the same contract', () => {
    const newer = line(2, { since: '2026-11-20T14:31:00.000Z' });
    expect(silentLines(quiet, later([line(1, { ticks: 11 }), newer]))).toEqual([]);
  });
});

describe('lines that nobody wants', () => {
  const counting = (conIds: readonly number[], polled = 0): Observation => ({
    ...quiet,
    status: status({ snapshotsInFlight: polled }),
    lines: { ...quiet.lines, byConId: new Map(conIds.map((conId) => [conId, 1])) },
  });

  it('are none of those that come and go', () => {
    expect(strayLines(counting([1, 2, 3]), counting([1, 2, 4]))).toEqual([]);
  });

  it('are none of as many as are polled', () => {
    expect(strayLines(counting([1, 2, 3], 1), counting([1, 2, 3], 0))).toEqual([]);
  });

  it('are those that stay', () => {
    expect(strayLines(counting([1, 2, 3]), counting([1, 2, 3]))).toEqual([
      'the gateway keeps lines of 3, and the bridge polls 0 contracts',
    ]);
  });
});

describe('turns of positions', () => {
  const key = 'DU1234567 7';
  const row = { account: 'DU1234567', conId: 7, quantity: '1', averageCost: '1' };
  const turn = (reason: Turn['reason'], atMs: number): Turn => ({ key, reason, atMs, id: `home:1:${atMs}` });
  const truth = new Truth();
  truth.note(1000, [row]);
  truth.note(5000, []);
  truth.note(6000, [row]);

  it('are true where the position was gone within the cycle that showed it', () => {
    const turns = [turn('opened', 1100), turn('closed', 6500), turn('opened', 6600)];
    expect(falseTurns(turns, truth, 1000)).toEqual([]);
  });

  it('are false where a close is recorded of what was held', () => {
    const [complaint] = falseTurns([turn('closed', 3000)], truth, 1000);
    expect(complaint).toContain('home:1:3000 closed DU***67 7');
  });

  it('are false where a close comes long after the position was back', () => {
    expect(falseTurns([turn('closed', 7001)], truth, 1000)).toHaveLength(1);
  });

  it('are false where it is opened more often than it was', () => {
    const turns = [turn('opened', 1100), turn('opened', 6600), turn('opened', 7000)];
    expect(falseTurns(turns, truth, 1000)).toEqual([expect.stringContaining('opened 3 times, truly 2')]);
  });
});
