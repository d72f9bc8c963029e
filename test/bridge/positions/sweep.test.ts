import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type SweepEvent, Sweeper } from '../../../bridge/positions/sweep.ts';
import { ScriptedGateway, SILENT } from '../scripted-gateway.ts';
import { row } from './rows.ts';

describe('the sweeper', () => {
  let gateway: ScriptedGateway;
  let sweeper: Sweeper;
  let events: SweepEvent[];

  beforeEach(() => {
    vi.useFakeTimers();
    gateway = new ScriptedGateway();
    events = [];
    sweeper = new Sweeper({
      gateway,
      log: SILENT,
      onEvent: (event) => events.push(event),
      periodMs: 30_000,
      deadlineMs: 20_000,
    });
    sweeper.start();
  });

  afterEach(() => {
    sweeper.stop();
    vi.useRealTimers();
  });

  const receive = (conId: number, quantity = '-3') =>
    gateway.emit({ type: 'position', ...row(conId, quantity) });
  const end = () => gateway.emit({ type: 'positionEnd' });
  const seen = () =>
    events.splice(0).map((event) => {
      if (event.type === 'failed') return `failed: ${event.reason}`;
      if (event.type === 'push') return `push ${event.row.contract.conId} ${event.row.quantity}`;
      return `sweep ${event.rows.map((each) => `${each.contract.conId}:${each.quantity}`).join(' ')}`.trim();
    });

  it('asks right after ready, cancelling first, and reports a complete cycle', () => {
    gateway.ready();
    expect(gateway.taken()).toEqual(['cancel positions', 'positions']);
    receive(1);
    receive(2);
    expect(seen()).toEqual([]);
    vi.advanceTimersByTime(400);
    end();
    expect(events[0]).toMatchObject({ type: 'sweep', durationMs: 400 });
    expect(seen()).toEqual(['sweep 1:-3 2:-3']);
    expect(sweeper.counts()).toMatchObject({ complete: 1, failed: 0, lastDurationMs: 400 });
  });

  it('asks again a period after the last cycle began', () => {
    gateway.ready();
    vi.advanceTimersByTime(5_000);
    end();
    gateway.taken();
    vi.advanceTimersByTime(24_999);
    expect(gateway.taken()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(gateway.taken()).toEqual(['cancel positions', 'positions']);
  });

  it('takes the last row of a contract, zero rows included, and an empty portfolio as an answer', () => {
    gateway.ready();
    receive(1, '-3');
    receive(1, '0');
    end();
    expect(seen()).toEqual(['sweep 1:0']);
    vi.advanceTimersByTime(30_000);
    end();
    expect(seen()).toEqual(['sweep']);
  });

  it('delivers rows between cycles as pushes, at once', () => {
    gateway.ready();
    end();
    seen();
    receive(1, '-1');
    receive(2, '0');
    expect(seen()).toEqual(['push 1 -1', 'push 2 0']);
  });

  it('fails at the deadline, drops what still comes of it, and tries again', () => {
    gateway.ready();
    receive(1);
    gateway.taken();
    vi.advanceTimersByTime(20_000);
    expect(seen()).toEqual(['failed: no positionEnd within 20000 ms']);
    expect(gateway.taken()).toEqual(['cancel positions']);
    receive(2, '0');
    end();
    expect(seen()).toEqual([]);
    vi.advanceTimersByTime(10_000);
    receive(1);
    end();
    expect(seen()).toEqual(['sweep 1:-3']);
  });

  it('does not take the overdue end of a cycle given up for the end of the next', () => {
    gateway.ready();
    vi.advanceTimersByTime(30_000);
    seen();
    receive(1);
    end();
    vi.advanceTimersByTime(500);
    expect(seen()).toEqual([]);
    receive(2);
    receive(3);
    end();
    vi.advanceTimersByTime(1_000);
    expect(seen()).toEqual(['sweep 1:-3 2:-3 3:-3']);
  });

  it('fails when the connection goes, and mixes nothing of it into the next', () => {
    gateway.ready();
    receive(1);
    gateway.emit({ type: 'lost', reason: 'socket closed' });
    expect(seen()).toEqual(['failed: the connection was lost during the sweep: socket closed']);
    vi.advanceTimersByTime(120_000);
    gateway.taken();
    gateway.ready();
    expect(gateway.taken()).toEqual(['cancel positions', 'positions']);
    receive(2);
    end();
    expect(seen()).toEqual(['sweep 2:-3']);
  });

  it('fails when a row cannot be read, rather than lacking it', () => {
    gateway.ready();
    receive(1);
    gateway.emit({ type: 'positionMalformed', fault: 'no conId' });
    end();
    expect(seen()).toEqual(['failed: a position row could not be read: no conId']);
  });

  it('fails while the gateway has no link to IB, and sweeps at once when it is back', () => {
    gateway.ready();
    gateway.emit({ type: 'linkDown', code: 1100 });
    vi.advanceTimersByTime(30_000);
    expect(seen()).toEqual([
      'failed: the gateway lost its link to IB during the sweep (code 1100)',
      'failed: the gateway has no link to IB: its list may be incomplete',
    ]);
    gateway.taken();
    gateway.emit({ type: 'linkUp', linesKept: true });
    expect(gateway.taken()).toEqual(['cancel positions', 'positions']);
  });

  it('asks for nothing once it is stopped', () => {
    gateway.ready();
    sweeper.stop();
    expect(gateway.taken()).toEqual(['cancel positions', 'positions', 'cancel positions']);
    vi.advanceTimersByTime(120_000);
    expect(gateway.taken()).toEqual([]);
    expect(seen()).toEqual([]);
  });
});
