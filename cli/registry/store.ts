import { setTimeout as delay } from 'node:timers/promises';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { describeFaults } from '../../shared/message.ts';
import { REGISTRY } from '../../shared/names.ts';
import { type Strategy, strategyInputSchema } from '../../shared/strategy.ts';
import { ClosedStrategy, InvalidStrategy, RegistryBusy, StaleVersion, UnknownStrategy } from './errors.ts';
import { readHead, readPartition, readStored, type Stored, type Table } from './read.ts';
import { writeStrategy } from './transaction.ts';

/** Each attempt loses to a write that succeeded: to reach this takes very many writers at once, or one that loops. */
const WRITE_ATTEMPTS_MAX = 40;
const BACKOFF_FIRST_MS = 4;
const BACKOFF_MAX_MS = 400;

export interface ChangeOptions {
  /**
   * The version that the caller saw, 0 for a strategy that must not exist. Without it the change is made on whatever
   * is there.
   */
  readonly expectedVersion?: number;
  readonly signal?: AbortSignal;
}

export interface PutOptions extends ChangeOptions {
  /** Opens a strategy that has ended, whatever its version: what a backup says is to be so again. */
  readonly reopens?: boolean;
}

/** What the registry gives to a strategy with every write. */
type Stamp = Pick<Strategy, 'schema' | 'version' | 'registryVersion' | 'createdAt' | 'updatedAt'>;

/**
 * Writes and reads the registry table. Every change is validated and is one transaction (transaction.ts). A lost race
 * is repeated on what is there by then; a caller that names the version it saw is refused instead.
 */
export class RegistryStore {
  readonly #table: Table;
  readonly #now: () => Date;
  readonly #random: () => number;

  constructor(options: {
    readonly client: DynamoDBDocumentClient;
    readonly table: string;
    readonly now?: () => Date;
    readonly random?: () => number;
  }) {
    this.#table = { client: options.client, name: options.table };
    this.#now = options.now ?? (() => new Date());
    this.#random = options.random ?? Math.random;
  }

  /**
   * Writes a whole strategy as its next version, or as its first one.
   * @param input what strategyInputSchema accepts; fields beyond it are ignored
   * @throws InvalidStrategy, StaleVersion, ClosedStrategy (it has ended, no version was expected, and it is not to be
   *   opened again), RegistryBusy
   */
  async put(input: unknown, options: PutOptions = {}): Promise<Strategy> {
    const parsed = strategyInputSchema.safeParse(input);
    if (!parsed.success) throw new InvalidStrategy(describeFaults(parsed.error));
    const wanted = parsed.data;
    return this.#change(wanted.id, options, (stored, stamp) => {
      const current = stored?.strategy;
      const isClosed = current?.closedAt !== undefined && current.deletedAt === undefined;
      if (isClosed && options.expectedVersion === undefined && options.reopens !== true)
        throw new ClosedStrategy(current);
      return { ...wanted, ...stamp };
    });
  }

  /**
   * @returns the strategy with that status; as it was, version included, when it had it already
   * @throws UnknownStrategy, StaleVersion, ClosedStrategy, MalformedItem, RegistryBusy
   */
  async setStatus(id: string, status: Strategy['status'], options: ChangeOptions = {}): Promise<Strategy> {
    return this.#changeExisting(id, options, (current, stamp) => {
      if (current.closedAt !== undefined) throw new ClosedStrategy(current);
      return current.status === status ? current : { ...current, ...stamp, status };
    });
  }

  /**
   * Ends a strategy: it holds nothing, wants nothing and is out of every sum. Its legs stay readable.
   * @throws UnknownStrategy, StaleVersion, MalformedItem, RegistryBusy
   */
  async close(id: string, options: ChangeOptions = {}): Promise<Strategy> {
    return this.#changeExisting(id, options, (current, stamp) =>
      current.closedAt === undefined ? { ...current, ...stamp, closedAt: stamp.updatedAt } : current,
    );
  }

  /**
   * Leaves a tombstone, so that replicas learn of it like of any other change. A later put counts on from its version.
   * @throws UnknownStrategy, StaleVersion, MalformedItem, RegistryBusy
   */
  async remove(id: string, options: ChangeOptions = {}): Promise<Strategy> {
    return this.#changeExisting(id, options, (current, stamp) => ({
      ...current,
      ...stamp,
      deletedAt: stamp.updatedAt,
    }));
  }

  /** @returns undefined when there is none, or it was removed @throws MalformedItem */
  async get(id: string): Promise<Strategy | undefined> {
    const stored = await readStored(this.#table, id);
    if (stored === undefined) return undefined;
    if (stored.strategy === undefined) throw stored.fault;
    return stored.strategy.deletedAt === undefined ? stored.strategy : undefined;
  }

  /** @returns every strategy that was not removed, closed ones included, in the order of ids @throws MalformedItem */
  async list(): Promise<Strategy[]> {
    const strategies = await readPartition(this.#table, REGISTRY.strategy);
    return strategies.filter((strategy) => strategy.deletedAt === undefined);
  }

  /** @returns every version ever written, the oldest first; empty for an unknown id @throws MalformedItem */
  async history(id: string): Promise<Strategy[]> {
    return readPartition(this.#table, REGISTRY.history(id));
  }

  /** @returns the number of the last write, 0 before the first one */
  async head(): Promise<number> {
    return readHead(this.#table);
  }

  async #changeExisting(
    id: string,
    options: ChangeOptions,
    change: (current: Strategy, stamp: Stamp) => Strategy,
  ): Promise<Strategy> {
    return this.#change(id, options, (stored, stamp) => {
      if (stored === undefined) throw new UnknownStrategy(id);
      if (stored.strategy === undefined) throw stored.fault;
      if (stored.strategy.deletedAt !== undefined) throw new UnknownStrategy(id);
      return change(stored.strategy, stamp);
    });
  }

  /** @param change what to write; to return the stored strategy itself is to write nothing */
  async #change(
    id: string,
    options: ChangeOptions,
    change: (stored: Stored | undefined, stamp: Stamp) => Strategy,
  ): Promise<Strategy> {
    const { expectedVersion, signal } = options;
    let cause: unknown;
    for (let attempt = 0; attempt < WRITE_ATTEMPTS_MAX; attempt += 1) {
      signal?.throwIfAborted();
      if (attempt > 0) await this.#backOff(attempt, signal);
      const [head, stored] = await Promise.all([readHead(this.#table), readStored(this.#table, id)]);
      if (expectedVersion !== undefined && !isAt(stored, expectedVersion)) {
        throw new StaleVersion(id, expectedVersion, stored?.strategy);
      }
      const next = change(stored, this.#stamp(head, stored));
      if (next === stored?.strategy) return next;
      const outcome = await writeStrategy(this.#table, next);
      if (outcome.type === 'written') return next;
      cause = outcome.cause;
    }
    throw new RegistryBusy(id, WRITE_ATTEMPTS_MAX, cause);
  }

  #stamp(head: number, stored: Stored | undefined): Stamp {
    const updatedAt = this.#now().toISOString();
    const lives = stored?.strategy !== undefined && stored.strategy.deletedAt === undefined;
    return {
      schema: 1,
      version: (stored?.version ?? 0) + 1,
      registryVersion: head + 1,
      createdAt: lives ? stored.strategy.createdAt : updatedAt,
      updatedAt,
    };
  }

  /** Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
  async #backOff(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt);
    await delay(this.#random() * ceilingMs, undefined, signal === undefined ? {} : { signal });
  }
}

/** A removed strategy counts as one that is not there, too: who puts it anew expects 0. */
function isAt(stored: Stored | undefined, expectedVersion: number): boolean {
  if (stored?.strategy?.deletedAt !== undefined && expectedVersion === 0) return true;
  return (stored?.version ?? 0) === expectedVersion;
}
