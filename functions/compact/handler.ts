import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { COMPACT } from '../../shared/limits.ts';
import { COMPACT_METRICS } from '../../shared/metrics.ts';
import { FUNCTION_ENV } from '../../shared/names.ts';
import { connectS3 } from '../clients.ts';
import { required } from '../environment.ts';
import { Lake } from '../lake.ts';
import { createLog } from '../log.ts';
import { embeddedMetrics } from '../metrics.ts';
import { observed } from '../observed.ts';
import { compact, type PassOutcome } from './compact.ts';
import { DeltaTable } from './delta-table.ts';
import { Objects } from './objects.ts';
import { Workbench } from './workbench.ts';

/** What the schedules say: see infra/stacks/ingest.ts. */
const eventSchema = z.object({ pass: z.enum(['hourly', 'nightly']) });

const log = createLog('compact');
const s3 = connectS3({ requestTimeoutMs: 60_000 });
const bucket = required(FUNCTION_ENV.lakeBucket);
const objects = new Objects(s3, bucket);
const table = new DeltaTable(objects, new Lake(s3, bucket));
const graceMs = 1000 * Number(required(FUNCTION_ENV.compactGraceS));

async function runPass(event: unknown, context: Context): Promise<PassOutcome> {
  const { pass } = eventSchema.parse(event);
  await using bench = await Workbench.open();
  const outcome = await compact(
    {
      objects,
      table,
      bench,
      nowMs: Date.now(),
      graceMs,
      batchObjects: COMPACT.batchObjects,
      openObjects: COMPACT.openObjects,
      hasTime: () => context.getRemainingTimeInMillis() > COMPACT.reserveMs,
    },
    pass,
  );
  const { conflicts, ...counts } = outcome;
  for (const { day, ids } of conflicts) {
    log.write(
      embeddedMetrics({
        event: 'snapshot.conflict',
        at: Date.now(),
        dimension: 'function',
        dimensionValue: 'compact',
        metrics: COMPACT_METRICS,
        values: { RecordsFailed: ids },
        properties: { level: 'ERROR', day, ids },
      }),
    );
  }
  log.info('lake.compacted', { pass, ...counts });
  return outcome;
}

export const handler = middy<unknown, PassOutcome>(runPass).use(observed(log));
