import { join } from 'node:path';
import { fileKey, filesOfDay, type TableState } from '../../shared/delta/log.ts';
import { columnsOfRows, rowsOfFiles, type Work, writeFiles } from './day.ts';
import { planRearrangements, proposeRearrangement, rowsOf, tableColumns } from './plan.ts';

export interface Rearranged {
  readonly state: TableState;
  /** Files that readers no longer have to open. */
  readonly replaced: number;
  readonly commits: number;
}

/** Puts the small files of a day together: the same rows, sorted over all of them. */
export async function rearrangeDay(work: Work, start: TableState, day: string): Promise<Rearranged> {
  let state = start;
  let [replaced, commits] = [0, 0];
  for (const group of planRearrangements(filesOfDay(start, day))) {
    if (!work.hasTime()) break;
    const paths = await work.objects.fetch(group.map(fileKey), join(work.bench.directory, 'table'));
    const from = rowsOfFiles(paths);
    const found = await columnsOfRows(work.bench, from);
    const files = await writeFiles(work, {
      day,
      from,
      rows: group.reduce((sum, each) => sum + rowsOf(each), 0),
      present: new Set(found.map(({ name }) => name)),
      columns: tableColumns(state),
    });
    const outcome = await work.table.commit(
      state,
      proposeRearrangement({ replaced: group, files, nowMs: work.nowMs }),
    );
    state = outcome.state;
    // Another one has put them together already, or is about to.
    if (outcome.kind === 'overtaken') break;
    replaced += group.length;
    commits += 1;
  }
  return { state, replaced, commits };
}
