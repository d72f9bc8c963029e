import type { SQSRecord } from 'aws-lambda';
import { type AuditItem, messageAuditId } from '../../shared/audit.ts';
import { LAKE, utcDay } from '../../shared/names.ts';
import type { Audit } from '../audit.ts';
import type { Lake } from '../lake.ts';
import { describeFault } from '../log.ts';
import { type Received, receive } from '../received.ts';

export interface DeadLetterOutcome {
  /** Kept and marked. */
  readonly buried: readonly {
    readonly received: Received;
    readonly objectKey: string;
    readonly auditId?: string;
  }[];
  /** Proved to be stored after all: the last acknowledgement was lost, nothing else. */
  readonly alive: readonly Received[];
  /** Stay in the dead-letter queue and come again. */
  readonly failures: readonly { readonly received: Received; readonly cause: string }[];
}

const NO_CAUSE = 'no attempt left a cause: the function ended each time before it could write one down';

/**
 * Keeps what the drain could not store. The raw body first, the mark after: a message whose object or mark failed
 * stays in the queue, and comes again until both are there.
 */
export async function bury(
  batch: readonly SQSRecord[],
  stores: { readonly lake: Lake; readonly audit: Audit },
): Promise<DeadLetterOutcome> {
  const received = batch.map(receive);
  const items = await readAudit(received, stores.audit);
  const outcomes = await Promise.all(
    received.map(async (one): Promise<DeadLetterOutcome> => {
      try {
        return await buryOne(one, items, stores);
      } catch (fault) {
        return { buried: [], alive: [], failures: [{ received: one, cause: describeFault(fault) }] };
      }
    }),
  );
  return {
    buried: outcomes.flatMap((outcome) => outcome.buried),
    alive: outcomes.flatMap((outcome) => outcome.alive),
    failures: outcomes.flatMap((outcome) => outcome.failures),
  };
}

async function buryOne(
  received: Received,
  items: ReadonlyMap<string, AuditItem> | Error,
  stores: { readonly lake: Lake; readonly audit: Audit },
): Promise<DeadLetterOutcome> {
  if (items instanceof Error) throw items;
  const item = itemOf(received, items);
  if (item?.status === 'SUCCESS') return { buried: [], alive: [received], failures: [] };
  const causes = item?.causes ?? [];
  const objectKey = deadKey(received);
  await stores.lake.putOnce({
    key: objectKey,
    body: envelope(received, causes),
    contentType: 'application/json',
  });
  const auditId = await stores.audit.markFailed(subjectOf(received, item), {
    objectKey,
    ...(causes.length === 0 && { cause: received.decoded.ok ? NO_CAUSE : received.decoded.fault }),
  });
  return {
    buried: [{ received, objectKey, ...(auditId !== undefined && { auditId }) }],
    alive: [],
    failures: [],
  };
}

/** The mark goes where the causes are; deliveries of the dead-letter queue are no attempts of the drain. */
function subjectOf(received: Received, item: AuditItem | undefined): Received {
  if (item === undefined) return received;
  return { ...received, attempt: item.attempts, audit: { ...received.audit, id: item.id } };
}

/** `dead/v1/dt=<day of sending>/<message id>.json`: the same for every delivery of the message. */
function deadKey(received: Received): string {
  return `${LAKE.dead}dt=${utcDay(received.sentAt)}/${received.messageId}.json`;
}

/** The body is text, byte for byte what the bridge sent: fixed, it can be sent again. */
function envelope(received: Received, causes: AuditItem['causes']): string {
  const { messageId, sentAt, body, decoded, audit } = received;
  return JSON.stringify({
    schema: 1,
    messageId,
    sentAt,
    snapshotId: audit.snapshotId,
    bodyDigest: decoded.digest,
    causes: causes ?? [],
    body,
  });
}

/** The item of this very body: under the message's own id, or under the snapshot's when that stands for it. */
function itemOf(received: Received, items: ReadonlyMap<string, AuditItem>): AuditItem | undefined {
  const ids = [messageAuditId(received.messageId), received.audit.id];
  return ids
    .map((id) => items.get(id))
    .find((item) => item !== undefined && item.bodyDigest === received.decoded.digest);
}

async function readAudit(
  received: readonly Received[],
  audit: Audit,
): Promise<ReadonlyMap<string, AuditItem> | Error> {
  const ids = received.flatMap((one) => [one.audit.id, messageAuditId(one.messageId)]);
  try {
    return await audit.read([...new Set(ids)]);
  } catch (fault) {
    return new Error(`the audit could not be read: ${describeFault(fault)}`);
  }
}
