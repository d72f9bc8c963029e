import { describe, expect, it } from 'vitest';
import {
  diffPush,
  diffSweep,
  type HeldPosition,
  type PositionState,
} from '../../../bridge/positions/differ.ts';
import { diffMending } from '../../../bridge/positions/mend.ts';
import { EMPTY } from '../reconciler/table-model.ts';
import { ACCOUNT, contract, OPTIONS, OTHER, row, sweep, testimonies } from './rows.ts';

const NOTHING = { resend: new Map<string, string>(), claims: [] };

function claim(conId: number, fields: Partial<HeldPosition> = {}): HeldPosition {
  return { account: ACCOUNT, contract: contract(conId), quantity: '7', averageCost: '1', ...fields };
}

const swept = diffSweep(EMPTY, sweep(0, [row(1), row(2), row(3)]), OPTIONS).next;
const keys = [...swept.positions.keys()];
const resendAll = { ...NOTHING, resend: new Map(keys.map((key) => [key, '-3'])) };
const conIdsOf = ({ changes }: ReturnType<typeof diffMending>) =>
  changes.map(({ position }) => position.contract.conId);

describe('sending again', () => {
  it('says what the last complete list said, when it did', () => {
    const state = diffSweep(swept, sweep(30, [row(1), row(2), row(3)]), OPTIONS).next;
    const { changes, commit, next } = diffMending(state, resendAll, OPTIONS);
    expect(changes).toHaveLength(3);
    expect(changes[0]).toEqual({
      reason: 'keyframe',
      position: { account: ACCOUNT, contract: contract(1), quantity: '-3', averageCost: '2100.6321' },
      sweepId: 'sweep-30',
      observedAt: '2026-11-20T14:30:30.000Z',
    });
    expect(commit).toEqual({ upserts: [], removals: [] });
    expect(next.positions).toEqual(state.positions);
  });

  it('leaves out what has changed or closed since, what the list lacks, and what is not ours or not recorded', () => {
    const closed = diffPush(swept, row(1, '0'), OPTIONS).next;
    const changed = diffPush(closed, row(2, '-9'), OPTIONS).next;
    expect(conIdsOf(diffMending(changed, resendAll, OPTIONS))).toEqual([3]);
    const missed = diffSweep(swept, sweep(30, [row(1), row(2)]), OPTIONS).next;
    expect(conIdsOf(diffMending(missed, resendAll, OPTIONS))).toEqual([1, 2]);
    expect(conIdsOf(diffMending(swept, resendAll, { accounts: new Set([OTHER]) }))).toEqual([]);
    const options = { ...OPTIONS, secTypes: new Set(['STK']) };
    expect(conIdsOf(diffMending(swept, resendAll, options))).toEqual([]);
  });

  it('says nothing before a list of this run was complete', () => {
    expect(conIdsOf(diffMending({ ...swept, lists: new Map() }, resendAll, OPTIONS))).toEqual([]);
  });
});

describe('a claim of the table', () => {
  const claimed = diffMending(swept, { ...NOTHING, claims: [claim(9)] }, OPTIONS);
  const listed = [row(1), row(2), row(3)];
  const sweeps = (state: PositionState, ...all: (readonly [seconds: number, options?: object])[]) => {
    const reasons: string[] = [];
    for (const [seconds, options] of all) {
      const diff = diffSweep(state, sweep(seconds, listed), { ...OPTIONS, ...options });
      reasons.push(...diff.changes.map(({ reason, position }) => `${position.contract.conId} ${reason}`));
      state = diff.next;
    }
    return reasons;
  };

  it('is kept on disk and sends nothing', () => {
    expect(claimed.changes).toEqual([]);
    expect(claimed.commit.upserts).toEqual([{ ...claim(9), missedSweeps: 1, claimed: true }]);
  });

  it('is closed by the rules of an absence: another list without it, and the account’s own word after that', () => {
    const agreed = { testimonies: testimonies(31, listed) };
    expect(sweeps(claimed.next, [30], [60, agreed])).toEqual(['9 closed']);
    const askedBefore = { testimonies: testimonies(29, listed) };
    expect(sweeps(claimed.next, [30, askedBefore], [60, askedBefore], [800])).toEqual([]);
    const contradicted = { testimonies: testimonies(31, [...listed, row(9)]) };
    expect(sweeps(claimed.next, [30, contradicted], [60, contradicted], [90, contradicted])).toEqual([]);
  });

  it('is closed by a zero row', () => {
    const { changes } = diffPush(claimed.next, row(9, '0'), OPTIONS);
    expect(changes).toMatchObject([{ reason: 'closed', position: { quantity: '0' } }]);
  });

  it('is an opened position, and no claim any more, once the gateway lists it', () => {
    const { changes, next } = diffSweep(claimed.next, sweep(30, [...listed, row(9, '7')]), OPTIONS);
    expect(changes).toMatchObject([{ reason: 'opened', position: { quantity: '7' } }]);
    expect([...next.positions.values()].some((position) => position.claimed)).toBe(false);
  });

  it('is taken neither for what is held nor for an account or type that is not ours', () => {
    const claims = [
      claim(1),
      claim(8, { account: OTHER }),
      claim(9, { contract: contract(9, { secType: 'STK' }) }),
    ];
    const options = { accounts: new Set([ACCOUNT]), secTypes: new Set(['OPT']) };
    expect(diffMending(swept, { ...NOTHING, claims }, options).commit.upserts).toEqual([]);
  });
});
