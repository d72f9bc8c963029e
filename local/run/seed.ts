import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { RegistryStore } from '../../cli/registry/store.ts';
import { describeFaults } from '../../shared/message.ts';
import { type StrategyInput, strategyInputSchema } from '../../shared/strategy.ts';
import type { Condor } from '../gateway/portfolio.ts';
import { LocalFault } from './fault.ts';

const fileSchema = z.union([
  z.array(strategyInputSchema),
  z.object({ strategies: z.array(strategyInputSchema) }).transform(({ strategies }) => strategies),
]);

/** @returns each condor of a portfolio as an ACTIVE strategy, the first one served first */
export function strategiesOfCondors(condors: readonly Condor[]): StrategyInput[] {
  return condors.map((condor, index) => ({
    id: condor.name,
    account: condor.account,
    status: 'ACTIVE',
    priority: Math.min(100, index + 1),
    legs: condor.legs,
    tags: ['iron-condor', condor.underlying],
    rolledFrom: [],
  }));
}

/**
 * Reads `--registry`: a JSON array of strategies, or `{ "strategies": [...] }`.
 * @throws LocalFault naming every fault
 */
export async function readStrategies(path: string): Promise<StrategyInput[]> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new LocalFault(`--registry ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const list = Array.isArray(json)
      ? z.array(strategyInputSchema)
      : z.object({ strategies: z.array(strategyInputSchema) });
    const faults = list.safeParse(json).error;
    throw new LocalFault(
      `--registry ${path} must be a JSON array of strategies: ${describeFaults(faults ?? parsed.error)}`,
    );
  }
  const ids = parsed.data.map((strategy) => strategy.id);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  if (twice.length > 0) throw new LocalFault(`--registry ${path} names ${twice.join(', ')} more than once`);
  return parsed.data;
}

/** Writes those that are not there yet: a first run that was killed half way goes on where it was. */
export async function seedRegistry(
  store: RegistryStore,
  strategies: readonly StrategyInput[],
): Promise<number> {
  const present = new Set((await store.list()).map((strategy) => strategy.id));
  const absent = strategies.filter((strategy) => !present.has(strategy.id));
  for (const strategy of absent) await store.put(strategy, { expectedVersion: 0 });
  return absent.length;
}
