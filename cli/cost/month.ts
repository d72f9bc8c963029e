import { BRIDGE } from '../../shared/limits.ts';
import { PHASES, type Usage } from '../../shared/usage.ts';
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
  const { steady, startup, keyframe } = usage.phases;
  if (usage.contracts === 0) throw new TooShort('no sweep of all positions has been recorded yet');
  if (steady.durationMs === 0) throw new TooShort('no whole minute has passed since the first sweep');
  const scale = contracts / usage.contracts;
  const hours = steady.durationMs / HOUR_MS;
  const burst = keyframe.times > 0 ? keyframe : startup;
  const sent = messagesOf(steady);
  const heartbeatsPerHour = (steady.messages.heartbeat ?? 0) / hours;
  const growth = (sent.all - sent.polled + sent.polled * scale) / Math.max(1, sent.all);
  const messagesPerHour = (sent.all / hours) * growth;
  const drained = drainOf(steady) ?? drainOf(burst);
  if (drained === undefined) throw new TooShort('the drain has stored nothing yet');
  const changes = times(
    sum([
      times(amountsOfCalls(steady.calls.filter(isSend)), growth / hours),
      times(drained.perRecord, messagesPerHour),
      times(drained.perBatch, batchesPerHour(usage, messagesPerHour)),
    ]),
    TRADING_HOURS,
  );
  const keyframesPerMonth = TRADING_HOURS * (HOUR_MS / BRIDGE.keyframePeriodMs);
  const burstDrained = drainOf(burst) ?? drained;
  const keyframes = times(
    sum([
      times(amountsOfCalls(burst.calls.filter(isSend)), contracts / Math.max(1, messagesOf(burst).all)),
      times(burstDrained.perRecord, contracts),
      times(burstDrained.perBatch, Math.ceil(contracts / usage.standing.batchSize)),
    ]),
    keyframesPerMonth,
  );
  const rest = MONTH_HOURS - TRADING_HOURS;
  const objects = (changes.s3Write ?? 0) + (keyframes.s3Write ?? 0);

  const lines: Line[] = [
    {
      path: 'ingest',
      driver: 'what changes while the market trades',
      basis: `${minutes(steady.durationMs)} of the run x ${TRADING_HOURS.toFixed(0)} h`,
      amounts: changes,
    },
    {
      path: 'ingest',
      driver: 'keyframes',
      basis: `${keyframe.times > 0 ? keyframe.times : 'the first sweep'} of the run x ${keyframesPerMonth.toFixed(0)}`,
      amounts: keyframes,
    },
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
      amounts: { sqsRequest: ASSUMED.pollsPerMinute * 60 * MONTH_HOURS },
    },
    {
      path: 'beside',
      driver: "Lambda's polls of other queues",
      basis: `${usage.standing.queueMappings - 1} more, ${ASSUMED.pollsPerMinute} a minute`,
      amounts: {
        sqsRequest: (usage.standing.queueMappings - 1) * ASSUMED.pollsPerMinute * 60 * MONTH_HOURS,
      },
    },
    {
      path: 'beside',
      driver: 'bridge: long polls of its feed, heads and leases',
      basis: `${minutes(steady.durationMs)} of the run x ${MONTH_HOURS.toFixed(0)} h`,
      amounts: times(amountsOfCalls(steady.calls.filter(isWatch)), MONTH_HOURS / hours),
    },
    {
      path: 'beside',
      driver: 'changes of the registry',
      basis: `${ASSUMED.registryChangesPerDay} a trading day`,
      amounts: times(registryAmounts(usage), (ASSUMED.registryChangesPerDay * TRADING_HOURS) / 24),
    },
    {
      path: 'beside',
      driver: 'compaction',
      basis: `${ASSUMED.passesPerDay} passes a day, and each raw object once`,
      amounts: compactionAmounts(objects),
    },
    {
      path: 'beside',
      driver: 'storage',
      basis: `bytes of the run; raw objects for ${ASSUMED.rawDays} days, the audit for 30`,
      amounts: sum([storageAmounts(steady, changes), storageAmounts(burst, keyframes)]),
    },
    {
      path: 'beside',
      driver: 'alarms, metrics, dashboards',
      basis: 'the synthesized templates',
      amounts: {
        cloudwatchMetric: usage.standing.customMetrics,
        cloudwatchAlarm: usage.standing.alarmMetrics,
        cloudwatchDashboard: usage.standing.dashboards,
      },
    },
  ];
  const costs = costsOf(sum(lines.map(({ amounts }) => amounts)));
  const priced = lines.map((line) => ({ ...line, grossUsd: grossOf(line.amounts) }));
  return {
    contracts,
    measuredMs: PHASES.reduce((total, name) => total + usage.phases[name].durationMs, 0),
    keyframesMeasured: keyframe.times,
    lines: priced,
    costs,
    ingestGrossUsd: priced.reduce(
      (total, { path, grossUsd }) => total + (path === 'ingest' ? grossUsd : 0),
      0,
    ),
    grossUsd: costs.reduce((total, { grossUsd }) => total + grossUsd, 0),
    netUsd: costs.reduce((total, { netUsd }) => total + netUsd, 0),
    unpriced: unpriced(PHASES.map((name) => usage.phases[name])),
  };
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} min`;
}
