import { Worker } from 'node:worker_threads';
import type { Log } from '../log.ts';
import type {
  CommittedState,
  Outbox,
  OutboxStatus,
  Pending,
  PositionCommit,
  SnapshotDraft,
} from './draft.ts';
import { OutboxFault } from './fault.ts';
import type { FaultReport, Reply, StoreCalls, WorkerOptions } from './protocol.ts';
import type { Opening } from './store.ts';

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

/**
 * Opens the outbox in its own thread and begins an epoch.
 * @param options.onFault called once when the thread died or its file failed: everything pending is rejected, the
 *   outbox accepts nothing more, and only a new start of the process brings it back
 * @throws OutboxFault with the remedy when the file cannot be opened; a torn file is moved aside, logged, and replaced
 */
export async function openOutbox(options: {
  readonly path: string;
  readonly bridge: string;
  readonly log: Log;
  readonly onFault?: (fault: OutboxFault) => void;
}): Promise<DurableOutbox> {
  const { path, bridge, log } = options;
  const workerData: WorkerOptions = { path, bridge };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const opening = await opened(worker);
  const { epoch, cause, predecessor, quarantinedAs, depth } = opening;
  if (cause === 'quarantined') {
    log.error('outbox-quarantined', {
      epoch,
      predecessor,
      quarantinedAs,
      remedy: 'keep the file to look into it',
    });
  } else if (cause === 'restored') {
    log.warn('outbox-restored', { epoch, predecessor });
  }
  log.info('outbox-opened', { epoch, cause, depth });
  return new OutboxClient(worker, opening, (fault) => {
    log.error('outbox-failed', { fault: fault.message });
    options.onFault?.(fault);
  });
}

class OutboxClient implements DurableOutbox {
  readonly opening: Opening;
  readonly #worker: Worker;
  readonly #onFault: (fault: OutboxFault) => void;
  readonly #calls = new Map<number, Call>();
  readonly #listeners = new Set<() => void>();
  #nextId = 1;
  #ended: OutboxFault | undefined;

  constructor(worker: Worker, opening: Opening, onFault: (fault: OutboxFault) => void) {
    this.opening = opening;
    this.#worker = worker;
    this.#onFault = onFault;
    worker.on('message', (reply: Reply) => this.#settle(reply));
    worker.on('error', (cause) => this.#fail(deadThread(cause.message, cause)));
    worker.on('exit', (code) => this.#fail(deadThread(`exit code ${code}`)));
  }

  get epoch(): string {
    return this.opening.epoch;
  }

  committed(): Promise<CommittedState> {
    return this.#call('committed');
  }

  async commitPositions(commit: PositionCommit, drafts: readonly SnapshotDraft[]): Promise<void> {
    await this.#call('commitPositions', commit, drafts);
    if (drafts.length > 0) this.#announce();
  }

  async append(drafts: readonly SnapshotDraft[]): Promise<void> {
    if (drafts.length === 0) return;
    await this.#call('append', drafts);
    this.#announce();
  }

  async putHeartbeat(body: string): Promise<void> {
    await this.#call('putHeartbeat', body);
    this.#announce();
  }

  peek(limit: { readonly count: number; readonly maxBytes: number }): Promise<readonly Pending[]> {
    return this.#call('peek', limit);
  }

  acknowledge(keys: readonly number[]): Promise<void> {
    return this.#call('acknowledge', keys);
  }

  async refuse(key: number, reason: string): Promise<void> {
    await this.#call('refuse', key, reason);
    this.#announce();
  }

  async putLedgers(): Promise<number> {
    const queued = await this.#call('putLedgers');
    if (queued > 0) this.#announce();
    return queued;
  }

  status(): Promise<OutboxStatus> {
    return this.#call('status');
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
    const fault = faultOf(reply.fault);
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

/** @returns how the file was found, once the thread has it open */
async function opened(worker: Worker): Promise<Opening> {
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
  if (reply.type === 'opened') return reply.opening;
  await worker.terminate();
  throw reply.type === 'unopened' ? faultOf(reply.fault) : deadThread('it answered before it opened');
}

function faultOf({ disposition, message }: FaultReport): OutboxFault {
  return new OutboxFault(disposition, message);
}

function deadThread(detail: string, cause?: unknown): OutboxFault {
  return new OutboxFault('fatal', `the outbox's thread died: ${detail}`, { cause });
}
