import { Command } from 'commander';
import packageFile from '../package.json' with { type: 'json' };
import { auditCommand } from './commands/audit.ts';
import { certsCommand } from './commands/certs.ts';
import { costCommand } from './commands/cost.ts';
import { dashboardCommand } from './commands/dashboard.ts';
import { deadLettersCommand } from './commands/dead-letters.ts';
import { historyCommand } from './commands/history.ts';
import { linesCommand } from './commands/lines.ts';
import { positionsCommand } from './commands/positions.ts';
import { queryCommand } from './commands/query.ts';
import { reconcileCommand } from './commands/reconcile.ts';
import { registryCommand } from './commands/registry.ts';
import { verifyCommand } from './commands/verify.ts';
import { EXIT } from './failure.ts';

/**
 * Commands of other layers, found by path: the command line imports nothing but shared. They are loaded when one of
 * them is asked for, so that the others start at once; until then their summaries stand in for them.
 */
const LAYERS = [
  {
    name: 'local',
    path: '../local/command.ts',
    factory: 'localCommand',
    summary: 'run the whole system on this machine, with a simulated gateway or your own',
  },
  {
    name: 'bridge',
    path: '../bridge/command.ts',
    factory: 'bridgeCommand',
    summary: 'run the bridge beside TWS or IB Gateway',
  },
  {
    name: 'gateway',
    path: '../local/gateway/command.ts',
    factory: 'gatewayCommand',
    summary: 'run the simulated IB Gateway alone',
  },
  {
    name: 'record',
    path: '../local/gateway/record/command.ts',
    factory: 'recordCommand',
    summary: 'write what TWS or IB Gateway sends as a portfolio and a scenario of the simulated gateway',
  },
] as const;

const EPILOGUE = `
Examples:
  $ slotwise local                        everything on this machine, no account needed
  $ slotwise registry list                strategies, and which of them want lines
  $ slotwise registry deactivate spy-condor
  $ slotwise lines                        who holds a market data line, who does not and why
  $ slotwise positions --strategy spy-condor
  $ slotwise history 728937835 --plot     one contract over time
  $ slotwise query "select symbol, count(*) from snapshots group by all"
  $ slotwise verify --day 2026-11-20      is everything there that the bridge accepted?
  $ slotwise reconcile                    is the table of positions what the broker lists?
  $ slotwise cost                         a month of it in AWS, from what the local run used

Where a command works: over the local run in .slotwise, or the deployment of slotwise.outputs.json; --dir and
--outputs name others.

Exit codes:
  ${EXIT.ok}    done
  ${EXIT.failed}    it failed
  ${EXIT.usage}    the command line or a file given to it is wrong, nothing was done
  ${EXIT.noTarget}    no answer: nothing to work on (no local run, no outputs file, no bridge), or not decidable yet (verify,
       reconcile)
  ${EXIT.stale}    refused: the strategy has changed since the version expected
  ${EXIT.interrupted}  interrupted

Set SLOTWISE_DEBUG=1 to see the stack of an error, NO_COLOR=1 for no colours. Slotwise cannot trade: it has no order code.`;

/**
 * @param asked the arguments of the command line, to know which other layer to load
 * @returns the program; parsing rejects with CommanderError or what the command threw, and never ends the process
 */
export async function createProgram(asked: readonly string[]): Promise<Command> {
  const program = new Command('slotwise')
    .description(
      'Streams only what earns a market data line: the legs of active option strategies stream, everything else is polled.',
    )
    .version(packageFile.version)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .addHelpText('after', EPILOGUE);

  const names = asked.filter((argument) => !argument.startsWith('-')).slice(0, 2);
  const wanted = names[0] === 'help' ? names[1] : names[0];
  program.commandsGroup('Run:');
  for (const layer of LAYERS) {
    const command =
      layer.name === wanted ? await load(layer) : new Command(layer.name).description(layer.summary);
    program.addCommand(inheritFrom(program, command));
  }
  program.commandsGroup('Watch and change:');
  for (const create of [
    registryCommand,
    positionsCommand,
    linesCommand,
    historyCommand,
    queryCommand,
    dashboardCommand,
  ]) {
    program.addCommand(inheritFrom(program, create()));
  }
  program.commandsGroup('Prove:');
  for (const create of [verifyCommand, reconcileCommand, auditCommand, deadLettersCommand, costCommand]) {
    program.addCommand(inheritFrom(program, create()));
  }
  program.commandsGroup('Set up:');
  program.addCommand(inheritFrom(program, certsCommand()));
  return program;
}

async function load(layer: (typeof LAYERS)[number]): Promise<Command> {
  const module = (await import(new URL(layer.path, import.meta.url).href)) as Record<string, () => Command>;
  const factory = module[layer.factory];
  if (factory === undefined) throw new Error(`${layer.path} exports no ${layer.factory}`);
  return factory();
}

/** Settings pass to commands that are created by their parent; these were created on their own. */
function inheritFrom(parent: Command, command: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritFrom(command, child);
  return command;
}
