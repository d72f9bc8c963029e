import { describe, expect, it } from 'vitest';
import {
  type Doubts,
  nextStep,
  noteHead,
  noteReplica,
  noteScan,
} from '../../../bridge/registry/anti-entropy.ts';
import { EMPTY_REPLICA, type Replica } from '../../../shared/replica.ts';

const PERIODS = {
  headPeriodMs: 60_000,
  lagMaxMs: 30_000,
  gapMaxMs: 2_000,
  scanAgeMaxMs: 86_400_000,
} as const;
const at = (contiguous: number, ...ahead: number[]): Replica => ({
  ...EMPTY_REPLICA,
  contiguous,
  ahead: new Set(ahead),
});
const step = (doubts: Doubts, now: number) => nextStep(doubts, PERIODS, now);

describe('anti-entropy', () => {
  it('scans at the start, before anything else', () => {
    expect(step({}, 0)).toEqual({ do: 'scan', reason: 'boot' });
  });

  it('reads the head a period after the last look at the table', () => {
    const doubts = noteScan(1000);
    expect(step(doubts, 1000)).toEqual({ do: 'wait', ms: 60_000 });
    expect(step(doubts, 61_000)).toEqual({ do: 'read-head' });
    expect(step(noteHead(doubts, at(5), 5, 61_000), 61_000)).toEqual({ do: 'wait', ms: 60_000 });
  });

  it('scans when the replica stays behind the head for too long', () => {
    const doubts = noteHead(noteScan(0), at(5), 6, 60_000);
    expect(step(doubts, 60_000)).toEqual({ do: 'wait', ms: 30_000 });
    expect(step(noteReplica(doubts, at(5), 90_000), 90_000)).toEqual({ do: 'scan', reason: 'lag' });
    expect(step(noteReplica(doubts, at(6), 90_000), 90_000)).toEqual({ do: 'wait', ms: 30_000 });
  });

  it('counts the lag from when it began, also when the head moves on meanwhile', () => {
    const behind = noteHead(noteScan(0), at(5), 6, 60_000);
    const further = noteHead(behind, at(5), 9, 80_000);
    expect(step(further, 90_000)).toEqual({ do: 'scan', reason: 'lag' });
  });

  it('scans when a version is missing for longer than the stream can be out of order', () => {
    const doubts = noteReplica(noteScan(0), at(5, 7), 1000);
    expect(step(doubts, 1000)).toEqual({ do: 'wait', ms: 2000 });
    expect(step(noteReplica(doubts, at(5, 7, 8), 3000), 3000)).toEqual({ do: 'scan', reason: 'gap' });
  });

  it('gives each gap its own time, and forgets one that was filled', () => {
    const first = noteReplica(noteScan(0), at(5, 7), 1000);
    const second = noteReplica(first, at(8, 10), 2500);
    expect(step(second, 3000)).toEqual({ do: 'wait', ms: 1500 });
    expect(step(noteReplica(second, at(10), 9000), 9000)).toEqual({ do: 'wait', ms: 51_000 });
  });

  it('scans at once when the table is behind the replica: it was put back from a backup', () => {
    expect(step(noteHead(noteScan(0), at(5), 3, 60_000), 60_000)).toEqual({ do: 'scan', reason: 'restored' });
  });

  it('scans once a day in any case', () => {
    const doubts = { ...noteScan(0), headReadAt: 86_399_000 };
    expect(step(doubts, 86_399_000)).toEqual({ do: 'wait', ms: 1000 });
    expect(step(doubts, 86_400_000)).toEqual({ do: 'scan', reason: 'age' });
  });
});
