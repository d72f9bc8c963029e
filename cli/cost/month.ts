import { BRIDGE } from '../../shared/limits.ts';
import { type CallUsage, PHASES, type PhaseUsage, type Usage } from '../../shared/usage.ts';
import { PRICES, type PriceKey } from './prices.ts';
import {
  type Amounts,
  amountsOfCalls,
  amountsOfInvocations,
  entries,
  sum,
  times,
  unpriced,
} from './rates.ts';

const DRAIN = 'drain';
const HOUR_MS = 3_600_000;
/** Of an average month; 24 x 5 of them the market trades. */
const MONTH_HOURS = (24 * 365.25) / 12;
const TRADING_HOURS = (MONTH_HOURS * 5) / 7;

/** What no short run can show. Each is said beside the figures: docs/cost.md. */
const ASSUMED = {
  /** Five pollers, each with a long poll of 20 s; on a quiet queue Lambda may make do with two. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
  pollsPerMinute: 15,
  registryChangesPerDay: 20,
  /** A change is a transaction on HEAD, strategy and history, each twice a plain write. */
  registryChangeUnits: 6,
  /** Of one hourly pass of the compaction, beside a GET for each raw object; measured: docs/cost.md. */
  compaction: { s3Write: 6, s3Read: 20, durationMs: 6000, memoryMb: 1024, diskGb: 1.5 },
  passesPerDay: 25,
  /** Raw objects stay a week and another 30 days as versions of a bucket that forgets nothing at once. */
  rawDays: 37,
} as const;

/** One driver of cost and what it uses in a month. */
interface Line {
  readonly path: 'ingest' | 'beside';
  readonly driver: string;
  /** Where the figure comes from. */
  readonly basis: string;
  readonly amounts: Amounts;
}

export interface ServiceCost {
  readonly price: PriceKey;
  readonly service: (typeof PRICES)[PriceKey]['service'];
  readonly amount: number;
  readonly grossUsd: number;
  /** What is left when the always-free part is taken off the whole. */
  readonly netUsd: number;
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

/** @returns dollars before and after the free part, which is taken off the sum and not off each line */
export function costsOf(amounts: Amounts): ServiceCost[] {
  return entries(amounts)
    .filter(([, amount]) => amount > 0)
    .map(([price, amount]) => {
      const { service, usd, free } = PRICES[price];
      return { price, service, amount, grossUsd: amount * usd, netUsd: Math.max(0, amount - free) * usd };
    });
}

function grossOf(amounts: Amounts): number {
  return costsOf(amounts).reduce((total, { grossUsd }) => total + grossUsd, 0);
}

/**
 * What the drain uses of AWS for one message, and for one batch whatever its size. Lambda's empty receives are of a
 * number of their own.
 * @returns undefined when it was given nothing
 */
function drainOf({ calls, invocations }: PhaseUsage): { perRecord: Amounts; perBatch: Amounts } | undefined {
  const own = invocations.filter(({ component }) => component === DRAIN);
  const records = own.reduce((total, each) => total + each.records, 0);
  const batches = own.reduce((total, each) => total + each.invocations, 0);
  if (records === 0) return undefined;
  const mine = calls.filter((call) => call.component === DRAIN && !isEmpty(call));
  const receives = mine.filter(({ operation }) => operation === 'ReceiveMessage');
  const received = receives.reduce((total, { messages }) => total + messages, 0);
  const puts = mine.filter(({ service }) => service === 's3');
  const others = mine.filter((call) => !receives.includes(call) && !puts.includes(call));
  return {
    perRecord: sum([
      times(amountsOfCalls(others), 1 / records),
      times(amountsOfCalls(receives), 1 / Math.max(1, received)),
    ]),
    perBatch: times(sum([amountsOfCalls(puts), amountsOfInvocations(own)]), 1 / batches),
  };
}

/** A window opens with the first message after the batch before, and closes by itself or with a full batch. */
function batchesPerHour({ standing, phases: { steady } }: Usage, messagesPerHour: number): number {
  const sends = steady.calls.filter(isSend).reduce((total, each) => total + each.calls, 0);
  if (sends === 0) return 0;
  const gapMs = steady.durationMs / sends;
  return Math.max(HOUR_MS / (standing.batchWindowMs + gapMs), messagesPerHour / standing.batchSize);
}

function isSend({ component, service, operation }: CallUsage): boolean {
  return component.startsWith('bridge-') && service === 'sqs' && operation.startsWith('SendMessage');
}

/** What a bridge asks whether or not anything happens. */
function isWatch(call: CallUsage): boolean {
  return call.component.startsWith('bridge-') && (call.service === 'dynamodb' || isEmpty(call));
}

function isEmpty({ operation }: CallUsage): boolean {
  return operation.endsWith('(empty)');
}

/** Messages of a phase; those of the polled lane grow with the number of contracts. */
function messagesOf({ messages }: PhaseUsage): { readonly all: number; readonly polled: number } {
  // What the feed sends has no kind of ours.
  const kinds = Object.entries(messages).filter(([kind]) => kind !== 'registry');
  const total = (of: readonly (readonly [string, number])[]) => of.reduce((all, [, count]) => all + count, 0);
  return { all: total(kinds), polled: total(kinds.filter(([kind]) => kind.startsWith('snapshot poll '))) };
}

/** One message: sent, received, deleted, one invocation, one lease. */
function heartbeatAmounts({ invocations }: PhaseUsage): Amounts {
  const drain = invocations.filter(({ component }) => component === DRAIN);
  const count = drain.reduce((total, each) => total + each.invocations, 0);
  return sum([
    { sqsRequest: 3, dynamodbWrite: 1 },
    times(amountsOfInvocations(drain), count === 0 ? 0 : 1 / count),
  ]);
}

/** One change: a transaction, one invocation of the feed, and for each bridge a message sent, received, deleted. */
function registryAmounts({ standing, phases }: Usage): Amounts {
  const feed = PHASES.flatMap((name) => phases[name].invocations).filter(
    ({ component }) => component === 'feed',
  );
  const count = feed.reduce((total, each) => total + each.invocations, 0);
  return sum([
    { dynamodbWrite: ASSUMED.registryChangeUnits, sqsRequest: 3 * standing.bridges },
    times(amountsOfInvocations(feed), count === 0 ? 0 : 1 / count),
  ]);
}

function compactionAmounts(objects: number): Amounts {
  const { s3Write, s3Read, durationMs, memoryMb, diskGb } = ASSUMED.compaction;
  const passes = (ASSUMED.passesPerDay * MONTH_HOURS) / 24;
  const seconds = durationMs / 1000;
  const one: Amounts = {
    s3Write,
    s3Read,
    lambdaRequest: 1,
    lambdaCompute: seconds * (memoryMb / 1024),
    lambdaDisk: seconds * diskGb,
  };
  return sum([times(one, passes), { s3Read: objects }]);
}

const GB = 1e9;
const RAW = 'raw';
const AUDIT_TABLE = /audit/i;
const KB = 1024;

/**
 * What a part of the month leaves behind, by the phase that it was measured in. An upper bound: each KB that is
 * written to the audit as if it were new.
 */
function storageAmounts({ calls }: PhaseUsage, part: Amounts): Amounts {
  const own = calls.filter(({ component }) => component === DRAIN);
  const puts = own.filter(({ service, resource }) => service === 's3' && resource === RAW);
  const bytes = puts.reduce((total, { bytesIn }) => total + bytesIn, 0);
  const objects = puts.reduce((total, each) => total + each.calls, 0);
  const written = (of: readonly CallUsage[]) => of.reduce((total, { writeUnits }) => total + writeUnits, 0);
  const audit = written(own.filter(({ resource }) => AUDIT_TABLE.test(resource))) / Math.max(1, written(own));
  const rawGb = ((part.s3Write ?? 0) * bytes) / Math.max(1, objects) / GB;
  const auditGb = (audit * (part.dynamodbWrite ?? 0) * KB) / GB;
  return {
    s3Storage: rawGb * (ASSUMED.rawDays / (MONTH_HOURS / 24)),
    dynamodbStorage: auditGb,
    dynamodbRecovery: auditGb,
  };
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} min`;
}
