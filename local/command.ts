import { Command } from 'commander';
import { DEFAULT_DIR } from '../cli/target.ts';
import { PORTFOLIO_DEFAULTS, type RawOptions, readOptions } from './run/options.ts';
import { runLocal } from './run/runner.ts';

const { positions, activeLegs, seed } = PORTFOLIO_DEFAULTS;

const EPILOGUE = `
The first Ctrl-C ends the run in order and prints the closing report, a second one ends it at once; nothing that was
recorded is lost either way, and the next run in the same directory goes on from there.

Examples:
  $ slotwise local
  $ slotwise local --for 60s --json
  $ slotwise local --positions 5000 --fresh
  $ slotwise local --gateway 127.0.0.1:4002 --dir .slotwise-paper

Exit codes: 0 balanced, 1 not balanced, 2 it could not start, 130 ended before it was up.`;

/** `slotwise local`: the whole system on one machine. */
export function localCommand(): Command {
  return new Command('local')
    .description('run the whole system on this machine, with a simulated gateway or your own')
    .option('--for <duration>', 'end by itself after this time, such as 60s, 5m or 8h (default: at Ctrl-C)')
    .option('--json', 'print the closing report as JSON, the last line of standard output')
    .option('--gateway <host:port>', 'use this TWS or IB Gateway: no simulated one, no demonstration')
    .option('--registry <file>', 'strategies to begin with (default: the iron condors of the portfolio)')
    .option('--portfolio <file>', 'portfolio of the simulated gateway (default: a generated one)')
    .option('--positions <n>', `contracts in the generated portfolio (default: ${positions})`)
    .option('--active <n>', `legs of active iron condors among them, four each (default: ${activeLegs})`)
    .option('--seed <n>', `what the portfolio is generated from (default: ${seed})`)
    .option('--flips <n>', 'instead of the demonstration make this many registry changes and measure each')
    .option('--dir <dir>', `state directory, kept between runs (default: ${DEFAULT_DIR}, or SLOTWISE_DIR)`)
    .option('--fresh', 'forget what earlier runs kept in the state directory')
    .addHelpText('after', EPILOGUE)
    .action(async (raw: Omit<RawOptions, 'dir'> & { readonly dir?: string }) => {
      const dir = raw.dir ?? (process.env.SLOTWISE_DIR || DEFAULT_DIR);
      process.exitCode = await runLocal(readOptions({ ...raw, dir }, process.cwd()));
    });
}
