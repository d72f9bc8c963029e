import type { CallUsage, InvocationUsage, PhaseUsage } from '../../shared/usage.ts';
import { BILLED_AS, type PriceKey } from './prices.ts';

/** Amounts to be paid for, by price. */
export type Amounts = Readonly<Partial<Record<PriceKey, number>>>;

/** Of memory at which a function has one processor. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const MB_PER_CPU = 1769;

/** What a handler waits for S3 and DynamoDB, which answer at once here: assumed, docs/cost.md. */
const WAIT_MS = 100;

/** @returns how long invocations take on Lambda, by the processor time that they took here */
function billedMs({ invocations, cpuMs, memoryMb }: InvocationUsage): number {
  return cpuMs * Math.max(1, MB_PER_CPU / Math.max(1, memoryMb)) + invocations * WAIT_MS;
}

/** What Lambda itself logs of each invocation: START, END and REPORT in JSON. */
const PLATFORM_LOG_BYTES = 700;

const GB = 1e9;

/** @returns what calls are billed as; operations that no price knows are left out: see `unpriced` */
export function amountsOfCalls(calls: readonly CallUsage[]): Amounts {
  return sum(
    calls.map((call): Amounts => {
      const billed = BILLED_AS[nameOf(call)];
      if (billed === undefined || billed === 'free') return {};
      if (billed === 'units') return { dynamodbWrite: call.writeUnits, dynamodbRead: call.readUnits };
      return { [billed]: call.requests };
    }),
  );
}

export function amountsOfInvocations(invocations: readonly InvocationUsage[]): Amounts {
  return sum(
    invocations.map((usage) => ({
      lambdaRequest: usage.invocations,
      lambdaCompute: (billedMs(usage) / 1000) * (usage.memoryMb / 1024),
      cloudwatchLogs: (usage.logBytes + usage.invocations * PLATFORM_LOG_BYTES) / GB,
    })),
  );
}

/** @returns operations without a row in the price table */
export function unpriced(phases: readonly PhaseUsage[]): string[] {
  const names = phases.flatMap(({ calls }) => calls.map(nameOf));
  return [...new Set(names)].filter((name) => BILLED_AS[name] === undefined).sort();
}

function nameOf({ service, operation }: CallUsage): string {
  return `${service}:${operation}`;
}

export function sum(all: readonly Amounts[]): Amounts {
  const total: Partial<Record<PriceKey, number>> = {};
  for (const amounts of all) {
    for (const [key, amount] of entries(amounts)) total[key] = (total[key] ?? 0) + amount;
  }
  return total;
}

export function times(amounts: Amounts, factor: number): Amounts {
  return Object.fromEntries(entries(amounts).map(([key, amount]) => [key, amount * factor]));
}

export function entries(amounts: Amounts): [PriceKey, number][] {
  return Object.entries(amounts) as [PriceKey, number][];
}
