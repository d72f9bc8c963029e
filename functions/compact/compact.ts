import type { TableState } from '../../shared/delta/log.ts';
import { COMPACT } from '../../shared/limits.ts';
import { LAKE, utcDay } from '../../shared/names.ts';
import { appendDay } from './append.ts';
import type { Work } from './day.ts';
import { rearrangeDay } from './rearrange.ts';
import { retireRaw, vacuum } from './retire.ts';

/**
 * hourly: what today and yesterday have gained. nightly: every earlier day that has raw objects, late rows included;
 * small files are put together, and what nobody needs any more goes.
 */
export type Pass = 'hourly' | 'nightly';

export interface PassOutcome {
  readonly days: number;
  readonly rows: number;
  readonly commits: number;
  readonly filesReplaced: number;
  readonly rawRetired: number;
  readonly filesVacuumed: number;
  /** Version of the table. */
  readonly version: number;
  readonly conflicts: readonly { readonly day: string; readonly ids: number }[];
  /** Time ran out: the next pass goes on with them. */
  readonly unfinished: readonly string[];
}

const DAY_MS = 86_400_000;

/**
 * One pass over the lake. Every step is whole or nothing to whoever reads, and any of them can be repeated, by this
 * compactor or by another one at the same time.
 * @throws what S3 or the database answers: the next pass begins where this one ended
 */
export async function compact(work: Work, pass: Pass): Promise<PassOutcome> {
  const { state: found, checkpoint } = await work.table.load();
  let state: TableState = found;
  const sums = { rows: 0, commits: 0, filesReplaced: 0, rawRetired: 0, filesVacuumed: 0 };
  const conflicts: { day: string; ids: number }[] = [];
  const unfinished: string[] = [];
  const days = await daysOf(work, pass);
  for (const day of days) {
    const appended = await appendDay(work, state, day);
    state = appended.state;
    sums.rows += appended.rows;
    sums.commits += appended.commits;
    if (appended.conflicts > 0) conflicts.push({ day, ids: appended.conflicts });
    if (!appended.isComplete) {
      unfinished.push(day);
      continue;
    }
    if (pass === 'hourly') continue;
    const rearranged = await rearrangeDay(work, state, day);
    state = rearranged.state;
    sums.filesReplaced += rearranged.replaced;
    sums.commits += rearranged.commits;
    sums.rawRetired += await retireRaw(work, state, day);
  }
  if (state.version - Math.max(checkpoint, 0) >= COMPACT.checkpointCommits) {
    await work.table.writeCheckpoint(state, work);
  }
  if (pass === 'nightly') sums.filesVacuumed = await vacuum(work, state);
  return { ...sums, days: days.length, version: state.version, conflicts, unfinished };
}

/** Newest first: what is asked for most is there first. */
async function daysOf({ objects, nowMs }: Work, pass: Pass): Promise<string[]> {
  const prefixes = await objects.prefixes(LAKE.raw);
  const days = prefixes.flatMap((prefix) => /dt=(\d{4}-\d{2}-\d{2})\/$/.exec(prefix)?.[1] ?? []);
  const today = utcDay(new Date(nowMs).toISOString());
  const yesterday = utcDay(new Date(nowMs - DAY_MS).toISOString());
  const isAsked = (day: string) => (pass === 'hourly' ? day >= yesterday : day < today);
  return days.filter(isAsked).toSorted().reverse();
}
