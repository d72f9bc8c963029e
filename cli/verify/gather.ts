import type { S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { DRAIN } from '../../shared/limits.ts';
import { decodeMessage } from '../../shared/message.ts';
import { type DeadLetter, readDeadLetters } from '../dead-letters/read.ts';
import { type LakeOptions, openLake } from '../lake/lake.ts';
import { readDeclarations } from './declarations.ts';
import type { DeadNumber, Evidence } from './evidence.ts';
import { readStoredDigests, readStoredRuns } from './stored.ts';

/**
 * Declarations before dead letters before rows: a message under way is seen late rather than never, so that what runs
 * meanwhile never looks lost.
 * @throws what S3 answers, as it came
 */
export async function gatherEvidence(
  options: LakeOptions & {
    readonly s3: S3Client;
    readonly time?: { readonly startMs: number; readonly endMs: number };
  },
): Promise<Evidence> {
  const { s3, bucket, signal, time } = options;
  const { letters } = await readDeadLetters(s3, bucket, signal);
  const declared = await readDeclarations(s3, {
    bucket,
    letters,
    ...(signal === undefined ? {} : { signal }),
  });
  const dead = (await readDeadLetters(s3, bucket, signal)).letters.flatMap(deadNumber);
  await using lake = await openLake(options);
  return {
    ...declared,
    dead,
    stored: await readStoredRuns(lake, time, signal),
    digests: await readStoredDigests(lake, declared.ledgers, signal),
    conflicts: await lake.conflicts(),
  };
}

/** Whatever made a body die, its id says which snapshot it was; a body that names none stands for no snapshot. */
function deadNumber({ snapshotId, sentAt, body }: DeadLetter): DeadNumber[] {
  const parts = snapshotId?.split(':');
  const [bridge, epoch, seq] = parts ?? [];
  if (parts?.length !== 3 || bridge === undefined || epoch === undefined) return [];
  const decoded = decodeMessage(body);
  const at = decoded.ok && decoded.message.kind === 'snapshot' ? decoded.message.observedAt : sentAt;
  return [{ bridge, epoch, seq: Number(seq), atMs: Date.parse(at) }];
}

const redriveSchema = z.object({ maxReceiveCount: z.coerce.number().int().positive() });

/**
 * How long a message may be under way before it is stored or dead, as the queue is set: its visibility timeout times
 * its tries, and the window in which a batch gathers.
 */
export async function readHorizonMs(sqs: SQSClient, queueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['VisibilityTimeout', 'RedrivePolicy'],
    }),
  );
  const visibilityTimeoutS = z.coerce
    .number()
    .positive()
    .catch(DRAIN.visibilityTimeoutS)
    .parse(Attributes.VisibilityTimeout);
  const { maxReceiveCount } = redriveSchema
    .catch({ maxReceiveCount: DRAIN.maxReceiveCount })
    .parse(JSON.parse(Attributes.RedrivePolicy ?? '{}'));
  return (visibilityTimeoutS * maxReceiveCount + DRAIN.batchWindowS) * 1000;
}
