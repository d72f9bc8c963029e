import { describe, expect, it } from 'vitest';
import { BridgeTally, newFaults } from '../../../local/run/bridge-tally.ts';
import type { BridgeStatus } from '../../../shared/status.ts';
import { bridgeStatus } from '../../support/status.ts';

interface Seen {
  readonly pid?: number;
  readonly startedAt?: string;
  readonly complete?: number;
  readonly ticks?: number;
  readonly streaming?: number;
  readonly snapshots?: number;
  readonly serverVersion?: number;
}

function status(seen: Seen): BridgeStatus {
  const { gateway, lines, sweeps } = bridgeStatus();
  const { serverVersion: _, ...session } = gateway;
  return bridgeStatus({
    pid: seen.pid ?? 100,
    startedAt: seen.startedAt ?? '2026-11-20T15:00:00.000Z',
    gateway: {
      ...session,
      ...(seen.serverVersion === undefined ? {} : { serverVersion: seen.serverVersion }),
    },
    lines: {
      ...lines,
      streaming: seen.streaming ?? 0,
      snapshotsInFlight: seen.snapshots ?? 0,
      refused: 1,
    },
    ticks: seen.ticks ?? 0,
    sweeps: { ...sweeps, complete: seen.complete ?? 0 },
  });
}

describe('BridgeTally', () => {
  it('counts a bridge once however often it is seen', () => {
    const tally = new BridgeTally();
    tally.see(status({ complete: 1, ticks: 10 }));
    tally.see(status({ complete: 3, ticks: 50 }));
    expect(tally.totals).toEqual({ complete: 3, failed: 0, ticks: 50, refused: 1 });
  });

  it('adds a bridge that was started again to the one before it', () => {
    const tally = new BridgeTally();
    tally.see(status({ complete: 3, ticks: 50 }));
    tally.see(status({ pid: 101, startedAt: '2026-11-20T15:02:00.000Z', complete: 1, ticks: 5 }));
    expect(tally.totals).toEqual({ complete: 4, failed: 0, ticks: 55, refused: 2 });
  });

  it('keeps the peaks and the server version when the connection is gone', () => {
    const tally = new BridgeTally();
    tally.see(status({ streaming: 20, snapshots: 4, serverVersion: 193 }));
    tally.see(status({ streaming: 18, snapshots: 7 }));
    tally.see(status({}));
    expect(tally.peaks).toEqual({ peak: 20, peakWithSnapshots: 25 });
    expect(tally.serverVersion).toBe(193);
  });
});

describe('newFaults', () => {
  const wrong = (lastFault: string): BridgeStatus => {
    const base = status({});
    return { ...base, gateway: { ...base.gateway, lastFault } };
  };

  it('are said once, and again when they change', () => {
    expect(newFaults(undefined, wrong('nobody listens'))).toEqual(['gateway: nobody listens']);
    expect(newFaults(wrong('nobody listens'), wrong('nobody listens'))).toEqual([]);
    expect(newFaults(wrong('nobody listens'), wrong('it stays silent'))).toEqual([
      'gateway: it stays silent',
    ]);
    expect(newFaults(wrong('nobody listens'), status({}))).toEqual([]);
  });
});
