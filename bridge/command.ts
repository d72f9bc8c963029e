import { Command } from 'commander';
import { saveMemory } from './memory.ts';

/** `slotwise bridge`: the always-on process beside the gateway. */
export function bridgeCommand(): Command {
  return new Command('bridge')
    .description('run the bridge beside TWS or IB Gateway')
    .option(
      '--config <file>',
      'settings as JSON; SLOTWISE_* in the environment wins (default: SLOTWISE_CONFIG)',
    )
    .addHelpText(
      'after',
      `
Needs the name of this bridge, a directory for its state and what \`cdk deploy --outputs-file\` wrote:
  $ SLOTWISE_BRIDGE=home SLOTWISE_STATE_DIR=~/.slotwise-home SLOTWISE_OUTPUTS=slotwise.outputs.json slotwise bridge

Every setting, with its default: docs/settings.md. Log entries go to standard output, one JSON line each.
Exit codes: 0 stopped in order, 1 failed, 2 settings at fault (each one named, nothing was connected).`,
    )
    .action(async (options: { readonly config?: string }) => {
      saveMemory();
      const { runBridge } = await import('./run.ts');
      process.exit(await runBridge(options.config === undefined ? {} : { file: options.config }));
    });
}
