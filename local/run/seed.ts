import { readInputs } from '../../cli/registry/input.ts';
import type { RegistryStore } from '../../cli/registry/store.ts';
import type { StrategyInput } from '../../shared/strategy.ts';
import type { Condor } from '../gateway/portfolio.ts';

const PRIORITY_LAST = 100;

/** @returns each condor of a portfolio as an ACTIVE strategy, the first one served first */
export function strategiesOfCondors(condors: readonly Condor[]): StrategyInput[] {
  return condors.map((condor, index) => ({
    id: condor.name,
    account: condor.account,
    status: 'ACTIVE',
    priority: Math.min(PRIORITY_LAST, index + 1),
    legs: condor.legs,
    tags: ['iron-condor', condor.underlying],
    rolledFrom: [],
  }));
}

/**
 * Reads `--registry`: what `slotwise registry put` takes.
 * @throws CommandFailure naming every fault
 */
export async function readStrategies(path: string): Promise<StrategyInput[]> {
  return (await readInputs(path)).map(({ input }) => input);
}

/**
 * Writes those that are not there yet: a first run that was killed half way goes on where it was.
 * @returns how many it wrote
 */
export async function seedRegistry(
  store: RegistryStore,
  strategies: readonly StrategyInput[],
): Promise<number> {
  const present = new Set((await store.list()).map((strategy) => strategy.id));
  const absent = strategies.filter((strategy) => !present.has(strategy.id));
  for (const strategy of absent) await store.put(strategy, { expectedVersion: 0 });
  return absent.length;
}
