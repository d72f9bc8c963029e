import type { BatchResultErrorEntry } from '@aws-sdk/client-sqs';
import { SQS } from '../../shared/limits.ts';
import type { Pending } from './draft.ts';

export interface Sendable extends Pending {
  readonly bytes: number;
}

/**
 * Cuts what waits into batches that SQS takes: by count and by the payload of all entries together
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html).
 * @param isAlone messages that go in a batch of their own
 */
export function batchesOf(
  waiting: readonly Sendable[],
  isAlone: (key: number) => boolean = () => false,
): Sendable[][] {
  const batches: Sendable[][] = [];
  let batch: Sendable[] = [];
  let bytes = 0;
  for (const message of waiting) {
    if (isAlone(message.key)) {
      batches.push([message]);
      continue;
    }
    if (batch.length === SQS.sendBatchMax || bytes + message.bytes > SQS.payloadMaxBytes) {
      if (batch.length > 0) batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += message.bytes;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** Of a single entry: this message can never be sent. SenderFault alone is also set for throttling and for keys. */
const REFUSING_CODES: ReadonlySet<string> = new Set([
  'InvalidMessageContents',
  'InvalidParameterValue',
  'InvalidParameterValueException',
  'MessageTooLong',
]);

/**
 * Of a whole request: one of its messages is at fault, which one shows when each is sent alone. Only what can be said
 * of nothing but bodies: a wrong queue URL must not have every message refused.
 */
const SUSPECT_NAMES: ReadonlySet<string> = new Set(['BatchRequestTooLong', 'InvalidMessageContents']);

export function isRefused(entry: BatchResultErrorEntry): boolean {
  return entry.SenderFault === true && REFUSING_CODES.has(bareCode(entry.Code ?? ''));
}

export function isSuspect(cause: unknown): boolean {
  return cause instanceof Error && SUSPECT_NAMES.has(bareCode(cause.name));
}

/** Codes of the query protocol carry a prefix that those of the JSON protocol lack. */
function bareCode(code: string): string {
  return code.replace(/^AWS\.SimpleQueueService\./, '');
}
