import { Command, Option } from 'commander';
import { parseConId } from '../con-id.ts';
import { CommandFailure, EXIT } from '../failure.ts';
import { parseFrom, parseTo } from '../history/range.ts';
import { FIELDS, type Field } from '../history/rows.ts';
import { interruptible } from '../interrupt.ts';
import { targetOf, withJson, withShowAccounts, withTarget } from '../options.ts';
import { note, print, printJson } from '../output/print.ts';
import type { TargetOptions } from '../target.ts';

interface HistoryOptions extends TargetOptions {
  readonly from?: number;
  readonly to?: number;
  readonly plot?: Field | true;
  readonly csv?: boolean;
  readonly json?: boolean;
  readonly showAccounts?: boolean;
}

/** `slotwise history`: what the lake knows of one contract, over time. */
export function historyCommand(): Command {
  return withShowAccounts(withJson(withTarget(new Command('history'))))
    .argument('<conId>', 'the contract', parseConId)
    .addOption(new Option('--from <when>', 'trading date or instant to begin with').argParser(parseFrom))
    .addOption(
      new Option('--to <when>', 'trading date to end with, or instant before which').argParser(parseTo),
    )
    .addOption(
      new Option('--plot [field]', 'draw it (default field: price)').choices(FIELDS).conflicts('json'),
    )
    .addOption(new Option('--csv', 'print comma-separated values').conflicts(['json', 'plot']))
    .description('show quantity, mark, greeks and quality of a contract over time')
    .addHelpText('after', HELP)
    .action(history);
}

const HELP = `
Rows of dead quality (frozen, stale, no-line, no-permission, competing-session, none) are shown, but are in no
aggregate and in no drawing but that of the quantity; how many they are is said. A trading date is 17:00 Chicago on
the evening before to 17:00 on the day; an instant is UTC. --csv and --json print every row, account numbers in full.

Examples:
  $ slotwise history 728937835
  $ slotwise history 728937835 --from 2026-11-16 --to 2026-11-20 --plot delta
  $ slotwise history 728937835 --from 2026-11-20T14:30Z --csv > put.csv`;

async function history(conId: number, options: HistoryOptions): Promise<void> {
  const { from: fromMs, to: toMs } = options;
  const target = targetOf(options);
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw new CommandFailure(EXIT.usage, '--from must be before --to');
  }
  const [{ openCloud }, { openLake }, { daysOfTime }, { lakeCacheDirectory }, { readHistory }] =
    await Promise.all([
      import('../cloud.ts'),
      import('../lake/lake.ts'),
      import('../lake/objects.ts'),
      import('../target.ts'),
      import('../history/rows.ts'),
    ]);
  await interruptible(async (signal) => {
    await using cloud = await openCloud(target);
    const range = {
      ...(fromMs === undefined ? {} : { fromMs }),
      ...(toMs === undefined ? {} : { toMs }),
    };
    await using lake = await openLake({
      s3: cloud.s3,
      bucket: cloud.outputs.lakeBucket,
      cacheDirectory: lakeCacheDirectory(target, process.env),
      days: daysOfTime(range),
      signal,
    });
    const rows = await readHistory(lake, { conId, ...range }, signal);
    if (options.json) return printJson(rows);
    if (options.csv) {
      const [{ answerAsCsv }, { historyAnswer }] = await Promise.all([
        import('../lake/answer.ts'),
        import('../history/csv.ts'),
      ]);
      return print(answerAsCsv(historyAnswer(rows)));
    }
    if (rows.length === 0) return note(`the lake has no snapshot of ${conId} in that time`);
    const { historyPlot, historyText } = await import('../history/view.ts');
    const showAccounts = options.showAccounts === true;
    if (options.plot === undefined) return print(historyText(rows, { showAccounts }));
    const field = options.plot === true ? 'price' : options.plot;
    print(historyPlot(rows, { showAccounts, field, width: process.stdout.columns ?? 100 }));
  });
}
