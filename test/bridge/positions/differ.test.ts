import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommittedPosition, PositionCommit } from '../../../bridge/outbox/draft.ts';
import {
  type Diff,
  type DiffOptions,
  diffPush,
  diffSweep,
  type PositionRow,
  type PositionState,
  positionKey,
  restoreState,
} from '../../../bridge/positions/differ.ts';
import { isZero } from '../../../shared/decimal.ts';
import { ACCOUNT, contract, OPTIONS, OTHER, row, START, sweep, testimonies } from './rows.ts';

const EMPTY: PositionState = { positions: new Map(), lists: new Map(), guards: new Map(), doubts: new Map() };
const MINUTE = 60;
const START_AT = new Date(START).toISOString();

/** Past its first keyframe, so that reasons other than keyframe show. */
function held(...rows: readonly PositionRow[]): PositionState {
  return diffSweep(EMPTY, sweep(0, rows), OPTIONS).next;
}

/** The accounts' own windows showed these rows, so many seconds after the start. */
function asked(seconds: number, ...rows: readonly PositionRow[]): DiffOptions {
  return { ...OPTIONS, testimonies: testimonies(seconds, rows) };
}

function reasons(diff: Diff): string[] {
  return diff.changes.map(
    ({ reason, position }) => `${position.contract.conId} ${reason} ${position.quantity}`,
  );
}

describe('comparing a sweep with the committed positions', () => {
  it('opens what is new, changes what differs, and is silent about the rest', () => {
    const diff = diffSweep(held(row(1), row(2)), sweep(30, [row(1), row(2, '-2'), row(3)]), OPTIONS);
    expect(reasons(diff)).toEqual(['2 changed -2', '3 opened -3']);
    expect(diff.commit.upserts.map((each) => each.contract.conId)).toEqual([2, 3]);
    expect(diff.commit.sweep).toEqual({
      sweepId: 'sweep-30',
      completedAt: '2026-11-20T14:30:30.000Z',
      keyframe: false,
    });
  });

  it('sees a changed cost and a changed contract as changes', () => {
    const state = held(row(1), row(2));
    const diff = diffSweep(
      state,
      sweep(30, [
        row(1, '-3', { averageCost: '7' }),
        row(2, '-3', { contract: contract(2, { strike: '250' }) }),
      ]),
      OPTIONS,
    );
    expect(reasons(diff)).toEqual(['1 changed -3', '2 changed -3']);
  });

  it('closes at once on a zero row, with a tombstone of quantity 0', () => {
    const diff = diffSweep(
      held(row(1), row(2)),
      sweep(30, [row(1, '0', { averageCost: '0' }), row(2)]),
      OPTIONS,
    );
    expect(reasons(diff)).toEqual(['1 closed 0']);
    expect(diff.commit.removals).toEqual([{ account: ACCOUNT, conId: 1 }]);
  });

  it('closes what two complete sweeps in a row lack and the account’s holdings do too, with the cost that it had', () => {
    const first = diffSweep(held(row(1), row(2)), sweep(30, [row(2)]), OPTIONS);
    expect(reasons(first)).toEqual([]);
    expect(first.commit.upserts).toEqual([expect.objectContaining({ missedSweeps: 1 })]);
    const second = diffSweep(first.next, sweep(60, [row(2)]), OPTIONS);
    expect(reasons(second)).toEqual([]);
    const third = diffSweep(second.next, sweep(90, [row(2)]), asked(61, row(2)));
    expect(reasons(third)).toEqual(['1 closed 0']);
    expect(third.changes[0]?.position.averageCost).toBe('2100.6321');
    expect([...third.next.positions.keys()]).toEqual([positionKey(ACCOUNT, 2)]);
    expect(third.next.doubts.size).toBe(0);
  });

  describe('that lacks a contract for the third time', () => {
    const doubted = (...rows: readonly PositionRow[]) => {
      const first = diffSweep(held(row(1), row(2)), sweep(30, [row(2)]), OPTIONS);
      return diffSweep(first.next, sweep(60, [row(2)]), asked(59, ...rows)).next;
    };
    const witnessOf = (diff: Diff) => diff.next.doubts.get(positionKey(ACCOUNT, 1))?.witness;

    it.each([
      ['says nothing', OPTIONS],
      ['spoke before the list had lacked it twice', asked(59, row(2))],
      ['does not see the other contracts of that type either', asked(61)],
    ])('does not close it when the witness %s', (_, options) => {
      const diff = diffSweep(doubted(), sweep(90, [row(2)]), options);
      expect(reasons(diff)).toEqual([]);
      expect(witnessOf(diff)).toBe('silent');
      expect(diff.commit.upserts).toEqual([]);
    });

    it('does not close it when the witness shows it', () => {
      const diff = diffSweep(doubted(), sweep(90, [row(2)]), asked(61, row(1), row(2)));
      expect(reasons(diff)).toEqual([]);
      expect(witnessOf(diff)).toBe('contradicts');
    });

    it('closes it when the witness shows it at zero, or lacks only contracts of other types', () => {
      const sweptRows = [row(2), row(3, '1', { contract: contract(3, { secType: 'CASH' }) })];
      const diff = diffSweep(doubted(), sweep(90, sweptRows), asked(61, row(1, '0'), row(2)));
      expect(reasons(diff)).toEqual(['3 opened 1', '1 closed 0']);
    });

    it('closes it on an answer that came later, however often it was missed', () => {
      let state = doubted();
      for (let seconds = 90; seconds < 600; seconds += 30) {
        state = diffSweep(state, sweep(seconds, [row(2)]), OPTIONS).next;
      }
      expect(reasons(diffSweep(state, sweep(600, [row(2)]), asked(590, row(2))))).toEqual(['1 closed 0']);
    });

    it('forgets the doubt when it is back, and begins anew', () => {
      const back = diffSweep(doubted(), sweep(90, [row(1), row(2)]), OPTIONS);
      expect(back.next.doubts.size).toBe(0);
      const first = diffSweep(back.next, sweep(120, [row(2)]), asked(61, row(2)));
      const second = diffSweep(first.next, sweep(150, [row(2)]), asked(61, row(2)));
      expect(reasons(diffSweep(second.next, sweep(180, [row(2)]), asked(61, row(2))))).toEqual([]);
      expect(reasons(diffSweep(second.next, sweep(180, [row(2)]), asked(151, row(2))))).toEqual([
        '1 closed 0',
      ]);
    });
  });

  it('closes a leg past its last trade date without a witness', () => {
    const expired = row(1, '-3', { contract: contract(1, { lastTradeDate: '20261119' }) });
    const first = diffSweep(held(expired, row(2)), sweep(30, [row(2)]), OPTIONS);
    expect(reasons(diffSweep(first.next, sweep(60, [row(2)]), OPTIONS))).toEqual(['1 closed 0']);
  });

  describe('where models hold the same contract', () => {
    const both = [row(1, '-3'), row(1, '5', { modelCode: 'GROWTH' }), row(2, '1', { modelCode: 'GROWTH' })];
    const lacking = [row(1, '-3'), row(2, '1', { modelCode: 'GROWTH' })];

    it('takes them as positions of their own', () => {
      const diff = diffSweep(held(...both), sweep(30, [...both.slice(1), row(1, '-2')]), OPTIONS);
      expect(diff.changes).toMatchObject([{ reason: 'changed', position: { quantity: '-2' } }]);
      expect(diff.changes[0]?.position).not.toHaveProperty('modelCode');
      const zero = diffPush(held(...both), row(1, '0', { modelCode: 'GROWTH' }), OPTIONS);
      expect(zero.changes).toMatchObject([{ reason: 'closed', position: { modelCode: 'GROWTH' } }]);
      expect(zero.commit.removals).toEqual([{ account: ACCOUNT, modelCode: 'GROWTH', conId: 1 }]);
      expect(zero.next.positions.size).toBe(2);
    });

    it('measures what is left of a contract by the witness, who knows no models', () => {
      const first = diffSweep(held(...both), sweep(30, lacking), OPTIONS);
      const { next } = diffSweep(first.next, sweep(60, lacking), OPTIONS);
      const still = diffSweep(next, sweep(90, lacking), asked(61, row(1, '2'), row(2, '1')));
      expect(reasons(still)).toEqual([]);
      const gone = diffSweep(next, sweep(90, lacking), asked(61, row(1, '-3'), row(2, '1')));
      expect(gone.changes).toMatchObject([{ reason: 'closed', position: { modelCode: 'GROWTH' } }]);
    });
  });

  it('starts counting anew when a position shows up in between', () => {
    const away = diffSweep(held(row(1), row(2)), sweep(30, [row(2)]), OPTIONS);
    const back = diffSweep(away.next, sweep(60, [row(1), row(2)]), OPTIONS);
    expect(reasons(back)).toEqual([]);
    expect(reasons(diffSweep(back.next, sweep(90, [row(2)]), OPTIONS))).toEqual([]);
  });

  it('sees after a restart what vanished while the bridge was down', () => {
    const before = held(row(1), row(2));
    const restored = restoreState({ positions: [...before.positions.values()] });
    const first = diffSweep(restored, sweep(600, [row(2)]), OPTIONS);
    const second = diffSweep(first.next, sweep(630, [row(2)]), OPTIONS);
    expect(reasons(diffSweep(second.next, sweep(660, [row(2)]), asked(631, row(2))))).toEqual(['1 closed 0']);
    const again = restoreState({ positions: [...second.next.positions.values()], lastKeyframeAt: START_AT });
    const third = diffSweep(again, sweep(660, [row(2)]), asked(631, row(2)));
    expect(reasons(third)).toEqual([]);
    expect(reasons(diffSweep(third.next, sweep(690, [row(2)]), asked(661, row(2))))).toEqual(['1 closed 0']);
  });

  it('doubts anew what was doubted before its account went elsewhere: what was said meanwhile does not count', () => {
    const theirs = [1, 2].map((conId) => row(conId, '5', { account: OTHER }));
    const [, kept = row(2)] = theirs;
    let state = held(...theirs);
    for (const seconds of [30, 60]) state = diffSweep(state, sweep(seconds, [kept]), OPTIONS).next;
    expect(state.doubts.size).toBe(1);
    const elsewhere = { ...OPTIONS, accounts: new Set([ACCOUNT]) };
    state = diffSweep(state, sweep(90, theirs), elsewhere).next;
    const back = diffSweep(state, sweep(120, [kept]), asked(91, kept));
    expect(reasons(back)).toEqual([]);
    expect(reasons(diffSweep(back.next, sweep(150, [kept]), asked(121, kept)))).toEqual(['1 closed 0']);
  });

  it('leaves models that cancel each other out to zero rows: their going is nothing that a witness sees', () => {
    const pair = [row(1, '-3'), row(1, '3', { modelCode: 'GROWTH' }), row(2)];
    let state = held(...pair);
    for (const seconds of [30, 60, 90, 120]) {
      const diff = diffSweep(state, sweep(seconds, [row(2)]), asked(seconds - 1, row(2)));
      expect(reasons(diff)).toEqual([]);
      state = diff.next;
    }
    expect(reasons(diffPush(state, row(1, '0'), OPTIONS))).toEqual(['1 closed 0']);
  });

  it('makes a keyframe of every position seen, first and then each 15 minutes', () => {
    const first = diffSweep(EMPTY, sweep(0, [row(1)]), OPTIONS);
    expect(reasons(first)).toEqual(['1 opened -3']);
    expect(first.commit.sweep?.keyframe).toBe(true);
    const early = diffSweep(first.next, sweep(14 * MINUTE, [row(1)]), OPTIONS);
    expect(reasons(early)).toEqual([]);
    const due = diffSweep(early.next, sweep(15 * MINUTE, [row(1), row(2)]), OPTIONS);
    expect(reasons(due)).toEqual(['1 keyframe -3', '2 opened -3']);
    expect(due.next.lastKeyframeAt).toBe('2026-11-20T14:45:00.000Z');
  });

  it('makes a keyframe when the clock was set back, instead of waiting for the old time', () => {
    expect(reasons(diffSweep(held(row(1)), sweep(-3600, [row(1)]), OPTIONS))).toEqual(['1 keyframe -3']);
  });

  it('does not touch positions of an account that is not swept', () => {
    const state = held(row(1), row(2, '5', { account: OTHER }));
    const options: DiffOptions = { ...OPTIONS, accounts: new Set([ACCOUNT]) };
    const stranger = row(3, '1', { account: OTHER });
    const first = diffSweep(state, sweep(30, [row(1), stranger]), options);
    const second = diffSweep(first.next, sweep(60, [row(1), stranger]), options);
    expect([...first.changes, ...second.changes]).toEqual([]);
    expect(second.next.positions).toEqual(state.positions);
  });

  it('does not touch positions of an account whose list did not end, nor its doubts', () => {
    const theirs = [1, 2, 3].map((conId) => row(conId, '5', { account: OTHER }));
    const partly = (seconds: number) => ({ ...sweep(seconds, [row(1)]), accounts: new Set([ACCOUNT]) });
    const state = held(row(1), ...theirs);
    const whole = diffSweep(state, sweep(30, [row(1), ...theirs.slice(1)]), OPTIONS);
    const doubted = diffSweep(whole.next, sweep(60, [row(1), ...theirs.slice(1)]), OPTIONS).next;
    const guarded = diffSweep(state, sweep(30, [row(1)]), OPTIONS).next;
    for (const before of [state, doubted, guarded]) {
      const diff = diffSweep(before, partly(90), asked(89, row(1)));
      const lists = new Map([
        ...before.lists,
        [ACCOUNT, { sweepId: 'sweep-90', completedAt: partly(90).completedAt }],
      ]);
      expect(diff.changes).toEqual([]);
      expect(diff.next).toEqual({ ...before, lists });
    }
    expect(doubted.doubts.size).toBe(1);
    expect(guarded.guards.size).toBe(1);
  });

  it('does not touch positions of a type that is not recorded any more', () => {
    const state = held(row(1), row(2, '5', { contract: contract(2, { secType: 'STK' }) }));
    const options: DiffOptions = { ...OPTIONS, secTypes: new Set(['OPT']) };
    const first = diffSweep(state, sweep(30, [row(1)]), options);
    expect(reasons(diffSweep(first.next, sweep(60, [row(1)]), options))).toEqual([]);
  });

  it('ignores a zero row of what is not held', () => {
    expect(reasons(diffSweep(held(row(1)), sweep(30, [row(1), row(9, '0')]), OPTIONS))).toEqual([]);
  });
});

describe('applying a push', () => {
  it('opens, changes and closes at once, under no sweep', () => {
    const state = held(row(1), row(2));
    expect(reasons(diffPush(state, row(1, '-1'), OPTIONS))).toEqual(['1 changed -1']);
    expect(reasons(diffPush(state, row(3), OPTIONS))).toEqual(['3 opened -3']);
    const closed = diffPush(state, row(1, '0'), OPTIONS);
    expect(closed.changes).toEqual([
      {
        reason: 'closed',
        position: { account: ACCOUNT, contract: contract(1), quantity: '0', averageCost: '2100.6321' },
        observedAt: '2026-11-20T14:30:00.000Z',
      },
    ]);
    expect(closed.commit).not.toHaveProperty('sweep');
  });

  it('changes nothing when it repeats what is known', () => {
    const diff = diffPush(held(row(1)), row(1), OPTIONS);
    expect(diff.commit).toEqual({ upserts: [], removals: [] });
  });
});

const rowsOf = fc.uniqueArray(
  fc.record({
    account: fc.constantFrom(ACCOUNT, OTHER),
    conId: fc.integer({ min: 1, max: 6 }),
    quantity: fc.constantFrom('-2', '-1', '0', '1', '0.5'),
  }),
  { selector: ({ account, conId }) => positionKey(account, conId), maxLength: 12 },
);
const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('sweep' as const), rows: rowsOf }),
    fc.record({ type: fc.constant('push' as const), rows: rowsOf }),
  ),
  { maxLength: 12 },
);

/** What the outbox does with a commit. */
function applyCommit(positions: Map<string, CommittedPosition>, commit: PositionCommit): void {
  for (const position of commit.upserts) {
    positions.set(positionKey(position.account, position.contract.conId), position);
  }
  for (const { account, conId } of commit.removals) positions.delete(positionKey(account, conId));
}

function run(
  sequence: readonly { type: 'sweep' | 'push'; rows: readonly PositionRow[] }[],
  options: DiffOptions,
  /** The accounts' own windows show what the last sweep did. */
  isWitnessed = false,
) {
  const disk = new Map<string, CommittedPosition>();
  let state = EMPTY;
  const diffs: { step: (typeof sequence)[number]; before: PositionState; diff: Diff }[] = [];
  for (const [index, step] of sequence.entries()) {
    const pieces =
      step.type === 'sweep' ? [step] : step.rows.map((each) => ({ type: step.type, rows: [each] }) as const);
    for (const piece of pieces) {
      const [only] = piece.rows;
      const before = state;
      let diff: Diff;
      if (piece.type === 'sweep') {
        const shown = isWitnessed ? testimonies(index * 30 - 1, piece.rows) : options.testimonies;
        diff = diffSweep(state, sweep(index * 30, piece.rows), { ...options, testimonies: shown });
      } else if (only) diff = diffPush(state, only, options);
      else continue;
      applyCommit(disk, diff.commit);
      state = diff.next;
      diffs.push({ step: piece, before, diff });
    }
  }
  return { disk, state, diffs };
}

const sequences = steps.map((all) =>
  all.map(({ type, rows }) => ({
    type,
    rows: rows.map(({ account, conId, quantity }) => row(conId, quantity, { account, at: START })),
  })),
);

describe('any sequence of sweeps and pushes', () => {
  it('leaves on disk exactly the state in memory', () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const { disk, state } = run(sequence, OPTIONS);
        expect(disk).toEqual(state.positions);
      }),
    );
  });

  it('reproduces the last sweep once it has been seen three times, witnessed, and no guard waits', () => {
    fc.assert(
      fc.property(sequences, rowsOf, (sequence, final) => {
        const rows = final.map(({ account, conId, quantity }) => row(conId, quantity, { account }));
        const last = { type: 'sweep' as const, rows };
        const options = { ...OPTIONS, vanish: { ...OPTIONS.vanish, agreeMs: 0 } };
        const { disk } = run([...sequence, last, last, last], options, true);
        const quantities = (
          all: readonly { account: string; quantity: string; contract: { conId: number } }[],
        ) => all.map((each) => `${each.account} ${each.contract.conId} ${each.quantity}`).sort();
        expect(quantities([...disk.values()])).toEqual(
          quantities(rows.filter((each) => !isZero(each.quantity))),
        );
      }),
    );
  });

  it('closes nothing without a zero row or three sweeps that lack it', () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const missed = new Map<string, number>();
        for (const { step, diff } of run(sequence, OPTIONS, true).diffs) {
          const keys = new Set(step.rows.map((each) => positionKey(each.account, each.contract.conId)));
          for (const key of keys) missed.delete(key);
          if (step.type === 'sweep') {
            for (const key of [
              ...diff.next.positions.keys(),
              ...diff.commit.removals.map((each) => positionKey(each.account, each.conId)),
            ]) {
              if (!keys.has(key)) missed.set(key, (missed.get(key) ?? 0) + 1);
            }
          }
          for (const { account, conId } of diff.commit.removals) {
            const key = positionKey(account, conId);
            const zero = step.rows.some(
              (each) => positionKey(each.account, each.contract.conId) === key && isZero(each.quantity),
            );
            expect(zero || (missed.get(key) ?? 0) >= 3).toBe(true);
            missed.delete(key);
          }
        }
      }),
    );
  });

  it('has one tombstone for each removal and one upsert for each opening', () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        for (const { before, diff } of run(sequence, OPTIONS).diffs) {
          const of = (reason: string) =>
            diff.changes
              .filter((change) => change.reason === reason)
              .map(({ position }) => positionKey(position.account, position.contract.conId))
              .sort();
          expect(of('closed')).toEqual(
            diff.commit.removals.map((each) => positionKey(each.account, each.conId)).sort(),
          );
          expect(of('opened')).toEqual(
            [...diff.next.positions.keys()].filter((key) => !before.positions.has(key)).sort(),
          );
        }
      }),
    );
  });
});
