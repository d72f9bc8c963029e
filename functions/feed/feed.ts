import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import type { FeedMessage } from '../../shared/feed.ts';
import { SQS } from '../../shared/limits.ts';
import { describeFaults } from '../../shared/message.ts';
import { REGISTRY } from '../../shared/names.ts';
import { strategySchema } from '../../shared/strategy.ts';
import { describeFault } from '../log.ts';

interface FeedFailure {
  readonly sequenceNumber: string;
  readonly cause: string;
}

export interface FeedOutcome {
  /** In the order of the stream. */
  readonly failures: readonly FeedFailure[];
  /** Strategy images that every bridge has in its queue now. */
  readonly sent: number;
  /** Head, history and removals: nothing to tell anybody. */
  readonly ignored: number;
}

interface Entry {
  readonly sequenceNumber: string;
  readonly body: string;
}

/**
 * Sends each strategy image of the batch to every bridge. All that can be sent is sent, what stands behind a bad
 * record too: that one is tried again alone while nobody waits for it, and a repeated image does no harm.
 */
export async function feed(options: {
  readonly records: readonly DynamoDBRecord[];
  readonly queueUrls: readonly string[];
  readonly sqs: SQSClient;
}): Promise<FeedOutcome> {
  const entries: Entry[] = [];
  const faults = new Map<string, string>();
  let ignored = 0;
  for (const record of options.records) {
    const image = imageOf(record);
    if (image === undefined) {
      ignored += 1;
      continue;
    }
    const sequenceNumber = record.dynamodb?.SequenceNumber ?? '';
    const message = toMessage(image);
    if (typeof message === 'string') faults.set(sequenceNumber, message);
    else entries.push({ sequenceNumber, body: JSON.stringify(message) });
  }

  const sends = options.queueUrls.flatMap((queueUrl) =>
    chunks(entries, SQS.sendBatchMax).map((chunk) => send(options.sqs, queueUrl, chunk)),
  );
  for (const failed of await Promise.all(sends)) {
    for (const [sequenceNumber, cause] of failed) faults.set(sequenceNumber, cause);
  }
  const order = options.records.map((record) => record.dynamodb?.SequenceNumber ?? '');
  return {
    failures: order.flatMap((sequenceNumber) => {
      const cause = faults.get(sequenceNumber);
      return cause === undefined ? [] : [{ sequenceNumber, cause }];
    }),
    sent: entries.filter(({ sequenceNumber }) => !faults.has(sequenceNumber)).length,
    ignored,
  };
}

/** @returns the item as it is now, when it is a strategy; a strategy is never removed, its deletion is an image */
function imageOf(record: DynamoDBRecord): Record<string, unknown> | undefined {
  const image = record.dynamodb?.NewImage;
  if (image?.[REGISTRY.partitionKey]?.S !== REGISTRY.strategy) return undefined;
  return unmarshall(image as Record<string, AttributeValue>);
}

/** @returns the fault as a text when the image is no strategy */
function toMessage(image: Record<string, unknown>): FeedMessage | string {
  const strategy = strategySchema.safeParse(image);
  if (strategy.success) return { schema: 1, kind: 'registry', strategy: strategy.data };
  return `strategy ${String(image[REGISTRY.sortKey])}: ${describeFaults(strategy.error)}`;
}

/** @returns by sequence number what this queue did not take */
async function send(
  sqs: SQSClient,
  queueUrl: string,
  chunk: readonly Entry[],
): Promise<[sequenceNumber: string, cause: string][]> {
  try {
    const { Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: chunk.map(({ body }, index) => ({ Id: String(index), MessageBody: body })),
      }),
    );
    return Failed.map(({ Id, Code, Message }) => {
      const cause = `${queueUrl} did not take it: ${Code ?? 'no code'} ${Message ?? ''}`;
      return [chunk[Number(Id)]?.sequenceNumber ?? '', cause];
    });
  } catch (fault) {
    const cause = `${queueUrl} did not answer: ${describeFault(fault)}`;
    return chunk.map(({ sequenceNumber }) => [sequenceNumber, cause]);
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, index) => index * size);
  return starts.map((start) => items.slice(start, start + size));
}
