import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { SQS } from '../../shared/limits.ts';
import type { DeadLetter } from './read.ts';

export interface Redriven {
  readonly sent: readonly DeadLetter[];
  readonly refused: readonly { readonly letter: DeadLetter; readonly reason: string }[];
}

/**
 * Sends raw bodies to the snapshot queue again, as they are. What was stored meanwhile is known to the drain by id and
 * digest, so that a body sent twice stays one row.
 * @throws what SQS answers to a whole request; what was sent before it is sent
 */
export async function redrive(
  sqs: SQSClient,
  queueUrl: string,
  letters: readonly DeadLetter[],
): Promise<Redriven> {
  const sent: DeadLetter[] = [];
  const refused: { letter: DeadLetter; reason: string }[] = [];
  for (const batch of batches(letters)) {
    const { Successful = [], Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: batch.map(({ body }, index) => ({ Id: String(index), MessageBody: body })),
      }),
    );
    for (const { Id } of Successful) {
      const letter = batch[Number(Id)];
      if (letter !== undefined) sent.push(letter);
    }
    for (const { Id, Code, Message } of Failed) {
      const letter = batch[Number(Id)];
      if (letter !== undefined) refused.push({ letter, reason: `${Code}: ${Message ?? 'no reason given'}` });
    }
  }
  return { sent, refused };
}

function batches(letters: readonly DeadLetter[]): DeadLetter[][] {
  const result: DeadLetter[][] = [];
  let bytes = 0;
  for (const letter of letters) {
    const size = Buffer.byteLength(letter.body);
    const batch = result.at(-1);
    if (batch === undefined || batch.length === SQS.sendBatchMax || bytes + size > SQS.payloadMaxBytes) {
      result.push([letter]);
      bytes = size;
    } else {
      batch.push(letter);
      bytes += size;
    }
  }
  return result;
}
