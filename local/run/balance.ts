import type { CloudPart } from './cloud-part.ts';
import { readDeadIds, readDrops, readLake, readOutboxes } from './evidence.ts';
import { type Reconciliation, reconcile } from './reconcile.ts';
import type { StateDirectory } from './state-directory.ts';
import { nameOf } from './watch.ts';

/** What was produced against what is where. */
export interface Balance {
  readonly reconciliation: Reconciliation;
  /** Rows beyond one per id: for a reader of the view, and in the raw objects. */
  readonly duplicateRows: number;
  readonly rawDuplicates: number;
  /** Ids with two bodies. */
  readonly conflicts: number;
  /** Messages that still wait in a queue. */
  readonly queued: number;
}

/** Reads it where it lies, not where it is reported. No bridge may run. */
export async function readBalance(
  directory: StateDirectory,
  { cloud, clients }: CloudPart,
): Promise<Balance> {
  const { lakeBucket, snapshotQueueUrl, snapshotDeadLetterQueueUrl } = cloud.outputs;
  const outboxes = readOutboxes(directory);
  const depths = await cloud.queueDepths();
  const queued = [snapshotQueueUrl, snapshotDeadLetterQueueUrl].reduce((sum, url) => {
    const depth = depths[nameOf(url)];
    return sum + (depth === undefined ? 0 : depth.visible + depth.inFlight + depth.delayed);
  }, 0);
  const { stored, ...lake } = await readLake(clients.s3, lakeBucket, directory);
  return {
    reconciliation: reconcile({
      produced: outboxes.produced,
      stored,
      deadIds: await readDeadIds(clients.s3, lakeBucket),
      dropped: await readDrops(clients.s3, lakeBucket),
      waiting: outboxes.waiting + queued,
    }),
    ...lake,
    queued,
  };
}

/** @returns the calls that the policies of the stacks refused: a sentence each */
export function refusedCalls({ cloud }: CloudPart): string[] {
  return cloud.journal
    .accesses()
    .filter(({ denied }) => denied > 0)
    .map(({ principal, action, resource }) => `${principal} may not ${action} on ${resource}`);
}
