import type { TableLoad } from '../../local/aws/throttle.ts';
import type { Throughput } from '../../local/aws/throughput.ts';
import { DRAIN } from '../../shared/limits.ts';
import type { BacklogFigures } from './measure.ts';

export interface BacklogReport extends BacklogFigures {
  /** Share of what a real new table serves. */
  readonly scale: number;
  readonly throughput: Throughput;
  /** Resident memory of a process that has loaded the bundle and done nothing. */
  readonly processMemoryMb: number;
}

/** @returns the report as a person reads it */
export function renderReport(report: BacklogReport): string {
  const { throughput, invocations, live, lake, tables } = report;
  const rows: readonly (readonly [string, string])[] = [
    [
      'tables',
      `${report.scale} of a new table in AWS: ${throughput.partitions} partitions of ${throughput.writesPerSecond} writes and ${throughput.readsPerSecond} reads a second`,
    ],
    [
      'drained',
      `${report.messages} messages in ${seconds(report.drainedS * 1000)}, ${report.perSecond.toFixed(0)} a second`,
    ],
    [
      'drain',
      `${invocations.count} invocations, ${invocations.failed} failed, ${invocations.timeouts} of them by time`,
    ],
    ['positions', load(tables.positions)],
    ['audit', load(tables.audit)],
    ['given back', `${report.givenBack} messages, ${report.deadLettered} dead-lettered`],
    [
      'memory',
      `${report.workerMemoryMb.toFixed(0)} MB of heap and buffers in a worker, ${report.processMemoryMb.toFixed(0)} MB resident in a process that has only loaded the bundle: of ${DRAIN.memoryMb} MB`,
    ],
    [
      'live',
      `${live.stored} of ${live.sent} stored, at most ${seconds(live.delayMaxMs)} late; on time again ${seconds(live.recoveredAfterMs)} after the backlog was gone`,
    ],
    ...report.fairness.map(
      ({ hot, othersSlowest, othersMedian }) =>
        [
          'fairness',
          `hot contract at ${percent(hot)}: the others at ${percent(othersMedian)}, the slowest at ${percent(othersSlowest)}`,
        ] as const,
    ),
    ['lake', `${lake.rows} rows, ${lake.duplicates} ids twice`],
  ];
  const verdict = report.complaints.length === 0 ? 'it holds' : report.complaints.join('\n');
  return [...rows.map(([label, text]) => `  ${label.padEnd(10)} ${text}`), verdict].join('\n');
}

function load(of: TableLoad | undefined): string {
  if (of === undefined) return 'not limited';
  return `${of.writeUnits} writes, ${of.readUnits} reads served; ${of.throttled} refused, ${of.retried} tried again`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
