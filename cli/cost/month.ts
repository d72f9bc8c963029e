import { BRIDGE } from '../../shared/limits.ts';
import { PHASES, type PhaseUsage, type Usage } from '../../shared/usage.ts';
import { ASSUMED, compactionAmounts, MONTH_HOURS, registryAmounts, TRADING_HOURS } from './assumed.ts';
import { costsOf, grossOf, type ServiceCost } from './bill.ts';
import {
  batchesPerHour,
  drainOf,
  HOUR_MS,
  heartbeatAmounts,
  isSend,
  isWatch,
  messagesOf,
  storageAmounts,
} from './measured.ts';
import { type Amounts, amountsOfCalls, sum, times, unpriced } from './rates.ts';

/** One driver of cost and what it uses in a month. */
interface Line {
  readonly path: 'ingest' | 'beside';
  readonly driver: string;
  /** Where the figure comes from. */
  readonly basis: string;
  readonly amounts: Amounts;
}

export interface Month {
  readonly contracts: number;
  /** Of the run that everything was measured in. */
  readonly measuredMs: number;
  readonly keyframesMeasured: number;
  readonly lines: readonly (Line & { readonly grossUsd: number })[];
  readonly costs: readonly ServiceCost[];
  readonly ingestGrossUsd: number;
  readonly grossUsd: number;
  readonly netUsd: number;
  /** Operations without a price: the figures are too low by them. */
  readonly unpriced: readonly string[];
}

/** Counts too few to say anything of a month. */
export class TooShort extends Error {
  override readonly name = 'TooShort';
}

/**
 * Turns the counts of a run into a month. What a message costs between keyframes and what it costs in one is measured;
 * so is how many there are. What no short run shows is ASSUMED, what stands day and night is in the templates.
 * @param contracts default: as many as the run had
 * @throws TooShort when the run has no steady minute yet
 */
export function monthOf(usage: Usage, contracts: number = usage.contracts): Month {
  const { phases } = usage;
  if (usage.contracts === 0) throw new TooShort('no sweep of all positions has been recorded yet');
  if (phases.steady.durationMs === 0) throw new TooShort('no whole minute has passed since the first sweep');
  const changes = changesLine(usage, contracts / usage.contracts);
  const keyframes = keyframesLine(usage, contracts);
  const lines = [changes, keyframes, ...idleLines(usage), ...besideLines(usage, { changes, keyframes })].map(
    (line) => ({ ...line, grossUsd: grossOf(line.amounts) }),
  );
  const costs = costsOf(sum(lines.map(({ amounts }) => amounts)));
  const ingest = lines.filter(({ path }) => path === 'ingest');
  return {
    contracts,
    measuredMs: PHASES.reduce((total, name) => total + phases[name].durationMs, 0),
    keyframesMeasured: phases.keyframe.times,
    lines,
    costs,
    ingestGrossUsd: ingest.reduce((total, { grossUsd }) => total + grossUsd, 0),
    grossUsd: costs.reduce((total, { grossUsd }) => total + grossUsd, 0),
    netUsd: costs.reduce((total, { netUsd }) => total + netUsd, 0),
    unpriced: unpriced(PHASES.map((name) => phases[name])),
  };
}

/** @param scale of what is polled: streams do not grow with the portfolio */
function changesLine(usage: Usage, scale: number): Line {
  const { steady } = usage.phases;
  const hours = steady.durationMs / HOUR_MS;
  const sent = messagesOf(steady);
  const growth = (sent.all - sent.polled + sent.polled * scale) / Math.max(1, sent.all);
  const messagesPerHour = (sent.all / hours) * growth;
  const drained = drainOf(steady) ?? drainOf(burstOf(usage));
  if (drained === undefined) throw new TooShort('the drain has stored nothing yet');
  const perHour = sum([
    times(amountsOfCalls(steady.calls.filter(isSend)), growth / hours),
    times(drained.perRecord, messagesPerHour),
    times(drained.perBatch, batchesPerHour(usage, messagesPerHour)),
  ]);
  return {
    path: 'ingest',
    driver: 'what changes while the market trades',
    basis: `${minutes(steady.durationMs)} of the run x ${TRADING_HOURS.toFixed(0)} h`,
    amounts: times(perHour, TRADING_HOURS),
  };
}

function keyframesLine(usage: Usage, contracts: number): Line {
  const burst = burstOf(usage);
  const drained = drainOf(burst) ?? { perRecord: {}, perBatch: {} };
  const one = sum([
    times(amountsOfCalls(burst.calls.filter(isSend)), contracts / Math.max(1, messagesOf(burst).all)),
    times(drained.perRecord, contracts),
    times(drained.perBatch, Math.ceil(contracts / usage.standing.batchSize)),
  ]);
  const count = TRADING_HOURS * (HOUR_MS / BRIDGE.keyframePeriodMs);
  const measured = usage.phases.keyframe.times;
  return {
    path: 'ingest',
    driver: 'keyframes',
    basis: `${measured > 0 ? measured : 'the first sweep'} of the run x ${count.toFixed(0)}`,
    amounts: times(one, count),
  };
}

/** A run that had no keyframe has its first sweep. */
function burstOf({ phases: { keyframe, startup } }: Usage): PhaseUsage {
  return keyframe.times > 0 ? keyframe : startup;
}

/** What goes on while nothing trades. */
function idleLines({ phases: { steady } }: Usage): Line[] {
  const heartbeatsPerHour = (steady.messages.heartbeat ?? 0) / (steady.durationMs / HOUR_MS);
  const rest = MONTH_HOURS - TRADING_HOURS;
  return [
    {
      path: 'ingest',
      driver: 'heartbeats while nothing trades',
      basis: `${heartbeatsPerHour.toFixed(0)} an hour x ${rest.toFixed(0)} h, one message a batch`,
      amounts: times(heartbeatAmounts(steady), heartbeatsPerHour * rest),
    },
    {
      path: 'ingest',
      driver: "Lambda's polls of the snapshot queue",
      basis: `${ASSUMED.pollsPerMinute} a minute, day and night`,
      amounts: pollAmounts(1),
    },
  ];
}

function pollAmounts(queues: number): Amounts {
  return { sqsRequest: queues * ASSUMED.pollsPerMinute * 60 * MONTH_HOURS };
}

function besideLines(
  usage: Usage,
  { changes, keyframes }: { readonly changes: Line; readonly keyframes: Line },
): Line[] {
  const { standing, phases } = usage;
  const { steady } = phases;
  const otherQueues = standing.queueMappings - 1;
  const objects = (changes.amounts.s3Write ?? 0) + (keyframes.amounts.s3Write ?? 0);
  const beside = (driver: string, basis: string, amounts: Amounts): Line => ({
    path: 'beside',
    driver,
    basis,
    amounts,
  });
  return [
    beside(
      "Lambda's polls of other queues",
      `${otherQueues} more, ${ASSUMED.pollsPerMinute} a minute`,
      pollAmounts(otherQueues),
    ),
    beside(
      'bridge: long polls of its feed, heads and leases',
      `${minutes(steady.durationMs)} of the run x ${MONTH_HOURS.toFixed(0)} h`,
      times(amountsOfCalls(steady.calls.filter(isWatch)), MONTH_HOURS / (steady.durationMs / HOUR_MS)),
    ),
    beside(
      'changes of the registry',
      `${ASSUMED.registryChangesPerDay} a trading day`,
      times(registryAmounts(usage), (ASSUMED.registryChangesPerDay * TRADING_HOURS) / 24),
    ),
    beside(
      'compaction',
      `${ASSUMED.passesPerDay} passes a day, and each raw object once`,
      compactionAmounts(objects),
    ),
    beside(
      'storage',
      `bytes of the run; raw objects for ${ASSUMED.rawDays} days, the audit for 30`,
      sum([storageAmounts(steady, changes.amounts), storageAmounts(burstOf(usage), keyframes.amounts)]),
    ),
    beside('alarms, metrics, dashboards', 'the synthesized templates', {
      cloudwatchMetric: standing.customMetrics,
      cloudwatchAlarm: standing.alarmMetrics,
      cloudwatchDashboard: standing.dashboards,
    }),
  ];
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} min`;
}
