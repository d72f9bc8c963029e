import { encodeMessage } from '../../shared/message.ts';
import { type Snapshot, snapshotId } from '../../shared/snapshot.ts';

/** One account, so that all of its positions are in one partition of their table: the worst that there is. */
export const ACCOUNT = 'DU9000001';
export const HOT_CON_ID = 700_000_000;
const OTHERS = 199;
const LIVE_LEGS = 20;

const BRIDGE = 'home';
const EPOCH = '1785300000000-backlog';

/** Backlogs are days old: so much time lies between two of its snapshots. */
const STEP_MS = 500;

/** Contract of the n-th snapshot of the backlog, from 1: the hot one every other time, the others in turn. */
export function backlogConId(seq: number): number {
  return seq % 2 === 1 ? HOT_CON_ID : HOT_CON_ID + 1 + ((seq / 2) % OTHERS);
}

/** @param nowMs when the first of them is drained at the earliest @returns what waits, as the bridge encodes it */
export function backlogBody(
  seq: number,
  options: { readonly messages: number; readonly nowMs: number },
): string {
  const atMs = options.nowMs - (options.messages - seq) * STEP_MS;
  return encodeMessage(snapshotOf(seq, { conId: backlogConId(seq), isLive: false, atMs }));
}

/** Of contracts that the backlog does not have. */
export function liveSnapshot(seq: number, atMs: number): Snapshot {
  return snapshotOf(seq, { conId: HOT_CON_ID + 1 + OTHERS + (seq % LIVE_LEGS), isLive: true, atMs });
}

function snapshotOf(
  seq: number,
  of: { readonly conId: number; readonly isLive: boolean; readonly atMs: number },
): Snapshot {
  const place = { bridge: BRIDGE, epoch: EPOCH, seq };
  const at = new Date(of.atMs).toISOString();
  const strike = 300 + (of.conId - HOT_CON_ID);
  return {
    schema: 1,
    kind: 'snapshot',
    id: snapshotId(place),
    ...place,
    lane: of.isLive ? 'stream' : 'poll',
    priority: of.isLive ? 1 : 2,
    reason: 'changed',
    account: ACCOUNT,
    contract: {
      conId: of.conId,
      symbol: 'SPY',
      secType: 'OPT',
      lastTradeDate: '20270115',
      strike: String(strike),
      right: 'P',
      multiplier: '100',
      currency: 'USD',
      localSymbol: `SPY   270115P00${strike}000`,
      tradingClass: 'SPY',
    },
    quantity: '-3',
    averageCost: '2100.6321',
    mark: {
      bid: 1.2,
      ask: 1.25,
      last: 1.22,
      price: 1.225,
      iv: 0.2134561234,
      delta: -0.3012345678,
      gamma: 0.0123456789,
      vega: 0.4123456789,
      theta: -0.0412345678,
      underlying: 601.23,
      at,
      greeksAt: at,
    },
    quality: 'live',
    strategyIds: ['spy-condor-jan'],
    registryVersion: 17,
    observedAt: at,
  } as Snapshot;
}
