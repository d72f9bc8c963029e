import { join } from 'node:path';
import type { Command } from 'commander';
import { CommandFailure, EXIT } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { targetOf, withTarget } from '../options.ts';
import { DEFAULT_STATUS_URL, type TargetOptions } from '../target.ts';
import type { StatusReading, StatusSource } from './read-status.ts';
import type { KnownReading } from './view.ts';

type SilentReading = StatusReading & { readonly type: 'unknown' };

export interface BridgeOptions extends TargetOptions {
  readonly bridge?: string;
  readonly statusUrl?: string;
  readonly stateDir?: string;
}

/** Options of a command that asks bridges what they say of themselves. */
export function withBridge(command: Command): Command {
  return withTarget(command)
    .option('--bridge <id>', 'only this bridge of the local run')
    .option('--status-url <url>', `a bridge on this machine (default of a deployment: ${DEFAULT_STATUS_URL})`)
    .option('--state-dir <dir>', 'what a bridge wrote last, in its state directory');
}

/**
 * Asks every bridge that is meant.
 * @throws CommandFailure when no bridge is known of
 */
export async function readBridges(options: BridgeOptions): Promise<{
  readonly known: readonly KnownReading[];
  readonly silent: readonly SilentReading[];
}> {
  const sources = sourcesOf(options);
  const { readStatus } = await import('./read-status.ts');
  const readings = await interruptible((signal) =>
    Promise.all(sources.map((source) => readStatus(source, { signal }))),
  );
  const known = readings.filter((reading) => reading.type !== 'unknown');
  const silent = readings.filter((reading) => reading.type === 'unknown');
  if (known.length === 0) throw new CommandFailure(EXIT.noTarget, describeSilence(silent));
  return { known, silent };
}

/** @returns one line: of whom nothing is known, and why */
export function describeSilence(readings: readonly SilentReading[]): string {
  const texts = readings.map(({ name, fault }) => `nothing is known of ${name}: ${fault}`);
  return `${texts.join('; ')}: is it running? start it with \`slotwise bridge\` or \`slotwise local\``;
}

/** @throws CommandFailure when there is no bridge to ask */
function sourcesOf(options: BridgeOptions): StatusSource[] {
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
