import { openLake } from '../../cli/lake/lake.ts';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { readBalance, refusedCalls } from '../run/balance.ts';
import type { Reconciliation } from '../run/reconcile.ts';
import { runSlotwise, type Said } from '../run/slotwise.ts';
import type { Turn } from './judge.ts';
import { readTable } from './observe.ts';
import type { Stage } from './stage.ts';
import { positionKeyOf } from './truth.ts';

/** What is there once the bridge has ended and the queue is empty. */
export interface WeekRecord {
  readonly reconciliation: Reconciliation;
  readonly duplicateRows: number;
  readonly conflicts: number;
  /** Messages that still wait in a queue. */
  readonly queued: number;
  /** Calls that the policies of the stacks refused: a sentence each. */
  readonly denied: readonly string[];
  /** What `slotwise verify` prints and how it exits. */
  readonly verify: Said;
  readonly turns: readonly Turn[];
  /** What the lake says last of each position that it takes to be held: key -> quantity. */
  readonly lastOfLake: ReadonlyMap<string, string>;
  readonly table: ReadonlyMap<string, string>;
}

/** Reads what was recorded where it lies. No bridge may run. */
export async function readRecord(stage: Stage, signal: AbortSignal): Promise<WeekRecord> {
  const { directory, cloudPart } = stage;
  const { reconciliation, duplicateRows, conflicts, queued } = await readBalance(directory, cloudPart);
  return {
    reconciliation,
    duplicateRows,
    conflicts,
    queued,
    denied: refusedCalls(cloudPart),
    verify: await runSlotwise(['verify', '--dir', directory.path], signal),
    ...(await readHistory(stage)),
    table: await readTable(stage),
  };
}

async function readHistory({
  cloudPart,
  directory,
}: Stage): Promise<Pick<WeekRecord, 'turns' | 'lastOfLake'>> {
  await using lake = await openLake({
    s3: cloudPart.clients.s3,
    bucket: cloudPart.cloud.outputs.lakeBucket,
    cacheDirectory: directory.file(LOCAL_RUN.lakeCacheDirectory),
  });
  const turns = await lake.query(`
    SELECT account, con_id, reason, epoch_ms(observed_at), snapshot_id FROM snapshots
    WHERE reason IN ('opened', 'closed') ORDER BY epoch, seq`);
  const last = await lake.query(`
    SELECT account, con_id, CAST(quantity AS DOUBLE) FROM snapshots
    QUALIFY row_number() OVER (PARTITION BY account, con_id ORDER BY epoch DESC, seq DESC) = 1`);
  return {
    turns: turns.rows.map(([account, conId, reason, atMs, id]) => ({
      key: positionKeyOf({ account: String(account), conId: Number(conId) }),
      reason: reason === 'closed' ? 'closed' : 'opened',
      atMs: Number(atMs),
      id: String(id),
    })),
    lastOfLake: new Map(
      last.rows
        .filter(([, , quantity]) => Number(quantity) !== 0)
        .map(([account, conId, quantity]) => [
          positionKeyOf({ account: String(account), conId: Number(conId) }),
          String(quantity),
        ]),
    ),
  };
}
