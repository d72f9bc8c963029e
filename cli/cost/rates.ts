import type { CallUsage, InvocationUsage, PhaseUsage } from '../../shared/usage.ts';
import { BILLED_AS, type PriceKey } from './prices.ts';

/** Amounts to be paid for, by price. */
export type Amounts = Readonly<Partial<Record<PriceKey, number>>>;

/** How long a handler takes on Lambda as a multiple of what it takes beside embedded services: docs/cost.md. */
export const LAMBDA_FACTOR = 3;

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
    invocations.map(({ invocations: count, durationMs, memoryMb, logBytes }) => ({
      lambdaRequest: count,
      lambdaCompute: (durationMs / 1000) * LAMBDA_FACTOR * (memoryMb / 1024),
      cloudwatchLogs: (logBytes + count * PLATFORM_LOG_BYTES) / GB,
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

/** What is left of `amounts` beyond `less`; never below zero. */
export function beyond(amounts: Amounts, less: Amounts): Amounts {
  return Object.fromEntries(
    entries(amounts).map(([key, amount]) => [key, Math.max(0, amount - (less[key] ?? 0))]),
  );
}

export function entries(amounts: Amounts): [PriceKey, number][] {
  return Object.entries(amounts) as [PriceKey, number][];
}
