import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type _Record as StreamRecord,
} from '@aws-sdk/client-dynamodb-streams';

export interface ShardPage {
  readonly records: readonly StreamRecord[];
  /** The shard has ended and was read to its end. */
  readonly isEnd: boolean;
}

/** Ids of the stream's shards, oldest first. */
export async function shardIds(
  streams: DynamoDBStreamsClient,
  streamArn: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn: streamArn }), {
    abortSignal: signal,
  });
  return StreamDescription?.Shards?.flatMap(({ ShardId }) => (ShardId === undefined ? [] : [ShardId])) ?? [];
}

/**
 * Reads one shard forward. Only the absence of a next iterator means that a shard has ended: dynoxide shows an ending
 * sequence number on open shards as well.
 */
export class ShardReader {
  readonly #streams: DynamoDBStreamsClient;
  readonly #shard: { readonly streamArn: string; readonly shardId: string };
  readonly #start: 'TRIM_HORIZON' | 'LATEST';
  #iterator: string | undefined;

  constructor(
    streams: DynamoDBStreamsClient,
    shard: { readonly streamArn: string; readonly shardId: string },
    start: 'TRIM_HORIZON' | 'LATEST',
  ) {
    this.#streams = streams;
    this.#shard = shard;
    this.#start = start;
  }

  /** @param after where to go on when there is no iterator: the last record that is done */
  async next(limit: number, after: string | undefined, signal: AbortSignal): Promise<ShardPage> {
    this.#iterator ??= await this.#iteratorAt(after, signal);
    const page = await this.#streams.send(
      new GetRecordsCommand({ ShardIterator: this.#iterator, Limit: Math.min(limit, 1000) }),
      { abortSignal: signal },
    );
    this.#iterator = page.NextShardIterator;
    return { records: page.Records ?? [], isEnd: page.NextShardIterator === undefined };
  }

  /** After a fault: the next read begins after the last record that is done. */
  rewind(): void {
    this.#iterator = undefined;
  }

  async #iteratorAt(after: string | undefined, signal: AbortSignal): Promise<string | undefined> {
    const { streamArn: StreamArn, shardId: ShardId } = this.#shard;
    const { ShardIterator } = await this.#streams.send(
      new GetShardIteratorCommand({
        StreamArn,
        ShardId,
        ...(after === undefined
          ? { ShardIteratorType: this.#start }
          : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: after }),
      }),
      { abortSignal: signal },
    );
    return ShardIterator;
  }
}
