import { isActive, isOpen, type Strategy } from './strategy.ts';

/**
 * The bridge's copy of the registry as a value. Every write of the registry takes the next number n and changes
 * exactly one strategy, so a copy that has seen every n up to `contiguous` is the table as of `contiguous`.
 */
export interface Replica {
  readonly strategies: ReadonlyMap<string, Strategy>;
  /** The highest n below which nothing is missing. */
  readonly contiguous: number;
  /** Versions seen beyond a gap. */
  readonly ahead: ReadonlySet<number>;
}

export const EMPTY_REPLICA: Replica = { strategies: new Map(), contiguous: 0, ahead: new Set() };

/**
 * Applies one image of the feed: newer wins, so duplicates and reordering do no harm.
 * @returns the same object when nothing changed
 */
export function applyImage(replica: Replica, image: Strategy): Replica {
  const present = replica.strategies.get(image.id);
  const isStale = present !== undefined && present.registryVersion >= image.registryVersion;
  const isCounted = image.registryVersion <= replica.contiguous || replica.ahead.has(image.registryVersion);
  if (isStale && isCounted) return replica;

  const strategies = isStale ? replica.strategies : new Map(replica.strategies).set(image.id, image);
  return { strategies, ...advance(replica.contiguous, [...replica.ahead, image.registryVersion]) };
}

export interface Scan {
  readonly strategies: readonly Strategy[];
  /** HEAD before the query, equal to HEAD after it: the query saw the table at this version. */
  readonly head: number;
  /** The replica's `contiguous` when the scan began. */
  readonly contiguousBefore: number;
}

/**
 * Applies a complete, consistent read of the table. What the feed brought meanwhile stays. A table whose head is
 * behind the replica was restored from a backup: the table is the truth, the replica starts again from it.
 */
export function applyScan(replica: Replica, scan: Scan): Replica {
  const scanned = new Map(scan.strategies.map((strategy) => [strategy.id, strategy]));
  if (scan.head < scan.contiguousBefore) {
    return { strategies: scanned, contiguous: scan.head, ahead: new Set() };
  }
  const strategies = new Map(scanned);
  for (const [id, present] of replica.strategies) {
    if (present.registryVersion > scan.head) strategies.set(id, present);
  }
  return { strategies, ...advance(Math.max(scan.head, replica.contiguous), [...replica.ahead]) };
}

/** True while a version is known to exist that has not been seen: the scan is due when this lasts. */
export function hasGap(replica: Replica): boolean {
  return replica.ahead.size > 0;
}

/**
 * @returns conId -> ids of the ACTIVE strategies that hold or watch it, in text order. The last one to let go
 *   frees the line.
 */
export function activeContracts(strategies: Iterable<Strategy>): Map<number, string[]> {
  return referencesByContract(strategies, isActive);
}

/** @returns conId -> ids of the open strategies of one account that hold or watch it, in text order */
export function openStrategiesByContract(
  strategies: Iterable<Strategy>,
  account: string,
): Map<number, string[]> {
  return referencesByContract(strategies, (strategy) => isOpen(strategy) && strategy.account === account);
}

function referencesByContract(
  strategies: Iterable<Strategy>,
  counts: (strategy: Strategy) => boolean,
): Map<number, string[]> {
  const references = new Map<number, string[]>();
  for (const strategy of strategies) {
    if (!counts(strategy)) continue;
    for (const leg of strategy.legs) {
      const owners = references.get(leg.conId);
      if (owners) owners.push(strategy.id);
      else references.set(leg.conId, [strategy.id]);
    }
  }
  for (const owners of references.values()) owners.sort();
  return references;
}

function advance(from: number, seen: readonly number[]): Pick<Replica, 'contiguous' | 'ahead'> {
  const ahead = new Set(seen.filter((version) => version > from));
  let contiguous = from;
  while (ahead.delete(contiguous + 1)) contiguous += 1;
  return { contiguous, ahead };
}
