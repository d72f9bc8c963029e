import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { Settings } from '../settings.ts';
import { allow } from './statement.ts';

/** The key that encrypts all of an installation; undefined where AWS's own keys do. Its policy is its owner's. */
export function customerKey(scope: Construct, { keyArn }: Settings): IKey | undefined {
  return keyArn === undefined ? undefined : Key.fromKeyArn(scope, 'CustomerKey', keyArn);
}

/**
 * What a caller of the encrypted queues, tables and objects needs of the key: each of ours both reads and writes.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
 * https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
 */
export function useCustomerKey({ keyArn }: Settings): PolicyStatement[] {
  if (keyArn === undefined) return [];
  return [allow('UseKey', { actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [keyArn] })];
}
