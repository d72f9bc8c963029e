import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { FUNCTION_ENV } from '../../shared/names.ts';
import { Audit } from '../audit.ts';
import { connectDynamoDb, connectS3 } from '../clients.ts';
import { required } from '../environment.ts';
import { Lake } from '../lake.ts';
import { createLog } from '../log.ts';
import { observed } from '../observed.ts';
import { bury } from './dead-letter.ts';

const log = createLog('dead-letter');
const stores = {
  lake: new Lake(connectS3(), required(FUNCTION_ENV.lakeBucket)),
  audit: new Audit(connectDynamoDb(), required(FUNCTION_ENV.auditTable)),
};

async function buryBatch(event: SQSEvent): Promise<SQSBatchResponse> {
  const { buried, alive, failures } = await bury(event.Records, stores);
  for (const { received, objectKey, auditId } of buried) {
    const { snapshotId } = received.audit;
    log.error('message.dead', { messageId: received.messageId, objectKey, auditId, snapshotId });
  }
  for (const { messageId } of alive) log.info('message.alive', { messageId });
  for (const { received, cause } of failures) {
    log.warn('record.failed', { messageId: received.messageId, attempt: received.attempt, cause });
  }
  return { batchItemFailures: failures.map(({ received }) => ({ itemIdentifier: received.messageId })) };
}

export const handler = middy<SQSEvent, SQSBatchResponse>(buryBatch).use(observed(log));
