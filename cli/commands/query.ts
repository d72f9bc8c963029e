import { Command, Option } from 'commander';
import { CommandFailure, EXIT } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { targetOf, withJson, withTarget } from '../options.ts';
import { note, print, printJson } from '../output/print.ts';
import type { TargetOptions } from '../target.ts';

interface QueryOptions extends TargetOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** Below this many downloads nobody needs to be told. */
const PROGRESS_MIN = 50;

/** `slotwise query`: SQL over every snapshot in the lake. */
export function queryCommand(): Command {
  return withJson(withTarget(new Command('query')))
    .addOption(new Option('--csv', 'print comma-separated values').conflicts('json'))
    .argument('<sql>', 'what to ask, in the SQL of DuckDB')
    .description('ask the lake in SQL')
    .addHelpText('after', HELP)
    .action(query);
}

const HELP = `
Views:
  snapshots  every snapshot once: this is what you want
  raw        every row of every raw object; what was delivered twice may be here twice, and raw objects go a week
             after they were compacted
  compacted  the Delta table, each id once
  conflicts  rows of an id that has two bodies; there should be none

Objects of the lake are fetched once and kept. Decimals are exact and print as text in JSON; times are UTC. average_cost
of an option or future already contains the multiplier.

Examples:
  $ slotwise query "describe snapshots"
  $ slotwise query "select observed_at, price, delta from snapshots where con_id = 728937835 order by 1"
  $ slotwise query --csv "select symbol, quality, count(*) from snapshots group by all" > quality.csv`;

async function query(sql: string, options: QueryOptions): Promise<void> {
  const target = targetOf(options);
  const [{ openCloud }, { openLake, QueryError }, { lakeCacheDirectory }] = await Promise.all([
    import('../cloud.ts'),
    import('../lake/lake.ts'),
    import('../target.ts'),
  ]);
  await interruptible(async (signal) => {
    await using cloud = await openCloud(target);
    await using lake = await openLake({
      s3: cloud.s3,
      bucket: cloud.outputs.lakeBucket,
      cacheDirectory: lakeCacheDirectory(target, process.env),
      signal,
      onProgress: showProgress,
    });
    if (lake.foreign.length > 0)
      note(`left out, not written by the drain: ${lake.foreign.slice(0, 3).join(', ')}`);
    const { answerAsCsv, answerAsJson, answerAsTable } = await import('../lake/answer.ts');
    try {
      const answer = await lake.query(sql, { signal });
      if (options.json) printJson(answerAsJson(answer));
      else print(options.csv ? answerAsCsv(answer) : answerAsTable(answer));
    } catch (error) {
      if (error instanceof QueryError) throw new CommandFailure(EXIT.usage, error.message, { cause: error });
      throw error;
    }
    const conflicts = await lake.conflicts();
    if (conflicts > 0) {
      note(`${conflicts} ids have two bodies and are in no view but "conflicts": look there`);
    }
  });
}

function showProgress(done: number, total: number): void {
  if (total < PROGRESS_MIN || !process.stderr.isTTY) return;
  process.stderr.write(`\rfetching ${done} of ${total} objects${done === total ? '\n' : ''}`);
}
