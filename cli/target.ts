import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { LOCAL_RUN, type LocalRun, parseLocalRun } from '../shared/local-run.ts';
import { type CloudOutputs, parseOutputs } from '../shared/outputs.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { isAlive } from './process.ts';

/** What says where a command works, in the order in which it is asked. */
export interface TargetOptions {
  /** State directory of a local run. */
  readonly dir?: string;
  /** Outputs file of a deployment. */
  readonly outputs?: string;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Where a command works. Nothing is opened yet. */
export type Target =
  | {
      readonly kind: 'local';
      /** Absolute. */
      readonly dir: string;
      readonly run: LocalRun;
      /** False over the directory of a run that has ended. */
      readonly isRunning: boolean;
    }
  | { readonly kind: 'aws'; readonly file: string; readonly outputs: CloudOutputs };

export const DEFAULT_DIR = '.slotwise';

/** Where a bridge answers unless its settings say otherwise. */
export const DEFAULT_STATUS_URL = 'http://127.0.0.1:7460';

const HOW_TO =
  'start a local run with `slotwise local`, or name the outputs file of your deployment with --outputs FILE';

/**
 * An option wins over a variable, a variable over what lies in the working directory. Where a local run and an
 * outputs file lie side by side nobody guesses: a change meant for the demonstration must not reach an account.
 * @throws CommandFailure that says what is missing and what to do
 */
export function findTarget(options: TargetOptions, around: Surroundings): Target {
  if (options.dir !== undefined && options.outputs !== undefined) {
    throw new CommandFailure(EXIT.usage, '--dir and --outputs name two places: give one of them');
  }
  const named = options.dir ?? options.outputs;
  const dir = options.dir ?? (named === undefined ? nonEmpty(around.env.SLOTWISE_DIR) : undefined);
  const outputs =
    options.outputs ?? (named === undefined ? nonEmpty(around.env.SLOTWISE_OUTPUTS) : undefined);
  if (dir !== undefined && outputs !== undefined) {
    throw new CommandFailure(EXIT.usage, 'SLOTWISE_DIR and SLOTWISE_OUTPUTS are both set: unset one of them');
  }
  if (dir !== undefined) return localTarget(resolve(around.cwd, dir));
  if (outputs !== undefined) return awsTarget(resolve(around.cwd, outputs));

  const ownDir = resolve(around.cwd, DEFAULT_DIR);
  const ownFile = resolve(around.cwd, LOCAL_RUN.outputsFile);
  const hasRun = existsSync(join(ownDir, LOCAL_RUN.file));
  const hasOutputs = existsSync(ownFile);
  if (hasRun && hasOutputs) {
    throw new CommandFailure(
      EXIT.usage,
      `both a local run (${DEFAULT_DIR}) and ${LOCAL_RUN.outputsFile} are here: say which with --dir ${DEFAULT_DIR} or --outputs ${LOCAL_RUN.outputsFile}`,
    );
  }
  if (hasRun) return localTarget(ownDir);
  if (hasOutputs) return awsTarget(ownFile);
  throw new CommandFailure(
    EXIT.noTarget,
    `neither a local run (${DEFAULT_DIR}) nor ${LOCAL_RUN.outputsFile} is here: ${HOW_TO}`,
  );
}

/**
 * The outputs of a deployment where they are of use but not needed.
 * @returns undefined where nobody named a file and none is here
 * @throws CommandFailure when a named file is not there, or cannot be read
 */
export function findOutputs(
  options: Pick<TargetOptions, 'outputs'>,
  around: Surroundings,
): CloudOutputs | undefined {
  const named = options.outputs ?? nonEmpty(around.env.SLOTWISE_OUTPUTS);
  const file = resolve(around.cwd, named ?? LOCAL_RUN.outputsFile);
  if (named === undefined && !existsSync(file)) return undefined;
  return awsTarget(file).outputs;
}

/** For a person: names the place, so that nobody changes the wrong one unawares. */
export function describeTarget(target: Target): string {
  if (target.kind === 'aws') return `AWS ${target.outputs.region}, ${target.outputs.registryTable}`;
  return `local run in ${target.dir}${target.isRunning ? '' : ' (ended)'}`;
}

/** Where copies of lake objects are kept: they never change, so they are fetched once. */
export function lakeCacheDirectory(target: Target, env: Surroundings['env']): string {
  if (target.kind === 'local') return join(target.dir, LOCAL_RUN.lakeCacheDirectory);
  const caches = nonEmpty(env.XDG_CACHE_HOME) ?? join(homedir(), '.cache');
  return join(caches, 'slotwise', target.outputs.lakeBucket);
}

/** @throws CommandFailure when the run's outputs cannot be read */
export function localOutputs(target: Target & { kind: 'local' }): CloudOutputs {
  const file = join(target.dir, LOCAL_RUN.outputsFile);
  if (!existsSync(file)) {
    throw new CommandFailure(
      EXIT.noTarget,
      `${target.dir} has no ${LOCAL_RUN.outputsFile}: ${stillStarting(target)}`,
    );
  }
  return readOutputs(file);
}

/** @returns what to do about a part of a run that is not there yet */
export function stillStarting(target: Target & { kind: 'local' }): string {
  return target.isRunning
    ? 'the local run is still starting, try again in a moment'
    : 'the local run ended before it was up, start it again with `slotwise local`';
}

function localTarget(dir: string): Target {
  const file = join(dir, LOCAL_RUN.file);
  if (!existsSync(file)) {
    throw new CommandFailure(
      EXIT.noTarget,
      `${dir} holds no local run: start one with \`slotwise local --dir ${dir}\``,
    );
  }
  let run: LocalRun;
  try {
    run = parseLocalRun(readText(file));
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    const remedy = 'was it written by another version? begin anew with `slotwise local --fresh`';
    throw new CommandFailure(EXIT.usage, `${file}: ${(cause as Error).message}: ${remedy}`, { cause });
  }
  return { kind: 'local', dir, run, isRunning: isAlive(run) };
}

function awsTarget(file: string): Target & { kind: 'aws' } {
  if (!existsSync(file)) {
    throw new CommandFailure(
      EXIT.noTarget,
      `${file} is not there: write it with \`cdk deploy --outputs-file ${LOCAL_RUN.outputsFile}\``,
    );
  }
  return { kind: 'aws', file, outputs: readOutputs(file) };
}

function readOutputs(file: string): CloudOutputs {
  const text = readText(file);
  try {
    return parseOutputs(text);
  } catch (cause) {
    const remedy = `write it anew with \`cdk deploy --outputs-file ${LOCAL_RUN.outputsFile}\``;
    throw new CommandFailure(EXIT.usage, `${file}: ${(cause as Error).message}: ${remedy}`, { cause });
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CommandFailure(EXIT.usage, `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}
