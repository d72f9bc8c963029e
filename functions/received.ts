import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod';
import { messageAuditId } from '../shared/audit.ts';
import { conIdSchema } from '../shared/contract.ts';
import { type Decoded, decodeMessage } from '../shared/message.ts';
import { bridgeIdSchema, epochSchema } from '../shared/snapshot.ts';

/** One delivery of one SQS message, decoded. Nothing in it depends on when or how often it is delivered but `attempt`. */
export interface Received {
  readonly messageId: string;
  readonly body: string;
  /** When SQS took it, ISO 8601: the same on every delivery. */
  readonly sentAt: string;
  /** Deliveries so far, this one included. */
  readonly attempt: number;
  readonly decoded: Decoded;
  readonly audit: AuditSubject;
}

/** Under which id a message is audited, and what is worth keeping beside it. */
interface AuditSubject {
  /** The snapshot's id where one can be read, even from a body that is otherwise no good; else `sqs:<message id>`. */
  readonly id: string;
  readonly snapshotId?: string;
  readonly conId?: number;
  readonly priority?: number;
}

export function receive(record: SQSRecord): Received {
  const decoded = decodeMessage(record.body);
  return {
    messageId: record.messageId,
    body: record.body,
    sentAt: new Date(Number(record.attributes.SentTimestamp)).toISOString(),
    attempt: Number(record.attributes.ApproximateReceiveCount),
    decoded,
    audit: decoded.ok ? subjectOf(record.messageId, decoded) : guessedSubject(record),
  };
}

function subjectOf(messageId: string, { message }: Extract<Decoded, { ok: true }>): AuditSubject {
  if (message.kind !== 'snapshot') return { id: messageAuditId(messageId) };
  const { id, priority, contract } = message;
  return { id, snapshotId: id, conId: contract.conId, priority };
}

/** What a body that does not decode says of itself, field by field: whatever is readable helps to find it. */
const claimSchema = z.object({
  id: z.string().refine(isSnapshotId).optional().catch(undefined),
  priority: z
    .union([z.literal(1), z.literal(2)])
    .optional()
    .catch(undefined),
  contract: z
    .object({ conId: conIdSchema.optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

function guessedSubject(record: SQSRecord): AuditSubject {
  const claim = claimSchema.safeParse(parsed(record.body)).data;
  const conId = claim?.contract?.conId;
  return {
    id: claim?.id ?? messageAuditId(record.messageId),
    ...(claim?.id !== undefined && { snapshotId: claim.id }),
    ...(conId !== undefined && { conId }),
    ...(claim?.priority !== undefined && { priority: claim.priority }),
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isSnapshotId(id: string): boolean {
  const [bridge, epoch, seq, ...more] = id.split(':');
  return (
    more.length === 0 &&
    bridgeIdSchema.safeParse(bridge).success &&
    epochSchema.safeParse(epoch).success &&
    /^[1-9]\d{0,15}$/.test(seq ?? '')
  );
}
