import type { CallUsage, PhaseUsage, Usage } from '../../shared/usage.ts';
import { ASSUMED, MONTH_HOURS } from './assumed.ts';
import { type Amounts, amountsOfCalls, amountsOfInvocations, sum, times } from './rates.ts';

/** What the phases of a run say. */

const DRAIN = 'drain';
export const HOUR_MS = 3_600_000;

/**
 * What the drain uses of AWS for one message, and for one batch whatever its size. Lambda's empty receives are of a
 * number of their own.
 * @returns undefined when it was given nothing
 */
export function drainOf({
  calls,
  invocations,
}: PhaseUsage): { perRecord: Amounts; perBatch: Amounts } | undefined {
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
export function batchesPerHour({ standing, phases: { steady } }: Usage, messagesPerHour: number): number {
  const sends = steady.calls.filter(isSend).reduce((total, each) => total + each.calls, 0);
  if (sends === 0) return 0;
  const gapMs = steady.durationMs / sends;
  return Math.max(HOUR_MS / (standing.batchWindowMs + gapMs), messagesPerHour / standing.batchSize);
}

export function isSend({ component, service, operation }: CallUsage): boolean {
  return component.startsWith('bridge-') && service === 'sqs' && operation.startsWith('SendMessage');
}

/** What a bridge asks whether or not anything happens. */
export function isWatch(call: CallUsage): boolean {
  return call.component.startsWith('bridge-') && (call.service === 'dynamodb' || isEmpty(call));
}

function isEmpty({ operation }: CallUsage): boolean {
  return operation.endsWith('(empty)');
}

/** Messages of a phase; those of the polled lane grow with the number of contracts. */
export function messagesOf({ messages }: PhaseUsage): { readonly all: number; readonly polled: number } {
  // What the feed sends has no kind of ours.
  const kinds = Object.entries(messages).filter(([kind]) => kind !== 'registry');
  const total = (of: readonly (readonly [string, number])[]) => of.reduce((all, [, count]) => all + count, 0);
  return { all: total(kinds), polled: total(kinds.filter(([kind]) => kind.startsWith('snapshot poll '))) };
}

/** One message: sent, received, deleted, one invocation, one lease. */
export function heartbeatAmounts({ invocations }: PhaseUsage): Amounts {
  const drain = invocations.filter(({ component }) => component === DRAIN);
  const count = drain.reduce((total, each) => total + each.invocations, 0);
  return sum([
    { sqsRequest: 3, dynamodbWrite: 1 },
    times(amountsOfInvocations(drain), count === 0 ? 0 : 1 / count),
  ]);
}

const GB = 1e9;
const RAW = 'raw';
const AUDIT_TABLE = /audit/i;
const KB = 1024;

/**
 * What a part of the month leaves behind, by the phase that it was measured in. An upper bound: each KB that is
 * written to the audit as if it were new.
 */
export function storageAmounts({ calls }: PhaseUsage, part: Amounts): Amounts {
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
