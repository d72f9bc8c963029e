import { readBalance, refusedCalls } from '../run/balance.ts';
import type { Reconciliation } from '../run/reconcile.ts';
import { runSlotwise, type Said } from '../run/slotwise.ts';
import { readTable } from '../week/observe.ts';
import { positionKeyOf } from '../week/truth.ts';
import type { Stage } from './stage.ts';

/** What is there once the bridge has ended and the queue is empty. */
export interface KillsRecord {
  readonly reconciliation: Reconciliation;
  /** Rows of raw objects beyond one per id: what was in work when it was killed, and was stored again. */
  readonly rawDuplicates: number;
  /** Ids with two bodies. */
  readonly conflicts: number;
  readonly verify: Said;
  /** What `slotwise query` answers of the view. */
  readonly view: { readonly rows: number; readonly ids: number };
  /** What is held by the positions table, and by the gateway: key -> quantity. */
  readonly table: ReadonlyMap<string, string>;
  readonly held: ReadonlyMap<string, string>;
  /** Calls that the policies of the stacks refused: a sentence each. */
  readonly denied: readonly string[];
}

const VIEW = 'select count(*)::integer as n, count(distinct snapshot_id)::integer as ids from snapshots';

/** Reads what was recorded where it lies. No bridge may run. */
export async function readRecord(stage: Stage, signal: AbortSignal): Promise<KillsRecord> {
  const { directory, cloudPart, gateway } = stage;
  const { reconciliation, rawDuplicates, conflicts } = await readBalance(directory, cloudPart);
  return {
    reconciliation,
    rawDuplicates,
    conflicts,
    verify: await runSlotwise(['verify', '--dir', directory.path], signal),
    view: viewOf(await runSlotwise(['query', '--json', VIEW, '--dir', directory.path], signal)),
    table: await readTable(stage),
    held: new Map(gateway.portfolio.positions.map((row) => [positionKeyOf(row), row.quantity])),
    denied: refusedCalls(cloudPart),
  };
}

/** @throws Error with what the command said instead */
function viewOf({ exitCode, text }: Said): KillsRecord['view'] {
  const [, rows, ids] = /"n":\s*(\d+),\s*"ids":\s*(\d+)/.exec(text) ?? [];
  if (exitCode !== 0 || rows === undefined) throw new Error(`slotwise query: ${text}`);
  return { rows: Number(rows), ids: Number(ids) };
}
