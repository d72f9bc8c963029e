import { describe, expect, it } from 'vitest';
import { diffSweep, type PositionRow, type PositionState } from '../../../bridge/positions/differ.ts';
import { contract, OPTIONS, OTHER, row, sweep, testimonies } from './rows.ts';

const EMPTY: PositionState = { positions: new Map(), lists: new Map(), guards: new Map(), doubts: new Map() };

/**
 * Runs sweeps 30 s apart, and tells after how many seconds how many positions closed.
 * @param shown what the accounts' own windows show at each of them; the same as the list where left out
 */
function closings(
  rounds: readonly (readonly PositionRow[])[],
  shown: (round: number) => readonly PositionRow[] = (round) => rounds[round] ?? [],
): string[] {
  let state = EMPTY;
  const closed: string[] = [];
  for (const [index, rows] of rounds.entries()) {
    const options = { ...OPTIONS, testimonies: testimonies(index * 30 - 1, shown(index)) };
    const diff = diffSweep(state, sweep(index * 30, rows), options);
    const count = diff.changes.filter((change) => change.reason === 'closed').length;
    if (count > 0) closed.push(`${index * 30} s: ${count}`);
    state = diff.next;
  }
  return closed;
}

const five = [1, 2, 3, 4, 5].map((conId) => row(conId));
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe('the guard against mass vanishing', () => {
  it('believes an empty list only when sweeps have agreed for ten minutes', () => {
    expect(closings([five, ...times(22, [])])).toEqual([]);
    expect(closings([five, ...times(23, [])])).toEqual(['690 s: 5']);
  });

  it('does not believe it at all while the account’s own window shows the positions', () => {
    expect(closings([five, ...times(40, [])], () => five)).toEqual([]);
    expect(closings([five, ...times(40, [])], (round) => (round < 30 ? five : []))).toEqual(['900 s: 5']);
  });

  it('does not believe a gateway that loads two fifths of an account, for however long', () => {
    const part = five.slice(0, 2);
    expect(closings([five, ...times(100, part), five], () => five)).toEqual([]);
  });

  it('leaves a list that lacks fewer to the witness alone', () => {
    const part = five.slice(0, 3);
    expect(closings([five, ...times(100, part), five], () => five)).toEqual([]);
    expect(closings([five, part, part, part])).toEqual(['90 s: 2']);
  });

  it('closes nothing when a half-loaded gateway comes round', () => {
    expect(
      closings([five, [], [], five.slice(0, 1), five.slice(0, 2), five.slice(0, 4), five.slice(0, 4), five]),
    ).toEqual([]);
  });

  it('starts the ten minutes anew when the list changes', () => {
    const rounds = [five, ...times(19, []), five.slice(0, 1), ...times(19, [] as PositionRow[])];
    expect(closings(rounds)).toEqual([]);
  });

  it('leaves an ordinary day alone: half of the positions, or fewer than three', () => {
    const four = five.slice(0, 4);
    expect(closings([four, ...times(3, four.slice(2))])).toEqual(['90 s: 2']);
    const two = five.slice(0, 2);
    expect(closings([two, [], [], []])).toEqual(['90 s: 2']);
  });

  it('sets legs past their last trade date aside', () => {
    const expired = [11, 12, 13, 14].map((conId) =>
      row(conId, '-1', { contract: contract(conId, { lastTradeDate: '20261119' }) }),
    );
    expect(closings([[...five, ...expired], five, five])).toEqual(['60 s: 4']);
    const today = expired.map((each) => ({
      ...each,
      contract: { ...each.contract, lastTradeDate: '20261120' },
    }));
    expect(closings([[...five.slice(0, 2), ...today], five.slice(0, 2), five.slice(0, 2)])).toEqual([]);
  });

  it('judges each account by its own positions', () => {
    const theirs = five.map((each) => ({ ...each, account: OTHER }));
    expect(closings([[...five, ...theirs], ...times(3, five.slice(1))])).toEqual(['90 s: 1']);
  });

  it('believes a zero row at once, guard or not', () => {
    const zeros = five.map((each) => ({ ...each, quantity: '0' }));
    expect(closings([five, [], zeros])).toEqual(['60 s: 5']);
  });
});
