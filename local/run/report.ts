import type { Month } from '../../cli/cost/month.ts';
import type { RecordedAccess } from '../aws/journal.ts';
import type { UnusedGrant } from '../aws/permission-audit.ts';
import type { LatencySummary } from './latency.ts';
import type { Reconciliation } from './reconcile.ts';

/** What `slotwise local --json` prints as the last line of standard output. */
export interface ClosingReport {
  /** null when no gateway ever answered. */
  readonly gateway: { readonly serverVersion: number | null };
  readonly lines: LinesFigures;
  readonly sweeps: { readonly complete: number; readonly failed: number };
  readonly ticks: number;
  /** Over the whole state directory, earlier runs included: nothing of them may be missing either. */
  readonly snapshots: {
    readonly produced: number;
    readonly stored: number;
    readonly deadLettered: number;
    readonly dropped: number;
    readonly inFlight: number;
    readonly duplicateRows: number;
    readonly rawDuplicates: number;
  };
  readonly batches: { readonly count: number; readonly maxSize: number };
  readonly registry: LatencySummary;
  /** Against the policies of the synthesized stacks. */
  readonly permissions: {
    /** Calls that were refused: a statement is missing. */
    readonly denied: number;
    /** Granted pairs of action and resource that nothing used and nothing explains. */
    readonly unused: number;
  };
  /** US dollars of a month in AWS, by what this directory's runs used; null when they were too short. */
  readonly cost: { readonly ingestUsd: number; readonly grossUsd: number; readonly netUsd: number } | null;
  readonly balanced: boolean;
}

export interface LinesFigures {
  readonly cap: number;
  /** Streamed when the shutdown began. */
  readonly streaming: number;
  /** Most lines streamed at once. */
  readonly peak: number;
  /** The same with snapshot requests in flight. */
  readonly peakWithSnapshots: number;
  readonly refused: number;
}

export interface Measured {
  readonly serverVersion: number | undefined;
  readonly lines: LinesFigures;
  readonly sweeps: { readonly complete: number; readonly failed: number };
  readonly ticks: number;
  readonly reconciliation: Reconciliation;
  /** Rows of the view beyond one per id: what a reader would count twice. */
  readonly duplicateRows: number;
  /** Rows of the raw objects beyond one per id: what redelivery left behind. */
  readonly rawDuplicates: number;
  /** Ids that stand in the raw objects with more than one body. */
  readonly conflicts: number;
  readonly batches: { readonly count: number; readonly maxSize: number };
  readonly registry: LatencySummary;
  readonly month: Month | undefined;
  readonly permissions: {
    readonly denied: readonly Pick<RecordedAccess, 'principal' | 'action' | 'resource' | 'denied'>[];
    /** Without the explained ones. */
    readonly unused: readonly UnusedGrant[];
  };
}

/**
 * Balanced: every snapshot that an outbox of this directory gave out is in the lake, under `dead/` or in a declared
 * drop, nothing waits any more, no reader sees one twice and none has two bodies.
 */
export function closingReport(measured: Measured): ClosingReport {
  const { produced, stored, deadLettered, dropped, inFlight } = measured.reconciliation;
  const { duplicateRows, rawDuplicates, conflicts } = measured;
  return {
    gateway: { serverVersion: measured.serverVersion ?? null },
    lines: measured.lines,
    sweeps: measured.sweeps,
    ticks: measured.ticks,
    snapshots: { produced, stored, deadLettered, dropped, inFlight, duplicateRows, rawDuplicates },
    batches: measured.batches,
    registry: measured.registry,
    permissions: {
      denied: measured.permissions.denied.reduce((sum, { denied }) => sum + denied, 0),
      unused: measured.permissions.unused.length,
    },
    cost: costOf(measured.month),
    balanced:
      inFlight === 0 &&
      produced === stored + deadLettered + dropped &&
      duplicateRows === 0 &&
      conflicts === 0,
  };
}

function costOf(month: Month | undefined): ClosingReport['cost'] {
  if (month === undefined) return null;
  const cents = (usd: number) => Math.round(usd * 100) / 100;
  const { ingestGrossUsd, grossUsd, netUsd } = month;
  return { ingestUsd: cents(ingestGrossUsd), grossUsd: cents(grossUsd), netUsd: cents(netUsd) };
}

/** @returns a sentence for each thing that keeps the report from balancing, or that a person should know */
export function remarks(measured: Measured): string[] {
  const { inFlight, lost, missingIds, strangers } = measured.reconciliation;
  const found: string[] = [];
  const examples = missingIds.join(', ');
  if (lost > 0) found.push(`${counted(lost, 'snapshot')} nowhere to be found, for example ${examples}`);
  else if (inFlight > 0) {
    found.push(
      `${counted(inFlight, 'snapshot')} still on the way, for example ${examples}: the next run in this directory stores them`,
    );
  }
  if (measured.duplicateRows > 0)
    found.push(`${counted(measured.duplicateRows, 'row')} seen twice by a reader of the view`);
  if (measured.conflicts > 0)
    found.push(`${counted(measured.conflicts, 'snapshot id')} in the lake with two bodies`);
  if (strangers > 0)
    found.push(`${counted(strangers, 'snapshot')} of an outbox that this directory does not have`);
  for (const { principal, action, resource, denied } of measured.permissions.denied)
    found.push(`${counted(denied, 'call')} refused: ${principal} may not ${action} on ${resource}`);
  for (const { principal, action, resource } of measured.permissions.unused)
    found.push(`${principal} may ${action} on ${resource}, and nothing in this run needed it`);
  return found;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
