import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { DRAIN_METRICS } from '../../shared/metrics.ts';
import { FUNCTION_ENV } from '../../shared/names.ts';
import { Audit } from '../audit.ts';
import { connectDynamoDb, connectS3 } from '../clients.ts';
import { required } from '../environment.ts';
import { Lake } from '../lake.ts';
import { createLog } from '../log.ts';
import { embeddedMetrics } from '../metrics.ts';
import { observed } from '../observed.ts';
import { Patience } from '../patience.ts';
import { drain } from './drain.ts';
import { heartbeatMetrics } from './heartbeat.ts';
import { Positions } from './positions.ts';

/** Of the time that an invocation has: the rest is for what a call and the steps after it may take (clients.ts). */
const PATIENT_SHARE = 1 / 2;

const log = createLog('drain');
const patience = new Patience();
const dynamoDb = connectDynamoDb(patience);
const stores = {
  lake: new Lake(connectS3(), required(FUNCTION_ENV.lakeBucket)),
  positions: new Positions(dynamoDb, required(FUNCTION_ENV.positionsTable)),
  audit: new Audit(dynamoDb, required(FUNCTION_ENV.auditTable)),
};

async function drainBatch(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  patience.begin(context.getRemainingTimeInMillis() * PATIENT_SHARE);
  const { failures, heartbeats, counts } = await drain(event.Records, stores);
  for (const heartbeat of heartbeats) log.write(heartbeatMetrics(heartbeat));
  for (const { received, cause, auditId } of failures) {
    const { messageId, attempt } = received;
    log.warn('record.failed', { messageId, attempt, cause, auditId, snapshotId: received.audit.snapshotId });
  }
  log.write(
    embeddedMetrics({
      event: 'batch.drained',
      at: Date.now(),
      dimension: 'function',
      dimensionValue: 'drain',
      metrics: DRAIN_METRICS,
      values: { RecordsStored: counts.stored, RecordsFailed: counts.failed },
      properties: { counts },
    }),
  );
  return { batchItemFailures: failures.map(({ received }) => ({ itemIdentifier: received.messageId })) };
}

export const handler = middy<SQSEvent, SQSBatchResponse>(drainBatch).use(observed(log));
