import type { LaneClassStatus } from '../../shared/status.ts';
import { paint } from '../output/style.ts';
import { table } from '../output/table.ts';

const NAMES: Readonly<Record<LaneClassStatus['class'], string>> = {
  index: 'instruments',
  degraded: 'legs without lines',
  mark: 'marks of positions',
};

/** What is polled, by class: how often it should be, how often it is. */
export function laneTable(rows: readonly LaneClassStatus[]): string {
  return table(rows, [
    { head: 'POLLED', cell: (row) => NAMES[row.class] },
    { head: 'BY', cell: ({ source }) => source.replace('-', ' ') },
    { head: 'CONTRACTS', cell: (row) => String(row.contracts), align: 'right' },
    { head: 'ANSWERED', cell: (row) => String(row.quoted), align: 'right' },
    { head: 'PERIOD', cell: (row) => shownDuration(row.periodMs), align: 'right' },
    { head: 'REACHED', cell: shownReached, align: 'right' },
    {
      head: 'OLDEST',
      cell: ({ oldestMs }) => (oldestMs === undefined ? '' : shownDuration(oldestMs)),
      align: 'right',
    },
  ]);
}

/** Yellow where lines are too few to keep the period. */
function shownReached({ contracts, source, periodMs, reachedPeriodMs }: LaneClassStatus): string {
  if (contracts === 0 || source === 'off') return '';
  const text = shownDuration(reachedPeriodMs);
  return reachedPeriodMs > 1.5 * periodMs ? paint('yellow', text) : text;
}

/** For example `15 s`, `2.5 min`, `15 min`, `3 h`. */
function shownDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 6) / 10} min`;
  return `${Math.round(seconds / 360) / 10} h`;
}
