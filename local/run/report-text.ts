import type { ClosingReport } from './report.ts';

const number = new Intl.NumberFormat('en-US');
const count = (value: number): string => number.format(value);

/** @returns the closing report as a person reads it */
export function renderReport(report: ClosingReport): string {
  const { lines, sweeps, snapshots, batches, registry, permissions } = report;
  const { produced, stored, deadLettered, dropped, inFlight, duplicateRows, rawDuplicates } = snapshots;
  const rows: readonly (readonly [string, string])[] = [
    ['gateway', `server version ${report.gateway.serverVersion ?? 'unknown: it never answered'}`],
    [
      'lines',
      `${lines.streaming} streaming at the end, peak ${lines.peak}, with snapshots ${lines.peakWithSnapshots}, refused ${lines.refused}, cap ${lines.cap}`,
    ],
    ['sweeps', `${count(sweeps.complete)} complete, ${count(sweeps.failed)} failed`],
    ['ticks', count(report.ticks)],
    [
      'snapshots',
      `${count(produced)} produced = ${count(stored)} stored + ${count(deadLettered)} dead-lettered + ${count(dropped)} dropped + ${count(inFlight)} in flight`,
    ],
    ['', `${count(duplicateRows)} duplicate rows for a reader, ${count(rawDuplicates)} in the raw objects`],
    ['batches', batches.count === 0 ? '0' : `${count(batches.count)}, the largest of ${batches.maxSize}`],
    [
      'registry',
      `${count(registry.changes)} changes measured, from table write to gateway socket p50 ${milliseconds(registry.p50Ms)}, p99 ${milliseconds(registry.p99Ms)}`,
    ],
    [
      'policies',
      `${count(permissions.denied)} calls refused, ${count(permissions.unused)} grants that nothing used and nothing explains`,
    ],
    ['cost', costText(report.cost)],
    ['balanced', report.balanced ? 'yes: every snapshot is where it belongs' : 'NO'],
  ];
  return ['closing report', ...rows.map(([label, text]) => `  ${label.padEnd(10)} ${text}`)].join('\n');
}

function costText(cost: ClosingReport['cost']): string {
  if (cost === null) return 'not known: a month takes counts of a minute after the first sweep is stored';
  return `a month of this in AWS: ${cost.grossUsd.toFixed(2)} USD, ${cost.netUsd.toFixed(2)} after the always-free part (slotwise cost)`;
}

function milliseconds(valueMs: number | null): string {
  return valueMs === null ? '-' : `${valueMs} ms`;
}
