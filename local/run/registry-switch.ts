import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { RegistryStore } from '../../cli/registry/store.ts';
import type { Strategy } from '../../shared/strategy.ts';
import { AwaitedRequests, type LineRequest, lineChanges } from './line-changes.ts';
import { writeFileInOneStep } from './state-directory.ts';

/** A change that the gateway has not seen by then counts with this, and is said to be late. */
const CHANGE_DEADLINE_MS = 10_000;

export interface RequestSource {
  /** @returns unsubscribe */
  onRequest(listener: (request: LineRequest) => void): () => void;
}

export interface SwitchOutcome {
  readonly strategy: Strategy;
  readonly opened: number;
  readonly freed: number;
  /**
   * From the start of the write call, reads and transaction included, to the last request that it brings about on the
   * gateway's socket. Undefined when no line changes hands, because another strategy wants the same contracts.
   */
  readonly latencyMs: number | undefined;
  readonly isLate: boolean;
}

const noteSchema = z.object({ id: z.string(), version: z.int().positive() });

/**
 * Switches strategies off and on and watches the gateway for what follows. What is off is noted on disk until it is
 * on again, so that a run that was killed in between does not leave the trader's strategy off for good.
 */
export class RegistrySwitch {
  readonly #store: RegistryStore;
  readonly #requests: RequestSource;
  readonly #noteFile: string;
  readonly #watched: () => Promise<ReadonlySet<number>>;
  readonly #latenciesMs: number[] = [];
  #late = 0;

  constructor(options: {
    readonly store: RegistryStore;
    readonly requests: RequestSource;
    readonly noteFile: string;
    /** conIds that the bridge streams for its watch class now. */
    readonly watched: () => Promise<ReadonlySet<number>>;
  }) {
    this.#store = options.store;
    this.#requests = options.requests;
    this.#noteFile = options.noteFile;
    this.#watched = options.watched;
  }

  /** One per change that moved a line, in the order of the changes. */
  get latenciesMs(): readonly number[] {
    return this.#latenciesMs;
  }

  get late(): number {
    return this.#late;
  }

  /** @throws RegistryError, and the signal's reason: the change may have been made all the same */
  async switch(id: string, status: Strategy['status'], signal: AbortSignal): Promise<SwitchOutcome> {
    const strategies = await this.#store.list();
    const current = strategies.find((strategy) => strategy.id === id);
    const changes =
      current === undefined
        ? { opened: new Set<number>(), freed: new Set<number>() }
        : lineChanges(strategies, { ...current, status }, await this.#watched());
    const awaited = new AwaitedRequests(changes);
    const seen = Promise.withResolvers<number>();
    const unsubscribe = this.#requests.onRequest((request) => {
      if (awaited.see(request)) seen.resolve(request.monotonicMs);
    });
    try {
      const startedMs = performance.now();
      if (status === 'INACTIVE' && current !== undefined) this.#note(current);
      const strategy = await this.#store.setStatus(id, status, { signal });
      if (status === 'ACTIVE') this.#forget();
      const opened = changes.opened.size;
      const inTime =
        opened + changes.freed.size > 0
          ? await within(seen.promise, startedMs + CHANGE_DEADLINE_MS, signal)
          : undefined;
      const freed = changes.freed.size - (inTime === undefined ? awaited.keep(await this.#watched()) : 0);
      if (opened + freed === 0) return { strategy, opened, freed, latencyMs: undefined, isLate: false };
      const isLate = !awaited.isComplete;
      const latencyMs = isLate ? CHANGE_DEADLINE_MS : (awaited.lastSeenMs ?? startedMs) - startedMs;
      this.#latenciesMs.push(latencyMs);
      if (isLate) this.#late += 1;
      return { strategy, opened, freed, latencyMs, isLate };
    } finally {
      unsubscribe();
    }
  }

  /**
   * Switches on what this run, or one that was killed, left off; a strategy that somebody wrote since is left alone.
   * Not a measurement: a bridge that has not yet seen it go off has nothing to ask for.
   * @returns the strategy, when there was one to switch on
   */
  async restore(): Promise<Strategy | undefined> {
    const note = await this.#readNote();
    if (note === undefined) return undefined;
    const current = await this.#store.get(note.id);
    const isAsLeft = current?.status === 'INACTIVE' && current.version === note.version + 1;
    const restored =
      isAsLeft && current.closedAt === undefined
        ? await this.#store.setStatus(note.id, 'ACTIVE', { expectedVersion: current.version })
        : undefined;
    this.#forget();
    return restored;
  }

  /** Written before the change: a note without a change does no harm, a change without a note would. */
  #note(current: Strategy): void {
    writeFileInOneStep(this.#noteFile, JSON.stringify({ id: current.id, version: current.version }));
  }

  #forget(): void {
    rmSync(this.#noteFile, { force: true });
  }

  async #readNote(): Promise<z.infer<typeof noteSchema> | undefined> {
    try {
      return noteSchema.parse(JSON.parse(await readFile(this.#noteFile, 'utf8')));
    } catch {
      return undefined;
    }
  }
}

/** @returns undefined at the deadline, in `performance.now()` @throws the signal's reason */
async function within<T>(
  promise: Promise<T>,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<T | undefined> {
  signal.throwIfAborted();
  const end = Promise.withResolvers<undefined>();
  const abort = () => end.reject(signal.reason);
  const timer = setTimeout(() => end.resolve(undefined), Math.max(0, deadlineMs - performance.now()));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, end.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
