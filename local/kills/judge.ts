import { differences } from '../week/judge.ts';
import type { KillsRecord } from './record.ts';

/** What was really done. */
export interface Killed {
  /** Bridges that ended by our kill -9. */
  readonly bridge: number;
  /** Workers of the drain that were ended in the middle of an invocation, and between two. */
  readonly drainInWork: number;
  readonly drainIdle: number;
}

/** @returns what is not as it should be, one sentence each; nothing where the record holds */
export function complaintsOf(of: {
  readonly record: KillsRecord;
  readonly killed: Killed;
  readonly snapshots: number;
  readonly isDrained: boolean;
}): string[] {
  const { record, killed, snapshots, isDrained } = of;
  const { produced, stored, deadLettered, dropped, inFlight, lost, strangers, missingIds } =
    record.reconciliation;
  const { rows, ids } = record.view;
  const expected = produced - dropped - deadLettered;
  const claims: readonly (readonly [boolean, string])[] = [
    [killed.bridge > 0, 'no bridge was killed: nothing was tried'],
    [killed.drainInWork > 0, 'no drain was killed in the middle of an invocation: nothing was tried'],
    [produced >= snapshots, `${produced} snapshots were produced, ${snapshots} were asked for`],
    [isDrained, 'the queue did not become empty'],
    [
      record.verify.exitCode === 0,
      `slotwise verify: ${record.verify.text} (exit code ${record.verify.exitCode})`,
    ],
    [lost === 0 && inFlight === 0, `${lost} lost, ${inFlight} under way: ${missingIds.join(', ')}`],
    [strangers === 0, `${strangers} ids that no outbox gave out`],
    [stored === rows, `${stored} ids are stored, a reader sees ${rows} rows`],
    [rows === ids, `a reader sees ${rows} rows of ${ids} ids`],
    [
      rows === expected,
      `a reader sees ${rows} rows: ${produced} produced less ${dropped} declared and ${deadLettered} dead are ${expected}`,
    ],
    [record.conflicts === 0, `${record.conflicts} ids with two bodies`],
    [record.denied.length === 0, record.denied.join('; ')],
  ];
  return [
    ...claims.filter(([holds]) => !holds).map(([, text]) => text),
    ...differences('the positions table', record.table, record.held),
  ];
}
