import { join } from 'node:path';
import { Command } from 'commander';
import { CommandFailure, EXIT } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import type { StatusReading, StatusSource } from '../lines/read-status.ts';
import { targetOf, withJson, withTarget } from '../options.ts';
import { note, print, printJson } from '../output/print.ts';
import { DEFAULT_STATUS_URL, type TargetOptions } from '../target.ts';

interface LinesOptions extends TargetOptions {
  readonly bridge?: string;
  readonly statusUrl?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

/** `slotwise lines`: who holds a market data line, who does not and why. */
export function linesCommand(): Command {
  return withJson(withTarget(new Command('lines')))
    .description('show who holds a market data line, who does not and why')
    .option('--bridge <id>', 'only this bridge of the local run')
    .option('--status-url <url>', `a bridge on this machine (default of a deployment: ${DEFAULT_STATUS_URL})`)
    .option('--state-dir <dir>', 'what a bridge wrote last, in its state directory')
    .addHelpText('after', HELP)
    .action(lines);
}

const HELP = `
A bridge that runs is asked; of one that has ended the last word is shown, with its time. confirmed is a line that the
gateway's own messages prove; wanted and sent are on their way.

Examples:
  $ slotwise lines
  $ slotwise lines --json | jq '.[].lines.strategies[] | select(.state != "streaming")'`;

async function lines(options: LinesOptions): Promise<void> {
  const sources = sourcesOf(options);
  const [{ readStatus }, { linesView }] = await Promise.all([
    import('../lines/read-status.ts'),
    import('../lines/view.ts'),
  ]);
  const readings = await interruptible((signal) =>
    Promise.all(sources.map((source) => readStatus(source, { signal }))),
  );
  const known = readings.filter((reading) => reading.type !== 'unknown');
  const silent = readings.filter((reading) => reading.type === 'unknown');
  if (known.length === 0) throw new CommandFailure(EXIT.noTarget, describeSilence(silent));
  if (options.json) printJson(known.map(({ type, status }) => ({ ...status, isLive: type === 'live' })));
  else print(known.map(linesView).join('\n\n'));
  for (const reading of silent) note(describeSilence([reading]));
}

function describeSilence(readings: readonly (StatusReading & { type: 'unknown' })[]): string {
  const texts = readings.map(({ name, fault }) => `nothing is known of ${name}: ${fault}`);
  return `${texts.join('; ')}: is it running? start it with \`slotwise bridge\` or \`slotwise local\``;
}

/** @throws CommandFailure when there is no bridge to ask */
function sourcesOf(options: LinesOptions): StatusSource[] {
  const { statusUrl, stateDir, bridge } = options;
  if (statusUrl !== undefined || stateDir !== undefined) {
    if (statusUrl !== undefined && !URL.canParse(statusUrl)) {
      throw new CommandFailure(
        EXIT.usage,
        `--status-url "${statusUrl}" is no URL: such as ${DEFAULT_STATUS_URL}`,
      );
    }
    return [
      {
        name: 'the bridge',
        ...(statusUrl === undefined ? {} : { url: statusUrl }),
        ...(stateDir === undefined ? {} : { stateDir }),
      },
    ];
  }
  const target = targetOf(options);
  if (target.kind === 'aws') return [{ name: 'the bridge on this machine', url: DEFAULT_STATUS_URL }];
  const { bridges } = target.run;
  const asked = bridges.filter((each) => bridge === undefined || each.id === bridge);
  if (asked.length === 0) {
    const names = bridges.map((each) => each.id).join(', ') || 'none';
    const which = bridge === undefined ? 'no bridge' : `no bridge "${bridge}"`;
    throw new CommandFailure(EXIT.noTarget, `the local run in ${target.dir} has ${which}: it has ${names}`);
  }
  return asked.map(({ id, statusUrl: url, stateDir: own }) => ({
    name: `bridge ${id}`,
    stateDir: join(target.dir, own),
    ...(url === undefined || !target.isRunning ? {} : { url }),
  }));
}
