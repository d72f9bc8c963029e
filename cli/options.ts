import { type Command, InvalidArgumentError, Option } from 'commander';
import { LOCAL_RUN } from '../shared/local-run.ts';
import { DEFAULT_DIR, findTarget, type Target, type TargetOptions } from './target.ts';
import { parseTradingDate } from './trading-date.ts';

/** Options that several commands share, declared once so that they read the same everywhere. */

export function withTarget(command: Command): Command {
  return command
    .addOption(
      new Option('--dir <dir>', `state directory of a local run (default: ${DEFAULT_DIR}, or SLOTWISE_DIR)`),
    )
    .addOption(
      new Option(
        '--outputs <file>',
        `outputs file of a deployment (default: ${LOCAL_RUN.outputsFile}, or SLOTWISE_OUTPUTS)`,
      ),
    );
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document, with account numbers in full');
}

export function withShowAccounts(command: Command): Command {
  return command.option('--show-accounts', 'print account numbers in full');
}

export function withExpectVersion(command: Command): Command {
  return command.option(
    '--expect-version <n>',
    'refuse the change unless the strategy is at this version (0: there must be none)',
    wholeNumber,
  );
}

/** A day is a trading date everywhere: objects and tables have UTC days, and nobody trades by those. */
export function withDay(command: Command): Command {
  return command.option(
    '--day <date>',
    'only this trading date: 17:00 Chicago on the evening before to 17:00 on the day',
    parseTradingDate,
  );
}

export function targetOf(options: TargetOptions): Target {
  return findTarget(options, { cwd: process.cwd(), env: process.env });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number such as 3.');
  return Number(text);
}
