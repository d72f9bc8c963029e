import { join } from 'node:path';
import { startCloud } from '../../local/aws/cloud.ts';
import { openStores } from '../../local/aws/stores.ts';
import type { Throughput } from '../../local/aws/throughput.ts';
import { fillQueue } from './fill.ts';
import { type BacklogFigures, measureDrain } from './measure.ts';

/**
 * Fills the queue of an assembly's stacks, then lets their own drain empty it.
 * @param options.concurrency invocations at once, where the mapping itself says nothing
 * @throws the signal's reason
 */
export async function drainBacklog(options: {
  readonly assembly: string;
  /** For the embedded services and copies of the lake's objects. */
  readonly directory: string;
  readonly messages: number;
  readonly throughput: Throughput;
  readonly concurrency: number;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<BacklogFigures> {
  const { assembly, directory, messages, throughput, concurrency, say, signal } = options;
  const dir = join(directory, 'aws');
  // Provisioned, and closed again: nobody shall read while the queue is filled.
  await (await startCloud({ assembly, dir })).stop();
  say(`filling the queue with ${messages} messages`);
  const filledFromMs = performance.now();
  {
    await using stores = await openStores({ dir });
    const { sqs } = stores.clients('cli');
    await fillQueue({ sqs, queueUrl: stores.outputs.snapshotQueueUrl, messages, signal });
  }
  say(`filled in ${((performance.now() - filledFromMs) / 1000).toFixed(0)} s; draining`);
  await using cloud = await startCloud({
    assembly,
    dir,
    throughput,
    concurrency,
    log: { info: () => {}, warn: (event, fields) => say(`${event} ${JSON.stringify(fields)}`) },
  });
  return await measureDrain({ cloud, messages, cacheDirectory: join(directory, 'lake'), say, signal });
}
