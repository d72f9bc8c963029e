import * as z from 'zod';
import { instantSchema } from './snapshot.ts';

/** Why one attempt failed: a sentence, without the account. */
const causeSchema = z.object({ at: instantSchema, attempt: z.int().nonnegative(), text: z.string() });

/**
 * What became of one message. The id is the snapshot's; or `sqs:<message id>` where none can be read, where the
 * message is of another kind, and where its snapshot id already stands for another body.
 */
export const auditItemSchema = z.object({
  id: z.string().min(1),
  /** RETRYING: it will be delivered again. FAILED: its raw body is under `dead/`. */
  status: z.enum(['RETRYING', 'SUCCESS', 'FAILED']),
  /** Deliveries of the SQS message so far. */
  attempts: z.int().nonnegative(),
  /** SHA-256 of the body as received: one id with two of them is an error. */
  bodyDigest: z.string(),
  /** True when the body could not be decoded: such an item never stands in the way of a good body with its id. */
  undecodable: z.boolean().optional(),
  causes: z.array(causeSchema).optional(),
  /** Absent where a page of ten says all: shared/audit-page.ts. */
  messageId: z.string().optional(),
  /** What the body said of itself, on items whose id is not the snapshot's. */
  snapshotId: z.string().optional(),
  conId: z.int().optional(),
  priority: z.int().optional(),
  /** SUCCESS: the Parquet object with its row. FAILED: the object under `dead/`. */
  objectKey: z.string().optional(),
  createdAt: instantSchema,
  updatedAt: instantSchema,
  /** Only on RETRYING and FAILED: the key of the failures index. */
  failedDay: z.iso.date().optional(),
  /** Epoch seconds. */
  expiresAt: z.int(),
});

export type AuditItem = z.infer<typeof auditItemSchema>;

/** The id under which a message that has no usable snapshot id is audited. */
export function messageAuditId(messageId: string): string {
  return `sqs:${messageId}`;
}
