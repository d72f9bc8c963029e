import type { SQSRecord } from 'aws-lambda';
import { encodeMessage, type Message } from '../../shared/message.ts';

/** A record as Lambda hands it to a handler. */
export function record(
  body: string | Message,
  options: { readonly messageId?: string; readonly sentAt?: string; readonly attempt?: number } = {},
): SQSRecord {
  const text = typeof body === 'string' ? body : encodeMessage(body);
  const { messageId = `m-${text.length}-${counter()}`, attempt = 1 } = options;
  const sentAt = Date.parse(options.sentAt ?? '2026-11-20T15:00:01.000Z');
  return {
    messageId,
    receiptHandle: messageId,
    body: text,
    attributes: {
      ApproximateReceiveCount: String(attempt),
      SentTimestamp: String(sentAt),
      SenderId: 'AIDAEXAMPLE',
      ApproximateFirstReceiveTimestamp: String(sentAt),
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:snapshots',
    awsRegion: 'us-east-1',
  };
}

let next = 0;
function counter(): number {
  next += 1;
  return next;
}
