import { Command } from 'commander';
import { interruptible } from '../interrupt.ts';
import { targetOf, withJson, withShowAccounts, withTarget } from '../options.ts';
import { sameAccount } from '../output/account.ts';
import { note, print, printJson } from '../output/print.ts';
import type { RowFilter } from '../positions/rows.ts';
import type { TargetOptions } from '../target.ts';

interface PositionsOptions extends TargetOptions {
  readonly account?: string;
  readonly symbol?: string;
  readonly strategy?: string;
  readonly closed?: boolean;
  readonly json?: boolean;
  readonly showAccounts?: boolean;
}

/** `slotwise positions`: the newest snapshot of every position, and which strategy it belongs to. */
export function positionsCommand(): Command {
  return withShowAccounts(withJson(withTarget(new Command('positions'))))
    .description('show what is held, its marks, and which strategies it belongs to')
    .option('--account <account>', 'only this account, in full or as the table shows it')
    .option('--symbol <symbol>', 'only this underlying')
    .option('--strategy <id>', 'only what this strategy holds or watches')
    .option('--closed', 'closed positions too')
    .addHelpText('after', HELP)
    .action(positions);
}

const HELP = `
unassigned is what no open strategy claims; an OVER-ASSIGNED position is claimed beyond what is there. AVG COST is IB's
own figure: of an option or future it already contains the multiplier. Sums are per currency and never across.

Examples:
  $ slotwise positions --symbol SPY
  $ slotwise positions --strategy spy-condor --json`;

async function positions(options: PositionsOptions): Promise<void> {
  const target = targetOf(options);
  const [{ openCloud }, { RegistryStore }, { UnknownStrategy }, { readPositions }, { positionRows }] =
    await Promise.all([
      import('../cloud.ts'),
      import('../registry/store.ts'),
      import('../registry/errors.ts'),
      import('../positions/read.ts'),
      import('../positions/rows.ts'),
    ]);
  const [stored, strategies] = await interruptible(async () => {
    await using cloud = await openCloud(target);
    const { positionsTable, registryTable } = cloud.outputs;
    const registry = new RegistryStore({ client: cloud.documents, table: registryTable });
    const isInFull = options.account !== undefined && !options.account.includes('*');
    const account = isInFull ? options.account : undefined;
    return await Promise.all([readPositions(cloud.documents, positionsTable, account), registry.list()]);
  });
  if (options.strategy !== undefined && !strategies.some((strategy) => strategy.id === options.strategy)) {
    throw new UnknownStrategy(options.strategy);
  }
  const rows = positionRows(stored.positions, strategies, filterOf(options));
  const [{ totalsByCurrency }, { positionDocument, positionTable, totalLines }] = await Promise.all([
    import('../positions/unrealized.ts'),
    import('../positions/view.ts'),
  ]);
  const totals = totalsByCurrency(rows);
  for (const fault of stored.malformed) note(`left out, no snapshot: ${fault}`);
  if (options.json) return printJson(positionDocument(rows, totals));
  if (rows.length === 0) return print('no positions');
  print(positionTable(rows, options.showAccounts === true));
  print(['', ...totalLines(totals)].join('\n'));
}

function filterOf({ account, symbol, strategy, closed }: PositionsOptions): RowFilter {
  return {
    ...(account === undefined ? {} : { account: (held: string) => sameAccount(held, account) }),
    ...(symbol === undefined ? {} : { symbol }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(closed === undefined ? {} : { closed }),
  };
}
