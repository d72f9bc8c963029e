import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listsFor, type SweepEvent, Sweeper } from '../../../bridge/positions/sweep.ts';
import { recordingLog } from '../../support/log.ts';
import { ScriptedGateway } from '../scripted-gateway.ts';
import { ACCOUNT, contract, OTHER } from './rows.ts';

describe('the sweeper, account by account', () => {
  let gateway: ScriptedGateway;
  let sweeper: Sweeper;
  let events: SweepEvent[];
  let accounts: ReadonlySet<string>;
  let lists: 'all-accounts' | 'each-account';
  const log = recordingLog();

  beforeEach(() => {
    vi.useFakeTimers();
    gateway = new ScriptedGateway();
    events = [];
    accounts = new Set([ACCOUNT, OTHER]);
    lists = 'each-account';
    sweeper = new Sweeper({
      gateway,
      log,
      onEvent: (event) => events.push(event),
      lists: () => lists,
      accounts: () => accounts,
      periodMs: 30_000,
      deadlineMs: 20_000,
    });
    sweeper.start();
  });

  afterEach(() => {
    sweeper.stop();
    vi.useRealTimers();
  });

  /** Ids are given in order: the first cycle has 1 and 2, the next 3 and 4. */
  const receive = (reqId: number, account: string, conId: number, more: object = {}) =>
    gateway.emit({
      type: 'accountPosition',
      reqId,
      account,
      contract: contract(conId),
      quantity: '-3',
      averageCost: '2100.6321',
      ...more,
    });
  const end = (reqId: number) => gateway.emit({ type: 'accountPositionEnd', reqId });
  const refuse = (reqId: number) =>
    gateway.emit({
      type: 'requestNotice',
      reqId,
      code: 321,
      message: 'Invalid account code',
      meaning: 'refused',
    });
  const seen = () =>
    events.splice(0).map((event) => {
      if (event.type === 'failed') return `failed: ${event.reason}`;
      if (event.type === 'push') return `push ${event.row.account} ${event.row.contract.conId}`;
      const rows = event.rows.map(({ account, modelCode, contract: { conId } }) =>
        [account, conId, modelCode].filter((part) => part !== undefined).join(' '),
      );
      return `sweep of ${[...(event.accounts ?? ['all'])].join(', ')}: ${rows.join(', ')}`;
    });

  it('asks each account, and is complete when every list has ended, model codes included', () => {
    gateway.ready();
    expect(gateway.taken()).toEqual([`positions ${ACCOUNT}`, `positions ${OTHER}`]);
    receive(1, ACCOUNT, 1);
    receive(1, ACCOUNT, 1, { modelCode: 'GROWTH' });
    receive(2, OTHER, 2);
    end(2);
    expect(seen()).toEqual([]);
    end(1);
    expect(seen()).toEqual([`sweep of ${OTHER}, ${ACCOUNT}: ${OTHER} 2, ${ACCOUNT} 1, ${ACCOUNT} 1 GROWTH`]);
    expect(sweeper.counts()).toMatchObject({ complete: 1, failed: 0 });
  });

  it('keeps the lists open between cycles, and replaces them in the next', () => {
    gateway.ready();
    for (const reqId of [1, 2]) end(reqId);
    seen();
    gateway.taken();
    receive(1, ACCOUNT, 7);
    receive(2, ACCOUNT, 8);
    receive(99, ACCOUNT, 9);
    expect(seen()).toEqual([`push ${ACCOUNT} 7`]);
    vi.advanceTimersByTime(30_000);
    expect(gateway.taken()).toEqual([
      'cancel positions 1',
      'cancel positions 2',
      `positions ${ACCOUNT}`,
      `positions ${OTHER}`,
    ]);
    receive(1, ACCOUNT, 7);
    end(1);
    expect(seen()).toEqual([]);
  });

  it.each([
    ['is refused', () => refuse(1), /DU\*\*\*67: Invalid account code \(321\)/],
    ['does not end', () => vi.advanceTimersByTime(20_000), /DU\*\*\*67: no positionEnd within 20000 ms/],
    [
      'has a row that cannot be read',
      () => gateway.emit({ type: 'accountPositionMalformed', reqId: 1, fault: 'quantity NaN' }),
      /DU\*\*\*67: a position row could not be read: quantity NaN/,
    ],
    [
      'is spoiled by a message that nobody can read',
      () => gateway.emit({ type: 'accountPositionMalformed', fault: 'Underrun error on POSITION_MULTI' }),
      /DU\*\*\*67: .*Underrun/,
    ],
  ])('reports the others alone when one list %s, and counts it', (_, happen, fault) => {
    gateway.ready();
    receive(2, OTHER, 2);
    end(2);
    receive(1, ACCOUNT, 1);
    happen();
    end(1);
    expect(seen()).toEqual([expect.stringMatching(fault), `sweep of ${OTHER}: ${OTHER} 2`]);
    expect(sweeper.counts()).toMatchObject({ complete: 0, failed: 1 });
    expect(sweeper.counts().lastAt).toBeUndefined();
    receive(1, ACCOUNT, 1);
    expect(seen()).toEqual([]);
  });

  it('reports nothing when no list has ended', () => {
    gateway.ready();
    receive(1, ACCOUNT, 1);
    vi.advanceTimersByTime(20_000);
    expect(seen()).toEqual([expect.stringMatching(/^failed: DU\*\*\*67: .*\(and 1 more accounts\)$/)]);
  });

  it.each([
    ['connection', () => gateway.emit({ type: 'lost', reason: 'closed' })],
    ['link', () => gateway.emit({ type: 'linkDown', code: 1100 })],
  ])('drops a cycle that a lost %s cut, complete lists included', (_, happen) => {
    gateway.ready();
    receive(2, OTHER, 2);
    end(2);
    happen();
    end(1);
    expect(seen()).toEqual([expect.stringMatching(/^failed: the /)]);
  });

  it('asks for one list of all when the structure has become one that allows it', () => {
    gateway.ready();
    for (const reqId of [1, 2]) end(reqId);
    seen();
    gateway.taken();
    lists = 'all-accounts';
    vi.advanceTimersByTime(30_000);
    expect(gateway.taken()).toEqual([
      'cancel positions 1',
      'cancel positions 2',
      'cancel positions',
      'positions',
    ]);
    receive(1, ACCOUNT, 1);
    gateway.emit({ type: 'positionEnd' });
    expect(seen()).toEqual(['sweep of all: ']);
  });

  it('asks accounts that were added, and no more those that went', () => {
    gateway.ready();
    for (const reqId of [1, 2]) end(reqId);
    accounts = new Set([OTHER]);
    gateway.taken();
    seen();
    vi.advanceTimersByTime(30_000);
    expect(gateway.taken().slice(2)).toEqual([`positions ${OTHER}`]);
    end(3);
    expect(seen()).toEqual([`sweep of ${OTHER}: `]);
  });

  it('ends the subscriptions when it stops', () => {
    gateway.ready();
    end(1);
    gateway.taken();
    sweeper.stop();
    expect(gateway.taken()).toEqual(['cancel positions 1', 'cancel positions 2']);
  });

  it('is what more than 50 accounts need, and what a setting can ask for', () => {
    expect([1, 50, 51].map((count) => listsFor('auto', count))).toEqual([
      'all-accounts',
      'all-accounts',
      'each-account',
    ]);
    expect(listsFor('each-account', 1)).toBe('each-account');
  });

  it('shows no account in the log', () => {
    expect(log.entries.length).toBeGreaterThan(0);
    expect(JSON.stringify(log.entries)).not.toContain(ACCOUNT);
  });
});
