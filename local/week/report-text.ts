import { table } from '../../cli/output/table.ts';
import type { WeekReport } from './report.ts';

/** @returns the report as a person reads it */
export function renderWeek(report: WeekReport): string {
  const { lines, bridge, snapshots, functions, turns, verify, timing } = report;
  const { produced, stored, deadLettered, dropped, inFlight, lost } = snapshots;
  const periods = Object.entries(timing.periods).map(([key, value]) => `${key} ${value}`);
  const world = Object.entries(timing.world).map(([key, value]) => `${key} ${value}`);
  const drain = Object.entries(timing.drain).map(([key, value]) => `${key} ${value}`);
  const rows: readonly (readonly [string, string])[] = [
    [
      'lines',
      `cap ${lines.cap}, peak ${lines.peak}, with snapshots ${lines.peakWithSnapshots}, refused ${lines.refused}`,
    ],
    ['bridge', `${bridge.starts} starts, ${bridge.kills} kills`],
    ['disk', report.disk],
    [
      'snapshots',
      `${produced} produced = ${stored} stored + ${deadLettered} dead-lettered + ${dropped} dropped + ${inFlight} in flight + ${lost} lost`,
    ],
    [
      'functions',
      `${functions.invocations} invocations, ${functions.timeouts} took too long${functions.timeouts === 0 ? '' : ': is this machine busy?'}`,
    ],
    ['positions', `${turns.opened} opened, ${turns.closed} closed, ${turns.false} of them falsely`],
    ['verify', `${verify.verdict} (exit code ${verify.exitCode})`],
    ['periods', periods.join(', ')],
    ['drain', drain.join(', ')],
    ['world', world.join(', ')],
    [
      'relations',
      `${report.relations.filter(({ holds }) => holds).length} of ${report.relations.length} kept`,
    ],
    ['took', `${report.durationS} s`],
  ];
  const parts = [
    `a week of ${report.sessions} sessions, seed ${report.seed}`,
    '',
    table(report.phases, [
      { head: 'PART', cell: ({ name }) => name },
      {
        head: 'QUIET AFTER',
        cell: ({ quietMs }) => (quietMs === null ? 'never' : `${quietMs} ms`),
        align: 'right',
      },
      {
        head: 'MEMORY',
        cell: ({ memoryMb }) => (memoryMb === null ? '-' : `${memoryMb} MiB`),
        align: 'right',
      },
      { head: 'WITHOUT LINES', cell: ({ degraded }) => degraded.join('; ') || '-' },
    ]),
    '',
    table(report.deeds, [
      { head: 'WHAT HAPPENED', cell: ({ name }) => name },
      { head: 'PLANNED', cell: ({ planned }) => String(planned), align: 'right' },
      { head: 'EXERCISED', cell: ({ exercised }) => String(exercised), align: 'right' },
    ]),
    '',
    ...rows.map(([label, text]) => `  ${label.padEnd(10)} ${text}`),
    '',
    ...(report.holds ? ['the week holds'] : ['THE WEEK DOES NOT HOLD', ...someOf(report.complaints)]),
  ];
  return parts.join('\n');
}

const COMPLAINTS_SHOWN_MAX = 30;

/** One fault of the bridge may show in every position; `--json` has them all. */
function someOf(complaints: readonly string[]): string[] {
  const shown = complaints.slice(0, COMPLAINTS_SHOWN_MAX).map((each) => `  ${each}`);
  const left = complaints.length - shown.length;
  return left === 0 ? shown : [...shown, `  and ${left} more`];
}
