import middy from '@middy/core';
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import * as z from 'zod';
import { FUNCTION_ENV } from '../../shared/names.ts';
import { bridgeIdSchema } from '../../shared/snapshot.ts';
import { connectSqs } from '../clients.ts';
import { required } from '../environment.ts';
import { createLog } from '../log.ts';
import { observed } from '../observed.ts';
import { feed } from './feed.ts';

const log = createLog('feed');
const sqs = connectSqs();
const queueUrls = Object.values(
  z.record(bridgeIdSchema, z.url()).parse(JSON.parse(required(FUNCTION_ENV.feedQueueUrls))),
);

/** Lambda goes on from the first failed record; naming the later ones as well changes nothing and costs nothing. */
async function feedBatch(event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  const { failures, sent, ignored } = await feed({ records: event.Records, queueUrls, sqs });
  for (const failure of failures) log.warn('record.failed', { ...failure });
  log.info('batch.fed', { sent, ignored, failed: failures.length, bridges: queueUrls.length });
  return { batchItemFailures: failures.map(({ sequenceNumber }) => ({ itemIdentifier: sequenceNumber })) };
}

export const handler = middy<DynamoDBStreamEvent, DynamoDBBatchResponse>(feedBatch).use(observed(log));
