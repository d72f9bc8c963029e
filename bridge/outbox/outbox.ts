import { Worker } from 'node:worker_threads';
import type { Log } from '../log.ts';
import { type Backoff, backoffMs, sleep } from '../wait.ts';
import type {
  CommittedState,
  Outbox,
  OutboxStatus,
  Pending,
  PositionCommit,
  SnapshotDraft,
} from './draft.ts';
import { OutboxFault } from './fault.ts';
import { Health } from './health.ts';
import type { FaultReport, Reply, StoreCalls } from './protocol.ts';
import type { Opening, StoreOptions } from './store.ts';

/** Calls under way at once. More means that the disk does not keep up: the caller keeps its state and tries again. */
const CALLS_MAX = 256;

/**
 * The thread's heap holds one call at a time. Without a limit V8 lets it grow as if it were a process of its own: 90 MiB
 * more at 5,000 positions, for the same time per commit (bench/outbox.ts).
 */
const YOUNG_GENERATION_MB = 8;

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (fault: OutboxFault) => void;
}

/** What the bridge's composition and the publisher need beyond accepting. */
export interface DurableOutbox extends Outbox {
  readonly opening: Opening;
  /** Moves a message that the queue will never take out of the way and declares the drop. */
  refuse(key: number, reason: string): Promise<void>;
  /** Queues the ledgers that have changed: before the end. @returns how many */
  putLedgers(): Promise<number>;
  /** Called after something new was accepted. @returns unsubscribe */
  onAccepted(listener: () => void): () => void;
}

/** For another process to end that still has the file: a bridge takes ten seconds for its last flush. */
const LOCKED_DEADLINE_MS = 30_000;

const OPENING_BACKOFF = { firstMs: 500, maxMs: 10_000 } as const;

/**
 * Opens the outbox in its own thread and begins an epoch. What a person or time can mend (no room, no permission, a
 * failing disk) is said and waited for, because a process that ends and is started again would say it for ever; only
 * another process that keeps the file is not waited for.
 * @param options.onFault called once when the thread died or its file failed: everything pending is rejected, the
 *   outbox accepts nothing more, and only a new start of the process brings it back
 * @throws OutboxFault with the remedy: unusable, or fatal; a torn file is moved aside, logged, and replaced
 * @throws the signal's reason
 */
export async function openOutbox(
  options: StoreOptions & {
    readonly log: Log;
    readonly onFault?: (fault: OutboxFault) => void;
    readonly signal?: AbortSignal;
    readonly lockedDeadlineMs?: number;
    readonly backoff?: Backoff;
  },
): Promise<DurableOutbox> {
  const { log, onFault, signal = new AbortController().signal, ...rest } = options;
  const { lockedDeadlineMs = LOCKED_DEADLINE_MS, backoff = OPENING_BACKOFF, ...workerData } = rest;
  const begunTick = performance.now();
  let lastFault: string | undefined;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    const worker = startThread(workerData);
    const { opening, fault } = await opened(worker);
    if (opening !== undefined) {
      tell(opening, log);
      return new OutboxClient({
        worker,
        opening,
        log,
        onFault: (found) => {
          log.error('outbox-failed', { fault: found.message });
          onFault?.(found);
        },
      });
    }
    const isTooLate = fault.isLocked === true && performance.now() - begunTick >= lockedDeadlineMs;
    if (fault.disposition !== 'retry' || isTooLate) {
      throw new OutboxFault(isTooLate ? 'fatal' : fault.disposition, fault.message);
    }
    if (fault.message !== lastFault) log.warn('outbox-waiting', { fault: fault.message });
    lastFault = fault.message;
    await sleep(backoffMs(attempt, backoff, Math.random), signal);
  }
}

function startThread(workerData: StoreOptions): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), {
    workerData,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
}

function tell(opening: Opening, log: Log): void {
  const { epoch, cause, predecessor, quarantinedAs, quarantined, hasMarker, depth } = opening;
  if (cause === 'quarantined') {
    log.error('outbox-quarantined', {
      epoch,
      predecessor,
      quarantinedAs,
      quarantined,
      remedy: 'keep the file to look into it',
    });
  } else if (cause === 'restored') {
    log.warn('outbox-restored', { epoch, predecessor });
  } else if (cause === 'start' && !hasMarker) {
    log.warn('outbox-marker-missing', { epoch, predecessor });
  }
  log.info('outbox-opened', { epoch, cause, depth });
}

class OutboxClient implements DurableOutbox {
  readonly opening: Opening;
  readonly #worker: Worker;
  readonly #onFault: (fault: OutboxFault) => void;
  readonly #health: Health;
  readonly #calls = new Map<number, Call>();
  readonly #listeners = new Set<() => void>();
  #nextId = 1;
  #ended: OutboxFault | undefined;

  constructor(options: {
    readonly worker: Worker;
    readonly opening: Opening;
    readonly log: Log;
    readonly onFault: (fault: OutboxFault) => void;
  }) {
    this.opening = options.opening;
    this.#worker = options.worker;
    this.#onFault = options.onFault;
    this.#health = new Health(options.log);
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (cause) => this.#fail(deadThread(cause.message, cause)));
    this.#worker.on('exit', (code) => this.#fail(deadThread(`exit code ${code}`)));
  }

  get epoch(): string {
    return this.opening.epoch;
  }

  committed(): Promise<CommittedState> {
    return this.#call('committed');
  }

  async commitPositions(commit: PositionCommit, drafts: readonly SnapshotDraft[]): Promise<void> {
    this.#health.noteDropped(await this.#writing('commitPositions', commit, drafts));
    if (drafts.length > 0) this.#announce();
  }

  async append(drafts: readonly SnapshotDraft[]): Promise<void> {
    if (drafts.length === 0) return;
    this.#health.noteDropped(await this.#writing('append', drafts));
    this.#announce();
  }

  async putHeartbeat(body: string): Promise<void> {
    await this.#writing('putHeartbeat', body);
    this.#announce();
  }

  peek(limit: { readonly count: number; readonly maxBytes: number }): Promise<readonly Pending[]> {
    return this.#call('peek', limit);
  }

  acknowledge(keys: readonly number[]): Promise<void> {
    return this.#writing('acknowledge', keys);
  }

  async refuse(key: number, reason: string): Promise<void> {
    await this.#writing('refuse', key, reason);
    this.#announce();
  }

  async putLedgers(): Promise<number> {
    const queued = await this.#writing('putLedgers');
    if (queued > 0) this.#announce();
    return queued;
  }

  async status(): Promise<OutboxStatus> {
    const status = await this.#call('status');
    this.#health.noteFilled(status);
    return { ...status, ...this.#health.status() };
  }

  onAccepted(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits for the calls under way, they come first in the thread's order. A second close does nothing. */
  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const closed = this.#call('close');
    this.#ended = new OutboxFault('fatal', 'the outbox is closed');
    await closed;
    await this.#worker.terminate();
  }

  async #writing<Name extends keyof StoreCalls>(
    name: Name,
    ...args: Parameters<StoreCalls[Name]>
  ): Promise<ReturnType<StoreCalls[Name]>> {
    try {
      const value = await this.#call(name, ...args);
      this.#health.noteWritten(name);
      return value;
    } catch (cause) {
      if (cause instanceof OutboxFault) this.#health.noteFault(name, cause);
      throw cause;
    }
  }

  #call<Name extends keyof StoreCalls>(
    name: Name,
    ...args: Parameters<StoreCalls[Name]>
  ): Promise<ReturnType<StoreCalls[Name]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#calls.size >= CALLS_MAX) {
      return Promise.reject(
        new OutboxFault('retry', `the outbox is behind: ${CALLS_MAX} calls wait for the disk`),
      );
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#worker.postMessage({ id, name, args });
      this.#calls.set(id, { resolve: resolve as Call['resolve'], reject });
    });
  }

  #settle(reply: Reply): void {
    if (reply.type !== 'answer' && reply.type !== 'fault') return;
    const call = this.#calls.get(reply.id);
    this.#calls.delete(reply.id);
    if (reply.type === 'answer') {
      call?.resolve(reply.value);
      return;
    }
    const fault = new OutboxFault(reply.fault.disposition, reply.fault.message);
    call?.reject(fault);
    if (fault.disposition === 'fatal') this.#fail(fault);
  }

  #fail(fault: OutboxFault): void {
    const isNews = this.#ended === undefined;
    this.#ended ??= fault;
    for (const call of this.#calls.values()) call.reject(fault);
    this.#calls.clear();
    if (!isNews) return;
    void this.#worker.terminate();
    this.#onFault(fault);
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }
}

type Opened =
  | { readonly opening: Opening; readonly fault?: undefined }
  | { readonly opening?: undefined; readonly fault: FaultReport };

/** @returns how the file was found, once the thread has it open, or why it has not */
async function opened(worker: Worker): Promise<Opened> {
  const reply = await new Promise<Reply>((resolve, reject) => {
    const listeners = {
      message: (message: Reply) => settle(() => resolve(message)),
      error: (cause: Error) => settle(() => reject(deadThread(cause.message, cause))),
      exit: (code: number) => settle(() => reject(deadThread(`exit code ${code}`))),
    };
    const settle = (done: () => void) => {
      for (const [event, listener] of Object.entries(listeners)) worker.off(event, listener);
      done();
    };
    for (const [event, listener] of Object.entries(listeners)) worker.on(event, listener);
  });
  if (reply.type === 'opened') return { opening: reply.opening };
  await worker.terminate();
  if (reply.type === 'unopened') return { fault: reply.fault };
  throw deadThread('it answered before it opened');
}

function deadThread(detail: string, cause?: unknown): OutboxFault {
  return new OutboxFault('fatal', `the outbox's thread died: ${detail}`, { cause });
}
