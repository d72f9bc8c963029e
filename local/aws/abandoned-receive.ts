import type { Emulator, EmulatorRequest, EmulatorResponse } from './emulators.ts';

/**
 * A client that closes its long poll (a bridge that stops) leaves a receive behind, and the next message would go to
 * nobody and stay invisible for its whole timeout. What nobody took is made visible again.
 */
export function returnAbandoned(
  sqs: Emulator,
): (request: EmulatorRequest, response: EmulatorResponse) => Promise<void> {
  return async (request, response) => {
    if (!request.headers['x-amz-target']?.endsWith('.ReceiveMessage') || response.status !== 200) return;
    const { QueueUrl } = JSON.parse(request.body.toString()) as { QueueUrl: string };
    const { Messages = [] } = JSON.parse(response.body.toString()) as {
      Messages?: readonly { ReceiptHandle: string }[];
    };
    if (Messages.length === 0) return;
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({
      Id: `${index}`,
      ReceiptHandle,
      VisibilityTimeout: 0,
    }));
    await sqs.handle({
      method: 'POST',
      url: '/',
      headers: { ...request.headers, 'x-amz-target': 'AmazonSQS.ChangeMessageVisibilityBatch' },
      body: Buffer.from(JSON.stringify({ QueueUrl, Entries })),
    });
  };
}
