import type { BridgeStatus, LineStatus, PolledStatus, StrategyStatus } from '../../shared/status.ts';
import { compareText } from '../output/compare.ts';
import { contractName } from '../output/contract.ts';
import { paint } from '../output/style.ts';
import { table } from '../output/table.ts';
import { laneTable } from './lane.ts';
import type { StatusReading } from './read-status.ts';

/** What `slotwise lines` prints for a person. Pure but for colours. */
export function linesView(reading: StatusReading & { type: 'live' | 'last-known' }): string {
  const { status, type } = reading;
  const asOf = type === 'live' ? '' : `the bridge does not answer: as of ${status.at}, when it last wrote`;
  return [
    ...(asOf === '' ? [] : [paint('yellow', asOf)]),
    summaryLine(status),
    ...gatewayLines(status),
    ...section('LINES', lineTable(status.lines.rows), status.lines.rows.length),
    ...section('STRATEGIES', strategyTable(status.lines.strategies), status.lines.strategies.length),
    ...section('POLLED BY SNAPSHOT', polledTable(status.lines.polled), status.lines.polled.length),
    ...section('SNAPSHOT LANE', laneTable(status.lines.lane), status.lines.lane.length),
  ].join('\n');
}

/** For example `home: 20 of 100 lines streaming, 80 free, 1 snapshot in flight, 0 refused`. */
function summaryLine({ bridge, lines }: BridgeStatus): string {
  const { cap, streaming, snapshotsInFlight, refused } = lines;
  const snapshots = snapshotsInFlight === 1 ? '1 snapshot' : `${snapshotsInFlight} snapshots`;
  return `${bridge}: ${streaming} of ${cap} lines streaming, ${freeLines(lines)} free, ${snapshots} in flight, ${refused} refused`;
}

/** What neither a stream nor a snapshot in flight takes. */
function freeLines({ cap, streaming, snapshotsInFlight }: BridgeStatus['lines']): number {
  return Math.max(0, cap - streaming - snapshotsInFlight);
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
      registry.state === 'none' ? 'no registry: nothing streams' : 'the registry is the last one known';
    lines.push(paint('yellow', registry.lastFault === undefined ? text : `${text}: ${registry.lastFault}`));
  }
  return lines;
}

function section(title: string, body: string, count: number): string[] {
  return count === 0 ? [] : ['', paint('bold', title), body];
}

function lineTable(rows: readonly LineStatus[]): string {
  const owners = (line: LineStatus) => line.strategyIds.join(' ');
  const sorted = rows.toSorted(
    (left, right) => compareText(owners(left), owners(right)) || left.conId - right.conId,
  );
  return table(sorted, [
    { head: 'CONID', cell: (line) => String(line.conId), align: 'right' },
    { head: 'CONTRACT', cell: ({ contract }) => (contract === undefined ? '' : contractName(contract)) },
    { head: 'STATE', cell: shownState },
    { head: 'QUALITY', cell: (line) => line.quality },
    { head: 'TICKS', cell: (line) => String(line.ticks), align: 'right' },
    { head: 'STRATEGIES', cell: (line) => line.strategyIds.join(', ') },
    { head: 'WHY', cell: (line) => line.reason },
  ]);
}

function strategyTable(rows: readonly StrategyStatus[]): string {
  return table(rows, [
    { head: 'STRATEGY', cell: (strategy) => strategy.id },
    { head: 'ACCOUNT', cell: (strategy) => strategy.account },
    { head: 'PRIORITY', cell: (strategy) => String(strategy.priority), align: 'right' },
    { head: 'LINES', cell: (strategy) => String(strategy.linesNeeded), align: 'right' },
    { head: 'STATE', cell: shownStrategyState },
    { head: 'WHY', cell: (strategy) => strategy.reason },
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
