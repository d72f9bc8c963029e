import { Command } from 'commander';
import { CommandFailure, EXIT } from '../failure.ts';
import { type BridgeOptions, describeSilence, readBridges, withBridge } from '../lines/bridges.ts';
import type { KnownReading } from '../lines/view.ts';
import { withJson } from '../options.ts';
import { note, print, printJson } from '../output/print.ts';

type LinesOptions = BridgeOptions & { readonly json?: boolean };

/** `slotwise lines`: who holds a market data line, who does not and why. */
export function linesCommand(): Command {
  const command = withJson(withBridge(new Command('lines')))
    .description('show who holds a market data line, who does not, since when and why')
    .addHelpText('after', HELP)
    .action(lines);
  withJson(withBridge(command.command('explain')))
    .argument('<conId|strategy>', 'a contract by its conId, or a strategy by its id')
    .description(
      'say in sentences who streams one contract or strategy, since when and why, or why nobody does',
    )
    .addHelpText('after', EXPLAIN_HELP)
    // Options between the two words are those of `lines`.
    .action((asked: string, _options: LinesOptions, self: Command) =>
      explainOne(asked, self.optsWithGlobals()),
    );
  return command;
}

const HELP = `
A bridge that runs is asked; of one that has ended the last word is shown, with its time. confirmed is a line that the
gateway's own messages prove; wanted and sent are on their way. Times are UTC. The watch class are held short options
near their end or near their strike whose strategies do not stream: their lines are some that nobody else needs.

Examples:
  $ slotwise lines
  $ slotwise lines explain spy-condor
  $ slotwise lines --json | jq '.[].lines.strategies[] | select(.state != "streaming")'`;

const EXPLAIN_HELP = `
Of a contract: its line, each strategy that holds or watches it, what is held, the watch class, its last poll. Of a
strategy: whether it streams, and each of its legs.

Examples:
  $ slotwise lines explain 794438181
  $ slotwise lines explain spy-condor --json`;

async function lines(options: LinesOptions): Promise<void> {
  const [{ known, silent }, { linesView }] = await Promise.all([
    readBridges(options),
    import('../lines/view.ts'),
  ]);
  if (options.json) printJson(known.map(({ type, status }) => ({ ...status, isLive: type === 'live' })));
  else print(known.map(linesView).join('\n\n'));
  for (const reading of silent) note(describeSilence([reading]));
}

async function explainOne(asked: string, options: LinesOptions): Promise<void> {
  const [{ known, silent }, { explain }, { explanationView }] = await Promise.all([
    readBridges(options),
    import('../lines/explain.ts'),
    import('../lines/view.ts'),
  ]);
  const explained = known.flatMap((reading) => {
    const explanation = explain(reading.status, asked);
    return explanation ? [{ reading, explanation }] : [];
  });
  if (explained.length === 0) throw new CommandFailure(EXIT.usage, describeUnknown(asked, known));
  if (options.json) {
    printJson(
      explained.map(({ reading: { type, status }, explanation }) => ({
        bridge: status.bridge,
        at: status.at,
        isLive: type === 'live',
        ...explanation,
      })),
    );
  } else {
    print(explained.map(({ reading, explanation }) => explanationView(reading, explanation)).join('\n\n'));
  }
  for (const reading of silent) note(describeSilence([reading]));
}

/** Enough to see a typing mistake. */
const NAMED_MAX = 20;

function describeUnknown(asked: string, known: readonly KnownReading[]): string {
  const bridges = known.map(({ status }) => status.bridge).join(', ');
  const ids = known.flatMap(({ status }) => status.lines.strategies.map(({ id }) => id));
  const named = ids.slice(0, NAMED_MAX).join(', ') || 'none';
  const more = ids.length > NAMED_MAX ? ` and ${ids.length - NAMED_MAX} more` : '';
  const open = `open strategies are ${named}${more}`;
  return /^\d+$/.test(asked)
    ? `bridge ${bridges} knows no conId ${asked}: no open strategy names it, it has no line and is not polled. What is held outside strategies is in \`slotwise positions\`; ${open}`
    : `bridge ${bridges} knows no open strategy "${asked}": ${open}`;
}
