import type { Reconciliation } from '../run/reconcile.ts';
import type { Killed } from './judge.ts';

/** What `npm run kills -- --json` prints as the last line. */
export interface KillsReport {
  readonly seed: number;
  /** Snapshots that were to be produced at least. */
  readonly asked: number;
  readonly killed: Killed;
  readonly bridgeStarts: number;
  readonly invocations: number;
  /** Invocations that took longer than they may: a machine that is too busy. */
  readonly timeouts: number;
  /** Messages that came again. */
  readonly givenBack: number;
  readonly snapshots: Pick<
    Reconciliation,
    'produced' | 'stored' | 'deadLettered' | 'dropped' | 'inFlight' | 'lost'
  >;
  /** Rows of raw objects beyond one per id. */
  readonly rawDuplicates: number;
  /** What a reader sees. */
  readonly view: { readonly rows: number; readonly ids: number };
  readonly verify: { readonly exitCode: number; readonly verdict: string };
  readonly durationS: number;
  /** Everything that is not as it should be, one sentence each. */
  readonly complaints: readonly string[];
  readonly holds: boolean;
}

/** @returns the report as a person reads it */
export function renderKills(report: KillsReport): string {
  const { killed, snapshots, view, verify } = report;
  const { produced, stored, deadLettered, dropped, inFlight, lost } = snapshots;
  const rows: readonly (readonly [string, string])[] = [
    ['bridge', `${killed.bridge} times kill -9, ${report.bridgeStarts} starts`],
    [
      'drain',
      `${killed.drainInWork} times killed in the middle of an invocation, ${killed.drainIdle} times between two; ${report.invocations} invocations, ${report.timeouts} took too long; ${report.givenBack} messages came again`,
    ],
    [
      'snapshots',
      `${produced} produced = ${stored} stored + ${deadLettered} dead-lettered + ${dropped} dropped + ${inFlight} in flight + ${lost} lost`,
    ],
    ['raw', `${report.rawDuplicates} rows beyond one per id`],
    ['view', `${view.rows} rows of ${view.ids} ids`],
    ['verify', `${verify.verdict} (exit code ${verify.exitCode})`],
    ['took', `${report.durationS} s`],
  ];
  return [
    `${report.asked} snapshots with kills, seed ${report.seed}`,
    '',
    ...rows.map(([label, text]) => `  ${label.padEnd(10)} ${text}`),
    '',
    ...(report.holds
      ? ['the record holds']
      : ['THE RECORD DOES NOT HOLD', ...report.complaints.map((each) => `  ${each}`)]),
  ].join('\n');
}
