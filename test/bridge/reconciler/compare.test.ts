import { describe, expect, it } from 'vitest';
import type { CommittedPosition } from '../../../bridge/outbox/draft.ts';
import { HolderComparison, type TableRow } from '../../../bridge/reconciler/compare.ts';
import { dueOf, Findings, judge, type Suspects, standing } from '../../../bridge/reconciler/suspects.ts';
import { RECONCILE } from '../../../shared/limits.ts';
import { ACCOUNT, contract, row, START } from '../positions/rows.ts';
import { BRIDGE, EMPTY, EPOCH, tableRow } from './table-model.ts';

const at = (seconds: number) => new Date(START + seconds * 1000).toISOString();
const TERMS = {
  list: { sweepId: 'sweep-30', completedAt: at(30) },
  lastKeyframeAt: at(0),
  next: { bridge: BRIDGE, epoch: EPOCH, seq: 100 },
};

function held(conId: number, quantity = '-3', fields: Partial<CommittedPosition> = {}): CommittedPosition {
  const { at: _, ...position } = row(conId, quantity);
  return { ...position, missedSweeps: 0, ...fields };
}

function compare(positions: readonly CommittedPosition[], rows: readonly TableRow[], terms = {}): string[] {
  const comparison = new HolderComparison({ account: ACCOUNT }, positions, { ...TERMS, ...terms });
  const found = [...rows.flatMap((each) => comparison.see(each) ?? []), ...comparison.rest()];
  return found.map(({ conId, kind }) => `${conId} ${kind}`);
}

describe('the comparison of a partition', () => {
  it('finds nothing where row and position agree, a closed row and a number written otherwise included', () => {
    expect(
      compare([held(1), held(2, '1.5')], [tableRow(1, '-3'), tableRow(2, '1.5'), tableRow(3, '0')]),
    ).toEqual([]);
  });

  it('tells missing, another quantity, a closed row, an extra row and a stale one apart', () => {
    const rows = [
      tableRow(2, '-4'),
      tableRow(3, '0'),
      tableRow(4, '-3', { observedAt: at(-1) }),
      tableRow(5, '7'),
    ];
    expect(compare([held(1), held(2), held(3), held(4)], rows)).toEqual([
      '2 quantity',
      '3 quantity',
      '4 stale',
      '5 extra',
      '1 missing',
    ]);
  });

  it.each([
    ['a number of ours that was not given yet', { seq: 100 }, 'newer'],
    ['the last number given', { seq: 99 }, 'quantity'],
    ['a later epoch of ours', { epoch: '1795185000001-aaaaaa' }, 'newer'],
    ['an earlier epoch, observed later', { epoch: '1795184999999-zzzzzz', observedAt: at(99) }, 'quantity'],
    ['another bridge, observed after the list', { bridge: 'away', observedAt: at(31) }, 'newer'],
    ['another bridge, observed before it', { bridge: 'away', observedAt: at(29) }, 'quantity'],
  ])('goes by the order of states: %s', (_name, place, kind) => {
    expect(compare([held(1)], [tableRow(1, '9', place)])).toEqual([`1 ${kind}`]);
    expect(compare([], [tableRow(1, '9', place)])).toEqual([kind === 'quantity' ? '1 extra' : '1 newer']);
  });

  it('says nothing of a position that the list lacks and nobody has closed, whatever the table has', () => {
    const doubted = [held(1, '-3', { missedSweeps: 1 }), held(2, '5', { missedSweeps: 1, claimed: true })];
    expect(compare(doubted, [tableRow(2, '5', { observedAt: at(-9) })])).toEqual([]);
    expect(compare(doubted, [tableRow(1, '8')])).toEqual([]);
  });

  it('says nothing of a type that is not recorded', () => {
    const share = { contract: contract(1, { secType: 'STK' }) };
    const secTypes = new Set(['OPT']);
    expect(compare([held(1, '5', share)], [], { secTypes })).toEqual([]);
    expect(compare([], [tableRow(1, '5', share)], { secTypes })).toEqual([]);
    expect(compare([], [tableRow(2, '5')], { secTypes })).toEqual(['2 extra']);
  });

  it('does not take what cannot be read for missing', () => {
    const comparison = new HolderComparison({ account: ACCOUNT }, [held(1)], TERMS);
    expect(comparison.seeUnreadable(1)).toMatchObject({ kind: 'unreadable', conId: 1, held: '-3' });
    expect([...comparison.rest()]).toEqual([]);
  });
});

describe('suspects', () => {
  const missing = (count: number, known: Suspects = new Map()) => {
    const findings = new Findings(known);
    const positions = Array.from({ length: count }, (_, index) => held(index + 1));
    for (const each of new HolderComparison({ account: ACCOUNT }, positions, TERMS).rest())
      findings.add(each);
    findings.drainedAt.set(ACCOUNT, at(60));
    return findings;
  };
  const context = (seconds: number) => ({
    state: EMPTY,
    accounts: new Set([ACCOUNT]),
    now: at(seconds),
    nowTick: seconds * 1000,
  });

  it('are bounded, all of them are counted, and those known come first', () => {
    const findings = missing(5000);
    expect(findings.counts.missing).toBe(5000);
    const { suspects } = judge(new Map(), findings, context(0));
    expect(suspects.size).toBe(RECONCILE.suspectsMax);
    const again = judge(suspects, missing(5000, suspects), context(90)).suspects;
    expect([...again.keys()]).toEqual([...suspects.keys()]);
    expect(new Set([...again.values()].map(({ since }) => since))).toEqual(new Set([at(0)]));
  });

  it('stand once they are a drain period old', () => {
    const { suspects } = judge(new Map(), missing(1), context(10));
    const found = (ms: number) => standing(suspects, { nowTick: 10_000 + ms, drainPeriodMs: 65_000 }).length;
    expect([found(0), found(64_999), found(65_000)]).toEqual([0, 0, 1]);
  });

  it('begin anew when the row, the quantity or the kind is another one', () => {
    const found = (position: CommittedPosition, ...rows: TableRow[]) => {
      const findings = new Findings();
      const comparison = new HolderComparison({ account: ACCOUNT }, [position], TERMS);
      for (const each of rows)
        findings.differences.push(...[comparison.see(each)].filter((one) => one !== undefined));
      findings.differences.push(...comparison.rest());
      findings.drainedAt.set(ACCOUNT, at(0));
      return findings;
    };
    const first = judge(new Map(), found(held(1), tableRow(1, '9')), context(0)).suspects;
    const sinceOf = (findings: Findings) =>
      [...judge(first, findings, context(90)).suspects.values()][0]?.since;
    expect(sinceOf(found(held(1), tableRow(1, '9')))).toBe(at(0));
    expect(sinceOf(found(held(1), tableRow(1, '9', { seq: 2 })))).toBe(at(90));
    expect(sinceOf(found(held(1, '4'), tableRow(1, '9')))).toBe(at(90));
    expect(sinceOf(found(held(1)))).toBe(at(90));
  });

  it('stay as they are while their account is not read, and go with an account that is not ours', () => {
    const { suspects } = judge(new Map(), missing(1), context(0));
    const unread = new Findings(suspects);
    expect(judge(suspects, unread, context(90)).suspects).toEqual(suspects);
    const gone = judge(suspects, unread, { ...context(90), accounts: new Set() });
    expect(gone).toEqual({ suspects: new Map(), mended: [] });
  });

  it('are due once between two keyframes, and only when a heartbeat has come through since', () => {
    const [suspect] = judge(new Map(), missing(1), context(30)).suspects.values();
    if (suspect === undefined) throw new Error('a suspect is expected');
    const due = (drainedAt: string | undefined, mendedAt?: string) =>
      dueOf([{ ...suspect, ...(mendedAt === undefined ? {} : { mendedAt }) }], {
        drainedAt: new Map([[ACCOUNT, drainedAt]]),
        lastKeyframeAt: at(600),
      }).length;
    expect([due(undefined), due(at(30)), due(at(31))]).toEqual([0, 0, 1]);
    expect([due(at(31), at(601)), due(at(31), at(599))]).toEqual([0, 1]);
  });
});
