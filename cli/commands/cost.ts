import { Command, InvalidArgumentError } from 'commander';
import { CommandFailure, EXIT } from '../failure.ts';
import { targetOf, withJson, withTarget } from '../options.ts';
import { print, printJson } from '../output/print.ts';
import type { TargetOptions } from '../target.ts';

interface CostOptions extends TargetOptions {
  readonly contracts?: number;
  readonly json?: boolean;
}

/** `slotwise cost`: what a month in AWS would cost, by what a local run used. */
export function costCommand(): Command {
  return withJson(withTarget(new Command('cost')))
    .option('--contracts <n>', 'as if the portfolio had this many contracts', wholeNumber)
    .description('say what a month of this would cost in AWS, from what a local run used')
    .addHelpText('after', HELP)
    .action(cost);
}

const HELP = `
Every call of a local run is counted at its front door, in the units that AWS bills. Rates of the run times the hours
of a month of 24 x 5, one keyframe times keyframes, and what stands day and night; prices of us-east-1 with their
sources are in cli/cost/prices.ts. --contracts scales what grows with the number of positions; what streams stays.

Exit code 3: nothing was counted yet, or too little to say anything of a month.

Examples:
  $ slotwise local --for 190s --fresh && slotwise cost
  $ slotwise cost --contracts 1000
  $ slotwise cost --json | jq .netUsd`;

async function cost(options: CostOptions): Promise<void> {
  const target = targetOf(options);
  if (target.kind !== 'local') {
    throw new CommandFailure(
      EXIT.usage,
      'a deployment is not counted: its bill is in AWS Cost Explorer, and a local run says what it would be',
    );
  }
  const [{ readUsage }, { monthOf, TooShort }, { monthText }] = await Promise.all([
    import('../cost/read.ts'),
    import('../cost/month.ts'),
    import('../cost/view.ts'),
  ]);
  try {
    const month = monthOf(readUsage(target.dir), options.contracts);
    if (options.json) printJson(month);
    else print(monthText(month));
  } catch (cause) {
    if (!(cause instanceof TooShort)) throw cause;
    throw new CommandFailure(EXIT.undecided, `${target.dir}: ${cause.message}`, { cause });
  }
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('must be a whole number such as 200.');
  return Number(text);
}
