import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { SQS } from '../../shared/limits.ts';
import { backoffMs, pause } from './backoff.ts';
import { batchFault, judge } from './batch-response.ts';
import type { CloudLog, TriggerStatistics } from './cloud-types.ts';
import type { QueueMappingPlan } from './plan.ts';
import { queueEvent } from './queue-event.ts';
import type { FunctionPool } from './workers.ts';

/** Lambda's payload limit of 6 MB, with room for what surrounds the bodies. */
const BATCH_BODY_MAX_BYTES = 5 * 1024 * 1024;
/** No longer, so that who hurries is heard. */
const WINDOW_POLL_S = 1;
const WINDOW_END_POLL_MS = 250;
const RECEIVE_BACKOFF = { firstMs: 100, maxMs: 5000 };

/**
 * The event source mapping of a queue: one collector fills a batch within its window, up to `concurrency` batches are
 * in work at once. What the function does not report as failed is deleted; the rest returns by its visibility timeout,
 * and the queue itself moves it to its dead-letter queue.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export class QueueTrigger {
  readonly #plan: QueueMappingPlan;
  readonly #sqs: SQSClient;
  readonly #pool: FunctionPool;
  readonly #region: string;
  readonly #log: CloudLog;
  readonly #concurrency: number;
  readonly #stopping = new AbortController();
  /** Batches in work: at most `#concurrency`. */
  readonly #inWork = new Set<Promise<void>>();
  #collecting: Promise<void> = Promise.resolve();
  /** How many wait for the queue to be empty: for them a window ends at once. */
  #hurried = 0;
  #batches = 0;
  #maxBatch = 0;
  #records = 0;
  #failedRecords = 0;

  constructor(
    plan: QueueMappingPlan,
    options: {
      readonly sqs: SQSClient;
      readonly pool: FunctionPool;
      readonly region: string;
      readonly concurrency: number;
      readonly log: CloudLog;
    },
  ) {
    this.#plan = plan;
    this.#sqs = options.sqs;
    this.#pool = options.pool;
    this.#region = options.region;
    this.#log = options.log;
    this.#concurrency = plan.concurrencyMax ?? options.concurrency;
  }

  get source(): string {
    return this.#plan.queue.name;
  }

  get isBusy(): boolean {
    return this.#inWork.size > 0;
  }

  statistics(): TriggerStatistics {
    return {
      kind: 'queue',
      source: this.#plan.queue.url,
      functionName: this.#plan.function.name,
      batches: this.#batches,
      maxBatch: this.#maxBatch,
      records: this.#records,
      failedRecords: this.#failedRecords,
      discardedRecords: 0,
    };
  }

  start(): void {
    this.#collecting = this.#collect();
  }

  /** Until disposed a batch takes what is there and waits for nothing more: somebody wants the queue empty. */
  hurry(): Disposable {
    this.#hurried += 1;
    return {
      [Symbol.dispose]: () => {
        this.#hurried -= 1;
      },
    };
  }

  /** No new batch from now on; resolves when the batches in work are done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#collecting;
    await Promise.all(this.#inWork);
  }

  async #collect(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const messages = await this.#nextBatch(signal);
      // What was collected in vain is visible again when the directory is opened the next time.
      if (messages.length > 0 && !signal.aborted) {
        const work = this.#process(messages).finally(() => this.#inWork.delete(work));
        this.#inWork.add(work);
        // A batch is collected only when somebody is free to take it.
        if (this.#inWork.size >= this.#concurrency) await Promise.race(this.#inWork);
      }
    }
  }

  /** Full, or what came within the window after the first message. */
  async #nextBatch(signal: AbortSignal): Promise<Message[]> {
    const batch = await this.#receive(this.#plan.batchSize, SQS.longPollMaxS, signal);
    if (batch.length === 0) return batch;
    const deadline = performance.now() + this.#plan.windowMs;
    let bytes = bodyBytes(batch);
    while (batch.length < this.#plan.batchSize && bytes < BATCH_BODY_MAX_BYTES && !signal.aborted) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) break;
      const waitS = this.#hurried > 0 ? 0 : Math.min(WINDOW_POLL_S, Math.floor(leftMs / 1000));
      const more = await this.#receive(this.#plan.batchSize - batch.length, waitS, signal);
      batch.push(...more);
      bytes += bodyBytes(more);
      if (this.#hurried > 0 && more.length === 0) break;
      // SQS waits for whole seconds: the last one of the window is waited for here.
      if (waitS === 0 && more.length === 0) await pause(Math.min(leftMs, WINDOW_END_POLL_MS), signal);
    }
    return batch;
  }

  async #receive(count: number, waitS: number, signal: AbortSignal): Promise<Message[]> {
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        const { Messages = [] } = await this.#sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: this.#plan.queue.url,
            MaxNumberOfMessages: Math.min(count, SQS.sendBatchMax),
            WaitTimeSeconds: Math.min(waitS, SQS.longPollMaxS),
            MessageSystemAttributeNames: ['All'],
            MessageAttributeNames: ['All'],
          }),
          { abortSignal: signal },
        );
        return Messages;
      } catch (cause) {
        if (signal.aborted) break;
        if (failures === 1) this.#log.warn('queue-unreadable', { queue: this.source, cause: String(cause) });
        await pause(backoffMs(failures, RECEIVE_BACKOFF), signal);
      }
    }
    return [];
  }

  async #process(messages: readonly Message[]): Promise<void> {
    this.#batches += 1;
    this.#records += messages.length;
    this.#maxBatch = Math.max(this.#maxBatch, messages.length);
    const event = queueEvent(messages, { arn: this.#plan.sourceArn, region: this.#region });
    const identifiers = new Set(messages.map(({ MessageId = '' }) => MessageId));
    const verdict = judge(await this.#pool.invoke(event), identifiers, this.#plan.reportsFailures);
    if (verdict.kind === 'failed') {
      this.#log.warn('batch-failed', batchFault(this.source, messages.length, verdict.fault));
      this.#failedRecords += messages.length;
      return;
    }
    this.#failedRecords += verdict.failed.size;
    await this.#delete(messages.filter(({ MessageId = '' }) => !verdict.failed.has(MessageId)));
  }

  /** What cannot be deleted is delivered again: at least once is all that a queue promises. */
  async #delete(messages: readonly Message[]): Promise<void> {
    for (const chunk of chunks(messages, SQS.sendBatchMax)) {
      const Entries = chunk.map(({ ReceiptHandle = '' }, index) => ({ Id: `${index}`, ReceiptHandle }));
      try {
        await this.#sqs.send(new DeleteMessageBatchCommand({ QueueUrl: this.#plan.queue.url, Entries }));
      } catch (cause) {
        this.#log.warn('messages-not-deleted', { queue: this.source, cause: String(cause) });
      }
    }
  }
}

function bodyBytes(messages: readonly Message[]): number {
  return messages.reduce((sum, { Body = '' }) => sum + Buffer.byteLength(Body), 0);
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let start = 0; start < items.length; start += size) groups.push(items.slice(start, start + size));
  return groups;
}
