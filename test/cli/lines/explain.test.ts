import { describe, expect, it } from 'vitest';
import { explain, titleOf } from '../../../cli/lines/explain.ts';
import { explanationView } from '../../../cli/lines/view.ts';
import type { Contract } from '../../../shared/contract.ts';
import type { BridgeStatus, LineStatus, StrategyStatus } from '../../../shared/status.ts';
import { bridgeStatus } from '../../support/status.ts';

const since = '2026-11-20T14:59:00.000Z';

function put(conId: number, strike: string): Contract {
  return {
    conId,
    symbol: 'SPY',
    secType: 'OPT',
    lastTradeDate: '20261218',
    strike,
    right: 'P',
    currency: 'USD',
  };
}

function row(conId: number, fields: Partial<LineStatus> = {}): LineStatus {
  return {
    conId,
    contract: put(conId, '600'),
    state: 'confirmed',
    strategyIds: ['condor'],
    since,
    reason: 'streams for condor',
    quality: 'live',
    mark: { bid: 2.1, ask: 2.2, price: 2.15 },
    ticks: 42,
    ...fields,
  };
}

function strategy(id: string, fields: Partial<StrategyStatus> = {}): StrategyStatus {
  return {
    id,
    account: 'DU***67',
    priority: 1,
    linesNeeded: 1,
    state: 'streaming',
    since,
    reason: 'has 1 line by priority 1',
    legs: [{ conId: 1, quantity: '-1', held: '-3', contract: put(1, '600') }],
    ...fields,
  };
}

const NOT_WATCHED = 'not in the watch class: it trades until 2026-12-18, no price of its underlying is known';
const NO_ROOM = 'needs 2 lines more, and 1 of 85 is left after the strategies served before it (priority 9)';

function status(lines: Partial<BridgeStatus['lines']>): BridgeStatus {
  return bridgeStatus({ lines: { ...bridgeStatus().lines, ...lines } });
}

const sentencesOf = (of: BridgeStatus, asked: string) => explain(of, asked)?.sentences;

describe('lines explain', () => {
  it('says of a contract that streams since when, for whom, how well, and what is held of it', () => {
    const of = status({
      rows: [row(1)],
      strategies: [
        strategy('condor'),
        strategy('roll', {
          priority: 2,
          state: 'inactive',
          since: '2026-11-19T20:00:00.000Z',
          reason: 'INACTIVE: held, its legs are polled',
          legs: [{ conId: 1, quantity: '0' }],
        }),
      ],
      polled: [{ name: 'SPY', conId: 1, quality: 'live', lastAt: since, source: 'stream' }],
    });
    const explanation = explain(of, '1');
    expect(explanation && titleOf(explanation)).toBe('SPY 2026-12-18 600 P, conId 1');
    expect(explanation?.sentences).toEqual([
      'It has had a line since 14:59:00 UTC: streams for condor. 42 ticks so far, bid 2.1, ask 2.2, price 2.15, quality live.',
      'condor (priority 1) holds -1 of it, of -3 in DU***67; streaming since 14:59:00 UTC: has 1 line by priority 1.',
      'roll (priority 2) watches it, owning none; inactive since 2026-11-19 20:00:00 UTC: INACTIVE: held, its legs are polled.',
      'Its price was last polled at 14:59:00 UTC, from the line that streams it anyway: quality live.',
    ]);
  });

  it('says why a leg of an inactive strategy has no line, and whether it is watched', () => {
    const legs = [{ conId: 1, quantity: '-1', held: '-1', watch: NOT_WATCHED }];
    const inactive = strategy('off', { state: 'inactive', reason: 'INACTIVE', legs });
    expect(sentencesOf(status({ strategies: [inactive] }), '1')).toEqual([
      'It has no line: no ACTIVE strategy of this bridge holds or watches it.',
      'off (priority 1) holds -1 of it, of -1 in DU***67; inactive since 14:59:00 UTC: INACTIVE.',
      'As a held short option it is not in the watch class: it trades until 2026-12-18, no price of its underlying is known.',
      'No poll of its price is known.',
    ]);
    const watched = 'in the watch class: its last trading day has come; short leg of off';
    const rows = [row(1, { reason: watched, watch: true, strategyIds: ['off'] })];
    expect(sentencesOf(status({ strategies: [inactive], rows }), '1')).toEqual([
      `It has had a line since 14:59:00 UTC: ${watched}. 42 ticks so far, bid 2.1, ask 2.2, price 2.15, quality live.`,
      expect.stringContaining('off (priority 1)'),
    ]);
  });

  it.each([
    ['wanted', 'It has had no line since 14:59:00 UTC: why.'],
    ['sent', 'A line was asked for at 14:59:00 UTC: why.'],
    ['refused', 'It was refused a line at 14:59:00 UTC: why.'],
    ['ended', 'Its line has been on its way back since 14:59:00 UTC: why.'],
  ] as const)('says of a line that is %s: %s', (state, sentence) => {
    expect(sentencesOf(status({ rows: [row(1, { state, reason: 'why' })] }), '1')?.[0]).toBe(sentence);
  });

  it.each([
    ['streaming', 'It has been streaming since 14:59:00 UTC: why.'],
    ['partial', 'It has been streaming in part since 14:59:00 UTC: why.'],
    ['pending', 'Its lines have been on their way since 14:59:00 UTC: why.'],
    ['degraded', 'It has had no lines since 14:59:00 UTC: why.'],
    ['inactive', 'It has wanted no lines since 14:59:00 UTC: why.'],
    ['not-ours', 'It has been out of reach of this bridge since 14:59:00 UTC: why.'],
  ] as const)('says of a strategy that is %s: %s', (state, sentence) => {
    const strategies = [strategy('condor', { state, reason: 'why' })];
    expect(sentencesOf(status({ strategies }), 'condor')).toEqual([sentence]);
  });

  it('shows each leg of a strategy with its line, or why it has none', () => {
    const of = status({
      rows: [row(1, { state: 'wanted', reason: 'condor: no room', quality: 'no-line' })],
      strategies: [
        strategy('condor', {
          state: 'degraded',
          reason: NO_ROOM,
          legs: [
            { conId: 1, quantity: '-1', held: '-3', contract: put(1, '600') },
            { conId: 2, quantity: '1' },
            { conId: 3, quantity: '-1', watch: NOT_WATCHED },
          ],
        }),
      ],
    });
    const explanation = explain(of, 'condor');
    const text = explanation && explanationView({ type: 'last-known', status: of }, explanation);
    expect(text?.split('\n')).toEqual([
      expect.stringContaining('as of 2026-11-20T15:00:00.000Z'),
      'condor, DU***67, priority 1 at bridge home',
      `It has had no lines since 14:59:00 UTC: ${NO_ROOM}.`,
      '',
      expect.stringMatching(/^ *CONID +CONTRACT +QUANTITY +HELD +LINE +SINCE +QUALITY +WHY$/),
      expect.stringMatching(
        /^ +1 +SPY 2026-12-18 600 P +-1 +-3 +wanted +14:59:00 +no-line +condor: no room$/,
      ),
      expect.stringMatching(/^ +2 +1 +none$/),
      expect.stringMatching(/^ +3 +-1 +none +not in the watch class: it trades/),
    ]);
  });

  it('takes digits for a strategy where one has that name, and knows nothing of anything else', () => {
    const of = status({ strategies: [strategy('1'), strategy('b')], rows: [row(1)] });
    expect(explain(of, '1')?.kind).toBe('strategy');
    expect(explain(of, '2')).toBeUndefined();
    expect(explain(of, 'c')).toBeUndefined();
    expect(explain(status({ rows: [row(1)] }), '1')?.kind).toBe('contract');
    const polled = [{ name: 'VIX', conId: 7, quality: 'live' as const }];
    const index = explain(status({ polled }), '7');
    expect(index && titleOf(index)).toBe('VIX, conId 7');
    expect(index?.sentences.at(-1)).toBe('Its price has not been polled yet: quality live.');
  });
});
