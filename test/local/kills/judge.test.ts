import { describe, expect, it } from 'vitest';
import { complaintsOf, type Killed } from '../../../local/kills/judge.ts';
import type { KillsRecord } from '../../../local/kills/record.ts';

const KILLED: Killed = { bridge: 3, drainInWork: 5, drainIdle: 0 };

/** 100 produced, two of them declared and one dead. */
const RECORD: KillsRecord = {
  reconciliation: {
    produced: 100,
    stored: 97,
    deadLettered: 1,
    dropped: 2,
    inFlight: 0,
    lost: 0,
    missingIds: [],
    strangers: 0,
  },
  rawDuplicates: 50,
  conflicts: 0,
  verify: { exitCode: 0, text: 'balanced' },
  view: { rows: 97, ids: 97 },
  table: new Map([['DU1234567 1', '5']]),
  held: new Map([['DU1234567 1', '5']]),
  denied: [],
};

function complaints(
  of: {
    readonly record?: Partial<Omit<KillsRecord, 'reconciliation'>>;
    readonly reconciliation?: Partial<KillsRecord['reconciliation']>;
    readonly killed?: Partial<Killed>;
    readonly snapshots?: number;
    readonly isDrained?: boolean;
  } = {},
): string[] {
  return complaintsOf({
    record: {
      ...RECORD,
      ...of.record,
      reconciliation: { ...RECORD.reconciliation, ...of.reconciliation },
    },
    killed: { ...KILLED, ...of.killed },
    snapshots: of.snapshots ?? 100,
    isDrained: of.isDrained ?? true,
  });
}

describe('a run with kills', () => {
  it('holds where everything is there once, whatever was written twice on the way', () => {
    expect(complaints()).toEqual([]);
  });

  it.each([
    ['no bridge was killed', { killed: { bridge: 0 } }],
    ['no drain was killed in the middle', { killed: { drainInWork: 0, drainIdle: 7 } }],
    ['100 snapshots were produced, 101 were asked for', { snapshots: 101 }],
    ['the queue did not become empty', { isDrained: false }],
    ['slotwise verify: lost (exit code 1)', { record: { verify: { exitCode: 1, text: 'lost' } } }],
    ['slotwise verify: undecided (exit code 3)', { record: { verify: { exitCode: 3, text: 'undecided' } } }],
    ['1 lost, 0 under way: home:e:7', { reconciliation: { lost: 1, missingIds: ['home:e:7'] } }],
    ['0 lost, 2 under way', { reconciliation: { inFlight: 2 } }],
    ['1 ids that no outbox gave out', { reconciliation: { strangers: 1 } }],
    ['97 ids are stored, a reader sees 96 rows', { record: { view: { rows: 96, ids: 96 } } }],
    ['a reader sees 97 rows of 96 ids', { record: { view: { rows: 97, ids: 96 } } }],
    ['100 produced less 0 declared and 1 dead are 99', { reconciliation: { dropped: 0 } }],
    ['2 ids with two bodies', { record: { conflicts: 2 } }],
    ['drain may not s3:GetObject', { record: { denied: ['drain may not s3:GetObject on lake'] } }],
    ['the positions table differs in 1 positions', { record: { table: new Map() } }],
  ])('does not hold: %s', (text, of) => {
    expect(complaints(of).join('\n')).toContain(text);
  });
});
