import type { _Record as StreamRecord } from '@aws-sdk/client-dynamodb-streams';
import type { StreamMappingPlan } from './plan.ts';

/**
 * The event that Lambda hands to a function for records of a table's stream: the wire's own JSON, so times are epoch
 * seconds and bytes base64.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
export function streamEvent(
  records: readonly StreamRecord[],
  source: { readonly arn: string; readonly region: string },
): { readonly Records: readonly unknown[] } {
  return {
    Records: records.map((record) => ({
      ...(wire(record) as object),
      awsRegion: source.region,
      eventSourceARN: source.arn,
    })),
  };
}

function wire(value: unknown): unknown {
  if (value instanceof Date) return Math.floor(value.getTime() / 1000);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(wire);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, wire(item)]));
}

/**
 * What a failure destination is told: where the records are, never what is in them.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html#with-ddb-on-failure-destination-console
 */
export function failureMessage(of: {
  readonly plan: StreamMappingPlan;
  readonly shardId: string;
  readonly records: readonly StreamRecord[];
  readonly condition: 'RetryAttemptsExhausted' | 'MaximumRecordAgeExceeded';
  readonly requestId: string;
  readonly invokeCount: number;
  readonly at: Date;
}): string {
  const { plan, records, at } = of;
  const arrival = (record: StreamRecord | undefined) =>
    (record?.dynamodb?.ApproximateCreationDateTime ?? at).toISOString();
  return JSON.stringify({
    requestContext: {
      requestId: of.requestId,
      functionArn: plan.function.arn,
      condition: of.condition,
      approximateInvokeCount: of.invokeCount,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: at.toISOString(),
    DDBStreamBatchInfo: {
      shardId: of.shardId,
      startSequenceNumber: records[0]?.dynamodb?.SequenceNumber,
      endSequenceNumber: records.at(-1)?.dynamodb?.SequenceNumber,
      approximateArrivalOfFirstRecord: arrival(records[0]),
      approximateArrivalOfLastRecord: arrival(records.at(-1)),
      batchSize: records.length,
      streamArn: plan.sourceArn,
    },
  });
}
