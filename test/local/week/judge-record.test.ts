import { describe, expect, it } from 'vitest';
import type { WeekRecord } from '../../../local/week/audit.ts';
import { type Closing, closingComplaints } from '../../../local/week/judge-record.ts';
import { Truth } from '../../../local/week/truth.ts';

const truth = new Truth();
truth.note(1000, [{ account: 'DU1234567', conId: 7, quantity: '1', averageCost: '1' }]);
const held = new Map([['DU1234567 7', '1']]);

const record: WeekRecord = {
  reconciliation: {
    produced: 10,
    stored: 9,
    deadLettered: 0,
    dropped: 1,
    inFlight: 0,
    lost: 0,
    missingIds: [],
    strangers: 0,
  },
  duplicateRows: 0,
  conflicts: 0,
  queued: 0,
  denied: [],
  verify: { exitCode: 0, text: 'balanced' },
  turns: [{ key: 'DU1234567 7', reason: 'opened', atMs: 1100, id: 'home:1:1' }],
  lastOfLake: held,
  table: held,
};
const life = { startedMs: 1000, pid: 42 };
const week: Closing = {
  relations: [{ text: 'one before the other', holds: true }],
  phases: [{ name: 'Monday', quietMs: 5, complaints: [], degraded: [], memoryMb: 100 }],
  deeds: [{ name: 'kill -9', planned: 1, exercised: 1, unmet: [] }],
  end: { code: 0, signal: null },
  isDrained: true,
  lives: [
    { ...life, isKilled: true, end: { code: null, signal: 'SIGKILL' } },
    { ...life, mayFail: true, end: { code: 1, signal: null } },
    life,
  ],
  log: [
    { atMs: 1, level: 50, event: 'positions-commit-failed', text: 'the disk is full, nothing was written' },
    { atMs: 2, level: 40, event: 'gateway-fault', text: 'refused' },
  ],
  record,
  truth,
  slackMs: 1000,
};
const recorded = (change: Partial<WeekRecord>): Partial<Closing> => ({ record: { ...record, ...change } });
const reconciled = (change: Partial<WeekRecord['reconciliation']>): Partial<Closing> =>
  recorded({ reconciliation: { ...record.reconciliation, ...change } });

describe('the end of a week', () => {
  it('holds where everything is stored, or declared, and everything planned reached somebody', () => {
    expect(closingComplaints(week)).toEqual({ complaints: [], falseTurns: 0 });
  });

  it.each<readonly [string, Partial<Closing>, string]>([
    ['a relation is broken', { relations: [{ text: 'one before', holds: false }] }, 'profile: one before'],
    [
      'a quiet point never came',
      { phases: [{ name: 'Monday', quietMs: null, complaints: ['stale'], degraded: [], memoryMb: 1 }] },
      'Monday: stale',
    ],
    [
      'a planned fault reached nobody',
      { deeds: [{ name: 'kill -9', planned: 2, exercised: 1, unmet: ['no bridge'] }] },
      'planned and not exercised: kill -9: no bridge',
    ],
    ['the bridge had to be killed', { end: { code: null, signal: 'SIGKILL' } }, 'in order: SIGKILL'],
    ['there was no bridge at the end', { end: undefined }, 'in order: it did not run'],
    ['the queue stayed', { isDrained: false }, 'did not become empty'],
    [
      'a bridge ended by itself',
      { lives: [{ ...life, end: { code: 1, signal: null } }, life] },
      'ended by itself: exit code 1',
    ],
    [
      'a bridge that may fail crashed',
      { lives: [{ ...life, mayFail: true, end: { code: 7, signal: null } }, life] },
      'ended by itself: exit code 7',
    ],
    [
      'the log has an error',
      { log: [{ atMs: 1, level: 50, event: 'handler-failed', text: 'it threw' }] },
      "error in the bridge's log: it threw",
    ],
    ['nothing was recorded', reconciled({ produced: 0, stored: 0, dropped: 0 }), 'nothing was recorded'],
    [
      'a number is nowhere',
      reconciled({ lost: 1, missingIds: ['home:1:3'] }),
      'nowhere, for example home:1:3',
    ],
    ['a number is on its way', reconciled({ inFlight: 1, missingIds: ['home:1:3'] }), 'not stored yet'],
    ['a snapshot is dead', reconciled({ deadLettered: 1 }), 'dead letters'],
    ['a snapshot has no outbox', reconciled({ strangers: 2 }), '2 snapshots of an outbox'],
    ['a message is left', recorded({ queued: 3 }), '3 messages are left'],
    ['a reader sees a row twice', recorded({ duplicateRows: 1 }), 'sees twice'],
    ['an id has two bodies', recorded({ conflicts: 1 }), 'two bodies'],
    ['a permission is missing', recorded({ denied: ['drain may not write'] }), 'call was refused: drain'],
    [
      'verify does not balance',
      recorded({ verify: { exitCode: 3, text: 'undecided' } }),
      'exit code 3: undecided',
    ],
    ['the table differs', recorded({ table: new Map() }), 'the positions table differs'],
    ['the lake differs', recorded({ lastOfLake: new Map() }), 'the lake differs'],
    [
      'a position was closed falsely',
      recorded({ turns: [{ key: 'DU1234567 7', reason: 'closed', atMs: 3000, id: 'home:1:2' }] }),
      'home:1:2 closed',
    ],
  ])('does not hold where %s', (_, change, text) => {
    const { complaints } = closingComplaints({ ...week, ...change });
    expect(complaints.join('\n')).toContain(text);
    expect(complaints).toHaveLength(1);
  });
});
