import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type Patience, retryTransient } from './patience.ts';

/**
 * Bounds of one call: three attempts of three seconds each leave the drain time to write down what failed, even
 * when each of its four steps in a row meets a service that does not answer.
 */
const bounded = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
} as const;

/** @param requestTimeoutMs where objects are larger than a batch */
export function connectS3({ requestTimeoutMs }: { readonly requestTimeoutMs?: number } = {}): S3Client {
  if (requestTimeoutMs === undefined) return new S3Client(bounded);
  return new S3Client({
    ...bounded,
    requestHandler: { ...bounded.requestHandler, requestTimeout: requestTimeoutMs },
  });
}

export function connectSqs(): SQSClient {
  return new SQSClient(bounded);
}

/** @param patience with tables that throttle; without it the SDK's own */
export function connectDynamoDb(patience?: Patience): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    ...bounded,
    ...(patience !== undefined && { retryStrategy: retryTransient(bounded.maxAttempts) }),
  });
  patience?.attach(client);
  return DynamoDBDocumentClient.from(client, {
    marshallOptions: { removeUndefinedValues: true },
  });
}
