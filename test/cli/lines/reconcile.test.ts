import { describe, expect, it } from 'vitest';
import { exitCodeOf, reconcileView } from '../../../cli/lines/reconcile.ts';
import type { ReconcileStatus } from '../../../shared/status.ts';
import { snapshot } from '../../support/snapshots.ts';
import { bridgeStatus } from '../../support/status.ts';

const { reconcile: agreeing } = bridgeStatus();
const { contract } = snapshot();

function reading(changes: Partial<ReconcileStatus> = {}, type: 'live' | 'last-known' = 'live') {
  if (agreeing === undefined) throw new Error('a status that compares is expected');
  return { type, status: bridgeStatus({ reconcile: { ...agreeing, ...changes } }) };
}

const difference = {
  kind: 'quantity' as const,
  account: 'DU***67',
  conId: contract.conId,
  contract,
  held: '-3',
  table: '4',
  since: '2026-11-20T14:46:15.000Z',
};

describe('slotwise reconcile', () => {
  it('says when what was compared and that it agrees', () => {
    expect(reconcileView(reading({ positions: 200, rows: 213, mended: 1 }))).toBe(
      'home: agrees; 200 positions against 213 rows at 14:45:10 UTC\n1 mended since the bridge started',
    );
  });

  it('shows what differs, what was mended and when, and what keeps it from comparing', () => {
    const view = reconcileView(
      reading({
        state: 'undecided',
        reason: 'the table could not be read',
        differences: { missing: 3, extra: 0, quantity: 1, stale: 0, newer: 0, unreadable: 0 },
        examples: [{ ...difference, mendedAt: '2026-11-20T14:47:20.000Z' }],
        mended: 2,
        lastMended: [{ ...difference, kind: 'extra', modelCode: 'GROWTH', held: '0' }],
        failed: 7,
        lastFault: 'no answer in time',
      }),
    );
    expect(view).toContain('home: undecided: the table could not be read; ');
    expect(view).toContain('3 missing, 1 quantity\n');
    expect(view).toMatch(/quantity +DU\*\*\*67 +728937835 +QQQ 2027-01-15 500 P +-3 +4 +14:46:15 +14:47:20/);
    expect(view).toMatch(/extra +DU\*\*\*67\/GROWTH +728937835 .* 0 +4 /);
    expect(view).toContain('2 mended since the bridge started');
    expect(view).toContain('7 looks failed: no answer in time');
  });

  it('says so of a bridge that has ended, and of one that does not compare', () => {
    expect(reconcileView(reading({}, 'last-known'))).toContain('the bridge does not answer');
    const { reconcile: _, ...older } = bridgeStatus();
    expect(reconcileView({ type: 'live', status: older })).toContain('it does not compare');
  });

  it('ends with the worst of all bridges: 1 differs, 3 undecided or silent, 0 agrees now', () => {
    const { reconcile: _, ...older } = bridgeStatus();
    const differs = reading({ state: 'differs' });
    const undecided = reading({ state: 'undecided' });
    const silent = { type: 'unknown' as const, name: 'bridge away', fault: 'no answer' };
    expect(exitCodeOf([reading(), reading()])).toBe(0);
    expect(exitCodeOf([reading(), undecided])).toBe(3);
    expect(exitCodeOf([undecided, differs, silent])).toBe(1);
    expect(exitCodeOf([reading(), silent])).toBe(3);
    expect(exitCodeOf([reading({}, 'last-known')])).toBe(3);
    expect(exitCodeOf([{ type: 'live', status: older }])).toBe(3);
  });
});
