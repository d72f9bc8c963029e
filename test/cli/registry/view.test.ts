import { describe, expect, it } from 'vitest';
import { describeChange, historyTable, strategyTable } from '../../../cli/registry/view.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { strategy } from '../../support/strategies.ts';

const later = '2026-11-21T15:00:00.000Z';

describe('a version of a strategy', () => {
  it.each<[string, Partial<Strategy>, string]>([
    ['status', { status: 'INACTIVE' }, 'ACTIVE -> INACTIVE'],
    ['priority', { priority: 1 }, 'priority 5 -> 1'],
    ['a leg added', { legs: [...strategy().legs, { conId: 9, quantity: '0' }] }, '+9 (0)'],
    ['a leg taken away', { legs: [{ conId: 9, quantity: '1' }] }, '+9 (1), -728937835'],
    ['a quantity', { legs: [{ conId: 728937835, quantity: '-1' }] }, '728937835: -3 -> -1'],
    [
      'an open price',
      { legs: [{ conId: 728937835, quantity: '-3', openPrice: '1.2' }] },
      '728937835: open price unknown -> 1.2',
    ],
    ['tags', { tags: ['roll'] }, 'tags roll'],
    ['where it came from', { rolledFrom: ['old'] }, 'rolled from old'],
    ['the account, masked', { account: 'DU9000099' }, 'account DU***01 -> DU***99'],
    ['its end', { closedAt: later }, 'closed'],
    ['its removal', { deletedAt: later }, 'removed'],
    ['nothing', {}, 'written as it was'],
  ])('says that it changed %s', (_, change, text) => {
    expect(describeChange(strategy(), strategy(change), false)).toBe(text);
  });

  it('says that it was opened again, or made anew after a removal', () => {
    expect(describeChange(strategy({ closedAt: later }), strategy(), false)).toBe('opened again');
    expect(describeChange(strategy({ deletedAt: later }), strategy(), false)).toBe('new, 1 leg');
    expect(describeChange(undefined, strategy(), false)).toBe('new, 1 leg');
  });
});

describe('the tables of the registry', () => {
  it('mask account numbers unless they are asked for', () => {
    expect(strategyTable([strategy()], false)).not.toContain('DU9000001');
    expect(strategyTable([strategy()], true)).toContain('DU9000001');
  });

  it('have one line per strategy and version, without trailing blanks', () => {
    const versions = [strategy(), strategy({ version: 2, registryVersion: 5, status: 'INACTIVE' })];
    const lines = historyTable(versions, false).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/^ +2 +5 .*INACTIVE +ACTIVE -> INACTIVE$/);
    for (const line of lines) expect(line).toBe(line.trimEnd());
  });
});
