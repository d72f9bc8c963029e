import { type BatchResultErrorEntry, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { SQS } from '../../shared/limits.ts';
import { describeCloudFault } from '../cloud.ts';
import type { Log } from '../log.ts';
import { type Backoff, Bell, backoffMs, withDeadline } from '../wait.ts';
import { batchesOf, isRefused, isSuspect, type Sendable } from './batches.ts';
import type { DurableOutbox } from './outbox.ts';

export interface PublisherOptions {
  readonly outbox: Pick<
    DurableOutbox,
    'peek' | 'acknowledge' | 'refuse' | 'putLedgers' | 'status' | 'onAccepted'
  >;
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly log: Log;
  readonly backoff?: Backoff;
  readonly requestDeadlineMs?: number;
  /** Batches under way at once. */
  readonly inFlightMax?: number;
  readonly random?: () => number;
}

export interface PublisherStatus {
  /** Messages that SQS accepted and the outbox has let go, since start. */
  readonly sent: number;
  /** Messages that SQS will never take: kept in the outbox's file, their drops declared. */
  readonly refused: number;
  /** What is wrong now: absent as soon as SQS accepts again. */
  readonly lastFault?: string;
}

/** One look into the outbox; what is held already comes on top. */
const WINDOW = { count: 200, maxBytes: 4 * SQS.payloadMaxBytes } as const;

/**
 * Sent, and not let go because the disk takes no acknowledgement: more would only be sent a second time, and held in
 * memory until then.
 */
const UNACKNOWLEDGED_MAX = 1000;

/** Messages that wait out a failure of their own; more than that is a failure of the queue. */
const DELAYED_MAX = 500;

/** Against a wake-up that never came. */
const IDLE_MS = 30_000;

/**
 * The only caller of SQS send: empties the outbox, several batches at once, the newest first: what is accepted while a
 * backlog is under way goes with the next batch. A message leaves the outbox when SQS has
 * accepted it and not before, so a crash or an answer that never came means a duplicate, which the drain knows by
 * its id.
 *
 * What fails as a whole (network, credentials, throttling) pauses everything, then one batch probes. A single entry
 * that fails waits alone, the others go on. A message that SQS will never take (too large, not its characters) is
 * refused: its body stays in the outbox's file and its number is declared as a drop, because a queue that waits for
 * it for ever would lose everything behind it.
 */
export class Publisher {
  readonly #options: Required<PublisherOptions>;
  readonly #abort = new AbortController();
  /** In flight, waiting out a failure, or sent and not yet acknowledged: key -> bytes. */
  readonly #held = new Map<number, number>();
  readonly #delayed = new Map<number, { readonly attempts: number; readonly until: number }>();
  readonly #alone = new Set<number>();
  readonly #sending = new Set<Promise<void>>();
  readonly #bell = new Bell();
  readonly #progress = new Bell();
  #hasNews = false;
  #sentKeys: number[] = [];
  #acknowledging: Promise<void> | undefined;
  #failures = 0;
  #pausedUntil = 0;
  #sent = 0;
  #refused = 0;
  #lastFault: string | undefined;
  #running: Promise<void> | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = {
      backoff: { firstMs: 250, maxMs: 30_000 },
      requestDeadlineMs: 15_000,
      inFlightMax: 4,
      random: Math.random,
      ...options,
    };
  }

  start(): void {
    this.#unsubscribe = this.#options.outbox.onAccepted(() => {
      this.#hasNews = true;
      this.#bell.ring();
    });
    this.#running = this.#run();
  }

  /** Batches under way are given up: they stay in the outbox and are sent again after the next start. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#abort.abort();
    await this.#running;
    await Promise.all(this.#sending);
    await this.#acknowledge();
    this.#progress.ring();
  }

  /**
   * Waits until the outbox is empty and its ledgers say that the queue has taken everything. A pause after a failure
   * ends at once: this is the last chance for a while.
   * @returns what is left when the signal aborted
   */
  async flush(deadline: AbortSignal): Promise<{ readonly remaining: number }> {
    this.#pausedUntil = 0;
    this.#bell.ring();
    await this.#options.outbox.putLedgers();
    for (;;) {
      const { depth } = await this.#options.outbox.status();
      const isOver = deadline.aborted || this.#abort.signal.aborted;
      if (depth === 0 && !isOver && (await this.#options.outbox.putLedgers()) > 0) continue;
      if (depth === 0 || isOver) return { remaining: depth };
      await this.#progress.wait(deadline, IDLE_MS);
    }
  }

  status(): PublisherStatus {
    const lastFault = this.#lastFault === undefined ? {} : { lastFault: this.#lastFault };
    return { sent: this.#sent, refused: this.#refused, ...lastFault };
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#acknowledge();
        this.#hasNews = false;
        const ready = await this.#ready();
        if (ready.length === 0) await this.#bell.wait(signal, this.#untilDue());
        for (const batch of batchesOf(ready, (key) => this.#alone.has(key))) {
          await this.#slot();
          if (signal.aborted || this.#hasNews || this.#isOverdue()) break;
          this.#dispatch(batch);
        }
      } catch (cause) {
        this.#pause(cause);
        await this.#bell.wait(signal, this.#pausedUntil - performance.now());
      }
    }
  }

  /** Newest first, without what is held. */
  async #ready(): Promise<Sendable[]> {
    if (this.#isOverdue()) return [];
    const now = performance.now();
    for (const [key, { until }] of this.#delayed) if (until <= now) this.#held.delete(key);
    const heldBytes = this.#held.values().reduce((sum, bytes) => sum + bytes, 0);
    const found = await this.#options.outbox.peek({
      count: WINDOW.count + this.#held.size,
      maxBytes: WINDOW.maxBytes + heldBytes,
    });
    const ready = found.filter(({ key }) => !this.#held.has(key));
    if (ready.length === 0) this.#forgetGivenUp(now);
    return ready.map((pending) => ({ ...pending, bytes: Buffer.byteLength(pending.body) }));
  }

  /** All that waits has been seen, and what is due was not among it: the bound has taken it meanwhile. */
  #forgetGivenUp(now: number): void {
    for (const [key, { until }] of this.#delayed) {
      if (until > now) continue;
      this.#delayed.delete(key);
      this.#alone.delete(key);
    }
  }

  #isOverdue(): boolean {
    return this.#sentKeys.length >= UNACKNOWLEDGED_MAX;
  }

  #untilDue(): number {
    if (this.#isOverdue()) return Math.max(1, this.#pausedUntil - performance.now());
    const due = this.#delayed.values().reduce((soonest, { until }) => Math.min(soonest, until), Infinity);
    return Math.max(1, Math.min(IDLE_MS, due - performance.now()));
  }

  /** Until another batch may go: no pause, room in flight; after a failure one at a time. */
  async #slot(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const pauseMs = this.#pausedUntil - performance.now();
      const room = this.#failures > 0 ? 1 : this.#options.inFlightMax;
      if (pauseMs <= 0 && this.#sending.size < room) return;
      await this.#bell.wait(signal, pauseMs > 0 ? pauseMs : IDLE_MS);
    }
  }

  #dispatch(batch: readonly Sendable[]): void {
    for (const { key, bytes } of batch) {
      this.#held.set(key, bytes);
      const delayed = this.#delayed.get(key);
      if (delayed !== undefined) this.#delayed.set(key, { ...delayed, until: Number.POSITIVE_INFINITY });
    }
    const sending = this.#send(batch).finally(() => {
      this.#sending.delete(sending);
      this.#bell.ring();
    });
    this.#sending.add(sending);
  }

  /** Never rejects. */
  async #send(batch: readonly Sendable[]): Promise<void> {
    const { client, queueUrl, requestDeadlineMs } = this.#options;
    const command = new SendMessageBatchCommand({
      QueueUrl: queueUrl,
      Entries: batch.map(({ key, body }) => ({ Id: String(key), MessageBody: body })),
    });
    try {
      const abortSignal = withDeadline(this.#abort.signal, requestDeadlineMs);
      const { Successful = [], Failed = [] } = await client.send(command, { abortSignal });
      this.#failures = 0;
      this.#pausedUntil = 0;
      const accepted = Successful.map(({ Id }) => Number(Id));
      for (const key of accepted) this.#delayed.delete(key);
      this.#sentKeys.push(...accepted);
      await Promise.all(Failed.map((entry) => this.#judge(entry)));
      const answered = new Set([...accepted, ...Failed.map(({ Id }) => Number(Id))]);
      this.#release(batch.filter(({ key }) => !answered.has(key)));
      if (this.#delayed.size === 0 && this.#failures === 0) this.#recovered();
    } catch (cause) {
      this.#release(batch);
      await this.#failed(batch, cause);
    }
    await this.#acknowledge();
  }

  async #failed(batch: readonly Sendable[], cause: unknown): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const [only] = batch;
    if (!isSuspect(cause) || only === undefined) return this.#pause(cause);
    if (batch.length === 1) return this.#refuse(only.key, describeCloudFault(cause));
    for (const { key } of batch) this.#alone.add(key);
  }

  async #judge(entry: BatchResultErrorEntry): Promise<void> {
    const key = Number(entry.Id);
    const reason = `${entry.Code}: ${entry.Message ?? 'no reason given'}`;
    if (isRefused(entry)) return this.#refuse(key, reason);
    this.#report(reason);
    if (this.#delayed.size >= DELAYED_MAX) {
      this.#held.delete(key);
      return this.#pause(new Error(reason));
    }
    const attempts = (this.#delayed.get(key)?.attempts ?? 0) + 1;
    const waitMs = backoffMs(attempts, this.#options.backoff, this.#options.random);
    this.#delayed.set(key, { attempts, until: performance.now() + waitMs });
  }

  async #refuse(key: number, reason: string): Promise<void> {
    try {
      await this.#options.outbox.refuse(key, `SQS refused it: ${reason}`);
      this.#refused += 1;
      this.#options.log.error('message-refused', { key, reason });
      this.#delayed.delete(key);
      this.#alone.delete(key);
    } catch (cause) {
      this.#pause(cause);
    }
    this.#held.delete(key);
    this.#progress.ring();
  }

  /** One acknowledgement at a time takes all that were accepted meanwhile: one sync of the disk for many batches. */
  async #acknowledge(): Promise<void> {
    while (this.#acknowledging !== undefined) await this.#acknowledging;
    if (this.#sentKeys.length === 0) return;
    const keys = this.#sentKeys;
    this.#sentKeys = [];
    this.#acknowledging = this.#letGo(keys);
    await this.#acknowledging;
  }

  async #letGo(keys: readonly number[]): Promise<void> {
    try {
      await this.#options.outbox.acknowledge(keys);
      for (const key of keys) {
        this.#held.delete(key);
        this.#alone.delete(key);
      }
      this.#sent += keys.length;
      this.#progress.ring();
    } catch (cause) {
      // Still held, so they are not sent again; the next round tries once more.
      this.#sentKeys.push(...keys);
      this.#pause(cause);
    } finally {
      this.#acknowledging = undefined;
    }
  }

  #release(batch: readonly Sendable[]): void {
    for (const { key } of batch) this.#held.delete(key);
  }

  #pause(cause: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#report(describeCloudFault(cause));
    const now = performance.now();
    // Batches that were under way together fail together: that is one failure.
    if (now < this.#pausedUntil) return;
    this.#failures += 1;
    const { backoff, random } = this.#options;
    this.#pausedUntil = now + backoffMs(this.#failures, backoff, random);
  }

  #report(fault: string): void {
    if (fault !== this.#lastFault) this.#options.log.warn('publisher-fault', { fault });
    this.#lastFault = fault;
  }

  #recovered(): void {
    if (this.#lastFault !== undefined) this.#options.log.info('publisher-recovered');
    this.#lastFault = undefined;
  }
}
