import { maskAccount } from '../../shared/account.ts';
import type { BridgeStatus } from '../../shared/status.ts';
import { isActive, type Strategy } from '../../shared/strategy.ts';
import type { LineCounts } from '../gateway/lines.ts';
import type { Truth } from './truth.ts';

/** Everything there is to see at one moment, from all sides. */
export interface Observation {
  /** Undefined while the bridge does not answer. */
  readonly status: BridgeStatus | undefined;
  /** By the gateway's own count. */
  readonly lines: Pick<LineCounts, 'byConId' | 'peakWithSnapshots'>;
  readonly orders: number;
  /** The most that the bridge was told to use. */
  readonly cap: number;
  /** As the registry has them, and its version. */
  readonly strategies: readonly Strategy[];
  readonly registryVersion: number;
  /** What is truly held, and what the positions table says: key -> quantity. */
  readonly truth: ReadonlyMap<string, string>;
  readonly table: ReadonlyMap<string, string>;
}

/** @returns what is not as it should be while nothing goes on, one sentence each; nothing where all is well */
export function complaintsOf(observation: Observation): string[] {
  const { status, cap, lines, orders } = observation;
  const always = [
    ...(lines.peakWithSnapshots > cap
      ? [`the gateway counted ${lines.peakWithSnapshots} lines at once, ${cap} were allowed`]
      : []),
    ...(orders > 0 ? [`${orders} requests that could have traded`] : []),
  ];
  if (status === undefined) return [...always, 'the bridge does not answer'];
  return [
    ...always,
    ...sessionComplaints(status),
    ...registryComplaints(observation, status),
    ...lineComplaints(observation, status),
    ...positionComplaints(observation, status),
  ];
}

function sessionComplaints({ gateway }: BridgeStatus): string[] {
  if (gateway.state !== 'ready') return [`the session is ${gateway.state}: ${gateway.lastFault ?? ''}`];
  return gateway.linkUp ? [] : ['the bridge takes the link to IB to be down'];
}

function registryComplaints({ strategies, registryVersion }: Observation, status: BridgeStatus): string[] {
  const { state, version } = status.registry;
  if (state !== 'current' || version !== registryVersion) {
    return [`the bridge's registry is ${state} at version ${version}, the table at ${registryVersion}`];
  }
  const known = new Map(status.lines.strategies.map((strategy) => [strategy.id, strategy]));
  return strategies.filter(isActive).flatMap(({ id }) => {
    const shown = known.get(id);
    if (shown === undefined) return [`${id} is active, and the bridge does not know it`];
    const isExplained = shown.state === 'degraded' && shown.reason.length > 0;
    return shown.state === 'streaming' || isExplained ? [] : [`${id} is ${shown.state}: ${shown.reason}`];
  });
}

/** Wanted, as the registry says; confirmed, as the bridge says; counted, as the gateway says: one and the same. */
function lineComplaints({ strategies, lines }: Observation, status: BridgeStatus): string[] {
  const streaming = new Set(
    status.lines.strategies.filter(({ state }) => state === 'streaming').map(({ id }) => id),
  );
  const wanted = new Set(
    strategies
      .filter((strategy) => isActive(strategy) && streaming.has(strategy.id))
      .flatMap(({ legs }) => legs.map(({ conId }) => conId)),
  );
  const rows = confirmedRows(status);
  const confirmed = new Set(rows.map(({ conId }) => conId));
  const complaints: string[] = [];
  const missing = [...wanted].filter((conId) => !confirmed.has(conId));
  if (missing.length > 0) complaints.push(`wanted and not confirmed: ${missing.join(', ')}`);
  const unwanted = rows.filter(({ conId, watch }) => !wanted.has(conId) && watch !== true);
  if (unwanted.length > 0) {
    complaints.push(`confirmed and not wanted: ${unwanted.map(({ conId }) => conId).join(', ')}`);
  }
  const miscounted = [...confirmed].filter((conId) => lines.byConId.get(conId) !== 1);
  if (miscounted.length > 0) {
    const counts = miscounted.map((conId) => `${conId} (${lines.byConId.get(conId) ?? 0})`);
    complaints.push(`confirmed, and not one line by the gateway's count: ${counts.join(', ')}`);
  }
  const silent = rows.filter(({ quality }) => quality === 'stale' || quality === 'none');
  if (silent.length > 0) {
    complaints.push(
      `confirmed and silent: ${silent.map(({ conId, quality }) => `${conId} ${quality}`).join(', ')}`,
    );
  }
  return complaints;
}

/**
 * What is polled comes and goes, and a cancel may wait for its turn: a line that nobody wants is one that stays.
 * @returns a complaint where the gateway counts more of them at both times than the bridge polls
 */
export function strayLines(before: Observation, after: Observation): string[] {
  const [first, last] = [before, after].map(({ lines, status }) => {
    const confirmed = new Set(confirmedRows(status).map(({ conId }) => conId));
    return new Set([...lines.byConId.keys()].filter((conId) => !confirmed.has(conId)));
  });
  const polled = Math.max(...[before, after].map(({ status }) => status?.lines.snapshotsInFlight ?? 0));
  const strays = [...(first ?? [])].filter((conId) => last?.has(conId));
  if (strays.length <= polled) return [];
  return [`the gateway keeps lines of ${strays.join(', ')}, and the bridge polls ${polled} contracts`];
}

/** @returns a complaint where a line that streamed at both times brought nothing in between, though the market moved */
export function silentLines(before: Observation, after: Observation): string[] {
  const ticks = new Map(
    confirmedRows(before.status).map(({ conId, ticks: count, since }) => [`${conId} ${since}`, count]),
  );
  const silent = confirmedRows(after.status).filter(
    ({ conId, ticks: count, since }) => ticks.get(`${conId} ${since}`) === count,
  );
  return silent.length === 0
    ? []
    : [`confirmed, and no tick came: ${silent.map(({ conId }) => conId).join(', ')}`];
}

function confirmedRows(status: BridgeStatus | undefined): BridgeStatus['lines']['rows'] {
  return status?.lines.rows.filter(({ state }) => state === 'confirmed') ?? [];
}

function positionComplaints({ truth, table }: Observation, status: BridgeStatus): string[] {
  const { positions, lastFault } = status.sweeps;
  const complaints: string[] = [];
  if (positions !== truth.size) {
    complaints.push(
      `the bridge has ${positions} positions, ${truth.size} are held (${lastFault ?? 'no fault'})`,
    );
  }
  return [...complaints, ...differences('the positions table', table, truth)];
}

const NAMED_MAX = 5;

/** @returns where a record of what is held differs from what is held */
export function differences(
  whose: string,
  record: ReadonlyMap<string, string>,
  truth: ReadonlyMap<string, string>,
): string[] {
  const keys = new Set([...record.keys(), ...truth.keys()]);
  const wrong = [...keys].filter((key) => record.get(key) !== truth.get(key));
  if (wrong.length === 0) return [];
  const named = wrong
    .slice(0, NAMED_MAX)
    .map((key) => `${masked(key)}: ${record.get(key) ?? 'nothing'} for ${truth.get(key) ?? 'nothing'}`);
  return [`${whose} differs in ${wrong.length} positions: ${named.join('; ')}`];
}

/** One row of the lake that says how a position began or ended. */
export interface Turn {
  readonly key: string;
  readonly reason: 'opened' | 'closed';
  readonly atMs: number;
  readonly id: string;
}

/**
 * A close is true where the position was not held at some moment of the cycle that showed it. A position that is
 * opened more often than it was, was closed falsely in between or forgotten.
 * @param slackMs how long before its record an absence may have ended: what a cycle may take
 */
export function falseTurns(turns: readonly Turn[], truth: Truth, slackMs: number): string[] {
  const closes = turns
    .filter(({ reason }) => reason === 'closed')
    .filter(({ key, atMs }) => !truth.wasAbsent(key, atMs - slackMs, atMs))
    .map(
      ({ key, id, atMs }) =>
        `${id} closed ${masked(key)} at ${new Date(atMs).toISOString()}, and it was held`,
    );
  const opened = Map.groupBy(
    turns.filter(({ reason }) => reason === 'opened'),
    ({ key }) => key,
  );
  const opens = [...opened]
    .filter(([key, rows]) => rows.length > truth.openings(key))
    .map(
      ([key, rows]) =>
        `${masked(key)} opened ${rows.length} times, truly ${truth.openings(key)}: ${rows.map(({ id }) => id).join(', ')}`,
    );
  return [...closes, ...opens];
}

function masked(key: string): string {
  const [account = '', conId = ''] = key.split(' ');
  return `${maskAccount(account)} ${conId}`;
}
