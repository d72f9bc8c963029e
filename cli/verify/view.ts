import { snapshotId } from '../../shared/snapshot.ts';
import { table } from '../output/table.ts';
import type { TradingDate } from '../trading-date.ts';
import type { EpochAccount, Verification } from './verify.ts';

/** Ids that a person is shown one by one, and that a program gets; ranges say the rest. */
const SHOWN_MAX = 50;
const LISTED_MAX = 10_000;

const COUNTS = [
  ['PRODUCED', 'produced'],
  ['STORED', 'stored'],
  ['DEAD', 'deadLettered'],
  ['DROPPED', 'dropped'],
  ['IN FLIGHT', 'inFlight'],
  ['WAITING', 'waiting'],
  ['UNKNOWN', 'unknown'],
  ['LOST', 'lost'],
] as const;

type Counts = Readonly<Record<(typeof COUNTS)[number][1], number>>;

export function verificationText(verification: Verification, day: TradingDate | undefined): string {
  const { verdict, epochs } = verification;
  const sums = totals(epochs);
  const lines = [
    table(
      [...epochs, { ...sums, bridge: 'all', epoch: undefined, notes: [] }],
      [
        { head: 'BRIDGE', cell: ({ bridge }) => bridge },
        { head: 'EPOCH', cell: ({ epoch }) => epoch ?? '' },
        ...COUNTS.map(([head, name]) => ({
          head,
          cell: (row: Counts) => String(row[name]),
          align: 'right' as const,
        })),
      ],
    ),
    '',
    ...epochs.flatMap(notesOf),
    ...verification.mismatches.map(
      ({ bridge, epoch, day: utcDay }) =>
        `${bridge} ${epoch}: on ${utcDay} (UTC) the lake has other ids than the ledger names`,
    ),
    ...(verification.conflicts > 0
      ? [`${verification.conflicts} ids have two bodies: see "conflicts" in slotwise query`]
      : []),
    ...lostLines(epochs, sums.lost),
    `${day === undefined ? '' : `trading date ${day.date}, ${span(day)}: `}${verdict}`,
  ];
  return lines.join('\n');
}

export function verificationDocument(verification: Verification, day: TradingDate | undefined): unknown {
  const { epochs } = verification;
  return {
    verdict: verification.verdict,
    ...(day === undefined ? {} : { day: { date: day.date, ...bounds(day) } }),
    ...totals(epochs),
    lostIds: lostIds(epochs, LISTED_MAX),
    epochs: epochs.map(({ lostRanges, ...rest }) => ({ ...rest, lostRanges })),
    mismatches: verification.mismatches,
    conflicts: verification.conflicts,
  };
}

function totals(epochs: readonly EpochAccount[]): Counts {
  const entries = COUNTS.map(([, name]) => [name, epochs.reduce((sum, epoch) => sum + epoch[name], 0)]);
  return Object.fromEntries(entries) as Counts;
}

function notesOf({ bridge, epoch, hasUnknownTail, lacksLedger }: EpochAccount): string[] {
  const notes: string[] = [];
  if (hasUnknownTail) {
    notes.push(`${bridge} ${epoch}: its outbox was lost or torn, what it accepted last nobody knows`);
  }
  if (lacksLedger) notes.push(`${bridge} ${epoch}: no ledger says yet how far it goes`);
  return notes;
}

function lostLines(epochs: readonly EpochAccount[], lost: number): string[] {
  if (lost === 0) return [];
  const shown = lostIds(epochs, SHOWN_MAX);
  const more = lost - shown.length;
  return ['lost:', ...shown.map((id) => `  ${id}`), ...(more > 0 ? [`  and ${more} more: see --json`] : [])];
}

function lostIds(epochs: readonly EpochAccount[], max: number): string[] {
  const ids: string[] = [];
  for (const { bridge, epoch, lostRanges } of epochs) {
    for (const { first, last } of lostRanges) {
      for (let seq = first; seq <= last; seq += 1) {
        if (ids.length === max) return ids;
        ids.push(snapshotId({ bridge, epoch, seq }));
      }
    }
  }
  return ids;
}

function bounds({ startMs, endMs }: TradingDate): { readonly start: string; readonly end: string } {
  return { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
}

function span(day: TradingDate): string {
  const { start, end } = bounds(day);
  return `${start} to ${end}`;
}
