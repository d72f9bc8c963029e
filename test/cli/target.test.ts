import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandFailure, EXIT } from '../../cli/failure.ts';
import { findTarget, lakeCacheDirectory, type TargetOptions } from '../../cli/target.ts';
import { LOCAL_RUN, type LocalRun } from '../../shared/local-run.ts';
import { aliveRun, outputsText } from './local-run.ts';

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'slotwise-target-'));
});

afterEach(async () => {
  await rm(cwd, { recursive: true, force: true });
});

async function writeRun(dir: string, change: Partial<LocalRun> = {}): Promise<void> {
  await mkdir(join(cwd, dir), { recursive: true });
  await writeFile(join(cwd, dir, LOCAL_RUN.file), JSON.stringify({ ...aliveRun(), ...change }));
}

async function writeOutputs(file: string): Promise<void> {
  await writeFile(join(cwd, file), outputsText({ bucket: 'lake' }));
}

function find(options: TargetOptions = {}, env: Record<string, string> = {}) {
  return findTarget(options, { cwd, env });
}

function refusal(options: TargetOptions = {}, env: Record<string, string> = {}): CommandFailure {
  try {
    find(options, env);
  } catch (error) {
    if (error instanceof CommandFailure) return error;
    throw error;
  }
  throw new Error('no refusal');
}

describe('the place where a command works', () => {
  it('is the local run in the working directory, alive or not', async () => {
    await writeRun('.slotwise');
    expect(find()).toMatchObject({ kind: 'local', dir: join(cwd, '.slotwise'), isRunning: true });
    await writeRun('.slotwise', { startTime: 'another boot/1' });
    expect(find()).toMatchObject({ kind: 'local', isRunning: false });
  });

  it('is the deployment of the outputs file in the working directory', async () => {
    await writeOutputs(LOCAL_RUN.outputsFile);
    expect(find()).toMatchObject({ kind: 'aws', outputs: { region: 'us-east-1', lakeBucket: 'lake' } });
  });

  it('is never guessed where both are there', async () => {
    await writeRun('.slotwise');
    await writeOutputs(LOCAL_RUN.outputsFile);
    expect(refusal()).toMatchObject({ exitCode: EXIT.usage });
    expect(refusal().message).toContain('--dir .slotwise or --outputs slotwise.outputs.json');
    expect(find({ dir: '.slotwise' }).kind).toBe('local');
    expect(find({ outputs: LOCAL_RUN.outputsFile }).kind).toBe('aws');
    expect(find({}, { SLOTWISE_DIR: '.slotwise' }).kind).toBe('local');
    expect(find({}, { SLOTWISE_OUTPUTS: LOCAL_RUN.outputsFile, SLOTWISE_DIR: '' }).kind).toBe('aws');
  });

  it('is what an option names before what a variable names', async () => {
    await writeRun('one');
    await writeOutputs('other.json');
    expect(find({ outputs: 'other.json' }, { SLOTWISE_DIR: 'one' }).kind).toBe('aws');
    expect(find({ dir: 'one' }, { SLOTWISE_OUTPUTS: 'other.json' }).kind).toBe('local');
    expect(refusal({ dir: 'one', outputs: 'other.json' }).exitCode).toBe(EXIT.usage);
    expect(refusal({}, { SLOTWISE_DIR: 'one', SLOTWISE_OUTPUTS: 'other.json' }).exitCode).toBe(EXIT.usage);
  });

  it('says in one line what to do where there is nothing', async () => {
    expect(refusal()).toMatchObject({ exitCode: EXIT.noTarget });
    expect(refusal().message).toMatch(/slotwise local.*--outputs FILE/);
    expect(refusal({ dir: 'nowhere' }).message).toContain('slotwise local --dir');
    expect(refusal({ outputs: 'nowhere.json' }).message).toContain('cdk deploy --outputs-file');
  });

  it('refuses files that it cannot understand, naming what is wrong with them', async () => {
    await mkdir(join(cwd, '.slotwise'));
    await writeFile(join(cwd, '.slotwise', LOCAL_RUN.file), '{"schema": 2}');
    expect(refusal()).toMatchObject({ exitCode: EXIT.usage });
    expect(refusal().message).toMatch(/run\.json.*schema.*--fresh/);
    await writeFile(join(cwd, 'bad.json'), '{"stack": {"Region": ""}}');
    expect(refusal({ outputs: 'bad.json' }).message).toMatch(/Region.*RegistryTable/);
  });

  it('keeps copies of the lake beside a local run, and of a deployment in the cache of the user', async () => {
    await writeRun('.slotwise');
    expect(lakeCacheDirectory(find(), {})).toBe(join(cwd, '.slotwise', 'lake-cache'));
    await writeOutputs('o.json');
    expect(lakeCacheDirectory(find({ outputs: 'o.json' }), { XDG_CACHE_HOME: '/caches' })).toBe(
      '/caches/slotwise/lake',
    );
  });
});
