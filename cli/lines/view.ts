import type { BridgeStatus, LineStatus, PolledStatus, StrategyStatus } from '../../shared/status.ts';
import { compareText } from '../output/compare.ts';
import { contractName } from '../output/contract.ts';
import { shownInstant } from '../output/instant.ts';
import { paint } from '../output/style.ts';
import { table } from '../output/table.ts';
import { type Explanation, titleOf } from './explain.ts';
import { laneTable } from './lane.ts';
import type { StatusReading } from './read-status.ts';

/** A status that there is, of now or of when the bridge last wrote. */
export type KnownReading = StatusReading & { readonly type: 'live' | 'last-known' };

/** What `slotwise lines` prints for a person. Pure but for colours. */
export function linesView(reading: KnownReading): string {
  const { status } = reading;
  const { rows, strategies, polled, lane } = status.lines;
  return [
    ...asOfLines(reading),
    summaryLine(status),
    capLine(status.lines),
    ...gatewayLines(status),
    ...section('LINES', lineTable(rows, status.at), rows.length),
    ...section('STRATEGIES', strategyTable(strategies, status.at), strategies.length),
    ...section('POLLED BY SNAPSHOT', polledTable(polled), polled.length),
    ...section('SNAPSHOT LANE', laneTable(lane), lane.length),
  ].join('\n');
}

/** What `slotwise lines explain` prints for a person. */
export function explanationView(reading: KnownReading, explanation: Explanation): string {
  const { status } = reading;
  return [
    ...asOfLines(reading),
    `${paint('bold', titleOf(explanation))} at bridge ${status.bridge}`,
    ...gatewayLines(status),
    ...explanation.sentences,
    ...(explanation.kind === 'strategy' ? ['', legTable(explanation.strategy, status)] : []),
  ].join('\n');
}

/** Said first where it is not of now. */
export function asOfLines({ type, status }: KnownReading): string[] {
  if (type === 'live') return [];
  return [paint('yellow', `the bridge does not answer: as of ${status.at}, when it last wrote`)];
}

/** For example `home: 20 of 90 lines streaming, 2 of them in the watch class, 1 stale, 68 free, 1 snapshot in flight, 0 refused`. */
function summaryLine({ bridge, lines }: BridgeStatus): string {
  const { cap, streaming, watching, stale, snapshotsInFlight, refused } = lines;
  const snapshots = snapshotsInFlight === 1 ? '1 snapshot' : `${snapshotsInFlight} snapshots`;
  const silent = stale === 0 ? '' : `, ${stale} stale`;
  const watched = watching === 0 ? '' : `, ${watching} of them in the watch class`;
  return `${bridge}: ${streaming} of ${cap} lines streaming${watched}${silent}, ${freeLines(lines)} free, ${snapshots} in flight, ${refused} refused`;
}

/** For example `cap 90: lines.cap is 100, and 10 are left to your own TWS; 5 are kept for polling`. */
function capLine({ cap, capReason, setting, reserve, polledShare }: BridgeStatus['lines']): string {
  const text = `cap ${cap}: ${capReason}; ${polledShare} are kept for polling`;
  return paint(cap < setting - reserve ? 'yellow' : 'dim', text);
}

/** What neither a stream nor a snapshot in flight takes. */
function freeLines({ cap, streaming, stale, snapshotsInFlight }: BridgeStatus['lines']): number {
  return Math.max(0, cap - streaming - stale - snapshotsInFlight);
}

/** Said only when something is wrong with it: then it explains everything below. */
function gatewayLines({ gateway, registry }: BridgeStatus): string[] {
  const lines: string[] = [];
  if (gateway.state !== 'ready') {
    const fault = gateway.lastFault === undefined ? '' : `: ${gateway.lastFault}`;
    lines.push(paint('red', `gateway ${gateway.host}:${gateway.port} is ${gateway.state}${fault}`));
  } else if (!gateway.linkUp) {
    lines.push(paint('red', 'the gateway has lost its link to IB: marks are stale'));
  }
  if (registry.state !== 'current') {
    const text =
      registry.state === 'none'
        ? 'no registry has ever been read: nothing streams'
        : `the registry is the last one known, as of ${registry.confirmedAt ?? 'an unknown time'}`;
    lines.push(paint('yellow', registry.lastFault === undefined ? text : `${text}: ${registry.lastFault}`));
  }
  return lines;
}

function section(title: string, body: string, count: number): string[] {
  return count === 0 ? [] : ['', paint('bold', title), body];
}

function lineTable(rows: readonly LineStatus[], now: string): string {
  const owners = (line: LineStatus) => line.strategyIds.join(' ');
  const sorted = rows.toSorted(
    (left, right) => compareText(owners(left), owners(right)) || left.conId - right.conId,
  );
  return table(sorted, [
    { head: 'CONID', cell: (line) => String(line.conId), align: 'right' },
    { head: 'CONTRACT', cell: ({ contract }) => (contract === undefined ? '' : contractName(contract)) },
    { head: 'STATE', cell: shownState },
    { head: 'SINCE', cell: (line) => shownInstant(line.since, now) },
    { head: 'QUALITY', cell: (line) => line.quality },
    { head: 'TICKS', cell: (line) => String(line.ticks), align: 'right' },
    { head: 'HEARD', cell: (line) => age(line.lastMessageAt, now), align: 'right' },
    { head: 'STRATEGIES', cell: (line) => line.strategyIds.join(', ') },
    { head: 'WHY', cell: (line) => line.reason },
  ]);
}

/** @returns how long ago, in the largest unit that keeps it a small number */
function age(at: string | undefined, now: string): string {
  if (at === undefined) return '';
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(at)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function strategyTable(rows: readonly StrategyStatus[], now: string): string {
  return table(rows, [
    { head: 'STRATEGY', cell: (strategy) => strategy.id },
    { head: 'ACCOUNT', cell: (strategy) => strategy.account },
    { head: 'PRIORITY', cell: (strategy) => String(strategy.priority), align: 'right' },
    { head: 'LINES', cell: (strategy) => String(strategy.linesNeeded), align: 'right' },
    { head: 'STATE', cell: shownStrategyState },
    { head: 'SINCE', cell: (strategy) => shownInstant(strategy.since, now) },
    { head: 'WHY', cell: (strategy) => strategy.reason },
  ]);
}

/** Each leg with its line, or with what the watch class says of it. */
function legTable({ legs }: StrategyStatus, { lines, at }: BridgeStatus): string {
  const rows = legs.map((leg) => ({ leg, line: lines.rows.find(({ conId }) => conId === leg.conId) }));
  return table(rows, [
    { head: 'CONID', cell: ({ leg }) => String(leg.conId), align: 'right' },
    { head: 'CONTRACT', cell: ({ leg }) => (leg.contract === undefined ? '' : contractName(leg.contract)) },
    { head: 'QUANTITY', cell: ({ leg }) => leg.quantity, align: 'right' },
    { head: 'HELD', cell: ({ leg }) => leg.held ?? '', align: 'right' },
    { head: 'LINE', cell: ({ line }) => (line === undefined ? 'none' : shownState(line)) },
    { head: 'SINCE', cell: ({ line }) => (line === undefined ? '' : shownInstant(line.since, at)) },
    { head: 'QUALITY', cell: ({ line }) => line?.quality ?? '' },
    { head: 'WHY', cell: ({ leg, line }) => line?.reason ?? leg.watch ?? '' },
  ]);
}

function polledTable(rows: readonly PolledStatus[]): string {
  return table(rows, [
    { head: 'NAME', cell: (polled) => polled.name },
    { head: 'PRICE', cell: (polled) => String(polled.mark?.price ?? ''), align: 'right' },
    { head: 'QUALITY', cell: (polled) => polled.quality },
    { head: 'LAST', cell: (polled) => polled.lastAt ?? '' },
    { head: 'FROM', cell: (polled) => polled.source ?? '' },
  ]);
}

function shownState({ state }: LineStatus): string {
  if (state === 'confirmed') return paint('green', state);
  return state === 'refused' ? paint('red', state) : paint('yellow', state);
}

function shownStrategyState({ state }: StrategyStatus): string {
  if (state === 'streaming') return paint('green', state);
  return state === 'inactive' || state === 'not-ours' ? paint('dim', state) : paint('yellow', state);
}
