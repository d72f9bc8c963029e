import {
  type DynamoDBStreamsClient,
  type _Record as StreamRecord,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { backoffMs, pause } from './backoff.ts';
import { batchFault, judge } from './batch-response.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { CloudLog, TriggerStatistics } from './cloud-types.ts';
import type { StreamMappingPlan } from './plan.ts';
import { failureMessage, streamEvent } from './stream-event.ts';
import { ShardReader, shardIds } from './stream-reader.ts';
import { type Attempt, afterFailure } from './stream-retry.ts';
import type { FunctionPool } from './workers.ts';

const READ_BACKOFF = { firstMs: 100, maxMs: 5000 };
/** Of the first pause before a retry. */
const RETRY_GROWTH_MAX = 100;

export interface StreamTriggerOptions {
  readonly streams: DynamoDBStreamsClient;
  readonly sqs: SQSClient;
  readonly pool: FunctionPool;
  readonly checkpoint: Checkpoint;
  readonly region: string;
  readonly pollMs: number;
  readonly retryMs: number;
  readonly log: CloudLog;
  /** Told of each batch that goes to the function: when its last record was written, in epoch milliseconds. */
  readonly onBatch: (recordAt: number) => void;
}

/**
 * The event source mapping of a table's stream: each shard in order, one batch at a time. A batch that fails is cut,
 * retried and at last given up to the failure destination, so that one poisoned record does not block its shard.
 */
export class StreamTrigger {
  readonly #plan: StreamMappingPlan;
  readonly #options: StreamTriggerOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isBusy = false;
  #emptyReads = 0;
  #batches = 0;
  #maxBatch = 0;
  #records = 0;
  #failedRecords = 0;
  #discardedRecords = 0;

  constructor(plan: StreamMappingPlan, options: StreamTriggerOptions) {
    this.#plan = plan;
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Counts reads that found the end of the stream: when it grows, all that was written before is done. */
  get emptyReads(): number {
    return this.#emptyReads;
  }

  statistics(): TriggerStatistics {
    return {
      kind: 'stream',
      source: this.#plan.tableName,
      functionName: this.#plan.function.name,
      batches: this.#batches,
      maxBatch: this.#maxBatch,
      records: this.#records,
      failedRecords: this.#failedRecords,
      discardedRecords: this.#discardedRecords,
    };
  }

  start(): void {
    this.#running = this.#readShards();
  }

  /** No new invocation from now on; resolves when the one in work is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** A shard begins when those before it have ended, so records of one item stay in order across shards. */
  async #readShards(): Promise<void> {
    const { signal } = this.#stopping;
    const ended = new Set<string>();
    for (let failures = 0; !signal.aborted; ) {
      try {
        const ids = await shardIds(this.#options.streams, this.#plan.sourceArn, signal);
        failures = 0;
        const next = ids.find((id) => !ended.has(id));
        if (next !== undefined) {
          await this.#readShard(next, signal);
          ended.add(next);
        } else await pause(this.#options.pollMs, signal);
      } catch (cause) {
        failures += 1;
        await this.#pauseAfterFault(cause, failures, signal);
      }
    }
  }

  /** Returns when the shard has ended or the trigger stops. */
  async #readShard(shardId: string, signal: AbortSignal): Promise<void> {
    const { streams, checkpoint, pollMs } = this.#options;
    const { sourceArn: streamArn, startingPosition, batchSize } = this.#plan;
    const reader = new ShardReader(streams, { streamArn, shardId }, startingPosition);
    for (let failures = 0; !signal.aborted; ) {
      try {
        const page = await reader.next(batchSize, checkpoint.position(shardId), signal);
        failures = 0;
        this.#isBusy = page.records.length > 0;
        if (this.#isBusy) {
          await this.#process(shardId, page.records, signal);
          this.#isBusy = false;
        } else this.#emptyReads += 1;
        if (page.isEnd) return;
        if (page.records.length === 0) await pause(pollMs, signal);
      } catch (cause) {
        failures += 1;
        this.#isBusy = false;
        reader.rewind();
        if (cause instanceof TrimmedDataAccessException) checkpoint.forget(shardId);
        await this.#pauseAfterFault(cause, failures, signal);
      }
    }
  }

  /** Returns when every record is done or given up, or the trigger stops: what is left is read again next time. */
  async #process(shardId: string, records: readonly StreamRecord[], signal: AbortSignal): Promise<void> {
    const waiting: Attempt<StreamRecord>[] = [{ records, retries: 0 }];
    for (let attempt = waiting.shift(); attempt !== undefined && !signal.aborted; attempt = waiting.shift()) {
      const { young, old } = this.#byAge(attempt.records);
      if (old.length > 0) {
        await this.#giveUp(shardId, old, {
          condition: 'MaximumRecordAgeExceeded',
          invokeCount: 0,
          requestId: '',
        });
      }
      if (young.length === 0) continue;
      const outcome = await this.#invoke({ records: young, retries: attempt.retries });
      this.#advance(shardId, young.slice(0, outcome.failedFrom));
      if (outcome.failedFrom === young.length) continue;
      const next = afterFailure({ records: young, retries: attempt.retries }, outcome.failedFrom, this.#plan);
      if (next.kind === 'give-up') {
        const { requestId } = outcome;
        const invokeCount = attempt.retries + 1;
        await this.#giveUp(shardId, next.records, {
          condition: 'RetryAttemptsExhausted',
          invokeCount,
          requestId,
        });
        continue;
      }
      waiting.unshift(...next.attempts);
      if (next.pauses) await pause(this.#retryPauseMs(attempt.retries + 1), signal);
    }
  }

  /** @returns index of the first record that failed; the batch's length when none did */
  async #invoke({ records }: Attempt<StreamRecord>): Promise<{ failedFrom: number; requestId: string }> {
    this.#batches += 1;
    this.#records += records.length;
    this.#maxBatch = Math.max(this.#maxBatch, records.length);
    const written = records.at(-1)?.dynamodb?.ApproximateCreationDateTime;
    if (written !== undefined) this.#options.onBatch(written.getTime());
    const event = streamEvent(records, { arn: this.#plan.sourceArn, region: this.#options.region });
    const invocation = await this.#options.pool.invoke(event);
    const identifiers = records.map(sequenceNumber);
    const verdict = judge(invocation, new Set(identifiers), this.#plan.reportsFailures);
    if (verdict.kind === 'failed') {
      const fields = batchFault(this.#plan.tableName, records.length, verdict.fault);
      this.#options.log.warn('batch-failed', fields);
    }
    // The lowest sequence number reported is the checkpoint: everything from it on is tried again.
    const reported = verdict.kind === 'failed' ? 0 : identifiers.findIndex((id) => verdict.failed.has(id));
    const failedFrom = reported < 0 ? records.length : reported;
    this.#failedRecords += records.length - failedFrom;
    return { failedFrom, requestId: invocation.requestId };
  }

  #byAge(records: readonly StreamRecord[]): { young: readonly StreamRecord[]; old: readonly StreamRecord[] } {
    const oldest = Date.now() - this.#plan.recordAgeMaxMs;
    const firstYoung = records.findIndex(
      ({ dynamodb }) =>
        (dynamodb?.ApproximateCreationDateTime?.getTime() ?? Number.POSITIVE_INFINITY) >= oldest,
    );
    const cut = firstYoung < 0 ? records.length : firstYoung;
    return { old: records.slice(0, cut), young: records.slice(cut) };
  }

  /** Until the destination has it: what was given up must not vanish without a word. */
  async #giveUp(
    shardId: string,
    records: readonly StreamRecord[],
    why: Pick<Parameters<typeof failureMessage>[0], 'condition' | 'invokeCount' | 'requestId'>,
  ): Promise<void> {
    const { onFailure } = this.#plan;
    const { signal } = this.#stopping;
    for (let failures = 1; onFailure !== undefined && !signal.aborted; failures += 1) {
      const MessageBody = failureMessage({ plan: this.#plan, shardId, records, at: new Date(), ...why });
      try {
        await this.#options.sqs.send(new SendMessageCommand({ QueueUrl: onFailure.url, MessageBody }));
        break;
      } catch (cause) {
        await this.#pauseAfterFault(cause, failures, signal);
      }
    }
    if (signal.aborted) return;
    this.#discardedRecords += records.length;
    this.#options.log.warn('stream-records-given-up', {
      table: this.#plan.tableName,
      records: records.length,
      condition: why.condition,
    });
    this.#advance(shardId, records);
  }

  #advance(shardId: string, done: readonly StreamRecord[]): void {
    const last = done.at(-1);
    if (last !== undefined) this.#options.checkpoint.advance(shardId, sequenceNumber(last));
  }

  #retryPauseMs(retry: number): number {
    const { retryMs } = this.#options;
    return backoffMs(retry, { firstMs: retryMs, maxMs: retryMs * RETRY_GROWTH_MAX });
  }

  async #pauseAfterFault(cause: unknown, failures: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (failures === 1) {
      this.#options.log.warn('stream-unreadable', { table: this.#plan.tableName, cause: String(cause) });
    }
    await pause(backoffMs(failures, READ_BACKOFF), signal);
  }
}

function sequenceNumber({ dynamodb }: StreamRecord): string {
  return dynamodb?.SequenceNumber ?? '';
}
