import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

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

export function connectDynamoDb(): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient(bounded), {
    marshallOptions: { removeUndefinedValues: true },
  });
}
