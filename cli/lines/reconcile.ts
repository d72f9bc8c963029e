import type { DifferenceStatus, ReconcileStatus } from '../../shared/status.ts';
import { EXIT, type ExitCode } from '../failure.ts';
import { contractName } from '../output/contract.ts';
import { shownInstant } from '../output/instant.ts';
import { paint } from '../output/style.ts';
import { table } from '../output/table.ts';
import type { StatusReading } from './read-status.ts';
import { asOfLines, type KnownReading } from './view.ts';

/** @returns of all bridges the worst; what one that does not answer said last is no agreement of now */
export function exitCodeOf(readings: readonly StatusReading[]): ExitCode {
  const states = readings.map((reading) =>
    reading.type === 'unknown' ? undefined : { ...reading.status.reconcile, isLive: reading.type === 'live' },
  );
  if (states.some((each) => each?.state === 'differs')) return EXIT.failed;
  return states.every((each) => each?.state === 'agrees' && each.isLive) ? EXIT.ok : EXIT.undecided;
}

/** What `slotwise reconcile` prints for a person. Pure but for colours. */
export function reconcileView(reading: KnownReading): string {
  const { bridge, at, reconcile } = reading.status;
  const lines =
    reconcile === undefined
      ? [`${bridge}: it does not compare: a version before this command`]
      : [`${bridge}: ${verdictOf(reconcile, at)}`, ...detailsOf(reconcile, at)];
  return [...asOfLines(reading), ...lines].join('\n');
}

function verdictOf({ state, reason, positions, rows, lastAt }: ReconcileStatus, now: string): string {
  const why = reason === undefined ? '' : `: ${reason}`;
  const last =
    lastAt === undefined
      ? 'never compared'
      : `${positions} positions against ${rows} rows at ${shownInstant(lastAt, now)} UTC`;
  return `${paint(TONES[state], state)}${why}; ${last}`;
}

const TONES = { agrees: 'green', differs: 'red', undecided: 'yellow' } as const;

function detailsOf(status: ReconcileStatus, now: string): string[] {
  const { differences, examples, mended, lastMended, failed, lastFault } = status;
  const counts = Object.entries(differences).filter(([, count]) => count > 0);
  return [
    ...(counts.length === 0 ? [] : [counts.map(([kind, count]) => `${count} ${kind}`).join(', ')]),
    ...(examples.length === 0 ? [] : [differenceTable(examples, now)]),
    `${mended} mended since the bridge started`,
    ...(lastMended.length === 0 ? [] : [differenceTable(lastMended, now)]),
    ...(lastFault === undefined ? [] : [paint('yellow', `${failed} looks failed: ${lastFault}`)]),
  ];
}

function differenceTable(rows: readonly DifferenceStatus[], now: string): string {
  return table(rows, [
    { head: 'KIND', cell: ({ kind }) => kind },
    {
      head: 'ACCOUNT',
      cell: ({ account, modelCode }) => (modelCode === undefined ? account : `${account}/${modelCode}`),
    },
    { head: 'CONID', cell: ({ conId }) => String(conId), align: 'right' },
    { head: 'CONTRACT', cell: ({ contract }) => (contract === undefined ? '' : contractName(contract)) },
    { head: 'HELD', cell: ({ held }) => held, align: 'right' },
    { head: 'TABLE', cell: ({ table: found }) => found ?? '', align: 'right' },
    { head: 'SINCE', cell: ({ since }) => shownInstant(since, now) },
    {
      head: 'SENT AGAIN',
      cell: ({ mendedAt }) => (mendedAt === undefined ? '' : shownInstant(mendedAt, now)),
    },
  ]);
}
