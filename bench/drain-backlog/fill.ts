import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { SQS } from '../../shared/limits.ts';
import { backlogBody } from './traffic.ts';

const SENDS_AT_ONCE = 8;

/** Sends a backlog to the queue, oldest first. Nobody may be reading yet. @throws the signal's reason */
export async function fillQueue(options: {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly messages: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { sqs, queueUrl, messages, signal } = options;
  const nowMs = Date.now();
  let next = 1;
  const send = async () => {
    while (next <= messages) {
      const first = next;
      next += SQS.sendBatchMax;
      const last = Math.min(messages, first + SQS.sendBatchMax - 1);
      const Entries = Array.from({ length: last - first + 1 }, (_, index) => ({
        Id: String(index),
        MessageBody: backlogBody(first + index, { messages, nowMs }),
      }));
      const command = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries });
      await sqs.send(command, { abortSignal: signal });
    }
  };
  await Promise.all(Array.from({ length: SENDS_AT_ONCE }, send));
}
