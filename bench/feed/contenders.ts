import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LOCAL_RUN, parseLocalRun } from '../../shared/local-run.ts';
import { bridgeStatusSchema } from '../../shared/status.ts';

/** Whoever streams the feed, as a process whose CPU and memory are looked at. */
export interface Contender extends AsyncDisposable {
  readonly pid: number;
}

export interface Feed {
  readonly port: number;
  readonly conIds: readonly number[];
  /** A directory of this run alone. */
  readonly directory: string;
  /** What `slotwise local --registry` takes: strategies that want exactly these contracts. */
  readonly registryFile: string;
}

export const CLI = fileURLToPath(new URL('../../cli/slotwise.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const IB_ASYNC = '2.1.0';
const START_DEADLINE_MS = 90_000;
/** As often as the live page asks. */
const PAGE_PERIOD_MS = 1000;

/**
 * The whole bridge as users run it: `slotwise local` at our gateway brings the embedded cloud, so that the recorder's
 * rows and the sweeps' are sent; somebody looks at the live page all the while. The cap leaves room for the reserve.
 */
export async function bridge({ port, directory, registryFile }: Feed): Promise<Contender> {
  const dir = join(directory, 'state');
  const job = spawn(
    process.execPath,
    [CLI, 'local', '--gateway', `127.0.0.1:${port}`, '--registry', registryFile, '--dir', dir, '--json'],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, SLOTWISE_LINES_CAP: '130' } },
  );
  const started = Date.now();
  for (;;) {
    const found = job.exitCode === null ? await bridgeOf(dir) : undefined;
    if (found !== undefined) {
      const page = setInterval(
        () =>
          void fetch(found.statusUrl).then(
            (it) => it.text(),
            () => '',
          ),
        PAGE_PERIOD_MS,
      );
      return {
        pid: found.pid,
        async [Symbol.asyncDispose]() {
          clearInterval(page);
          await end(job, 'SIGINT');
        },
      };
    }
    if (job.exitCode !== null || Date.now() - started > START_DEADLINE_MS) {
      await end(job, 'SIGKILL');
      throw new Error('the bridge did not start');
    }
    await delay(250);
  }
}

export function bareClient({ port, conIds }: Feed): Promise<Contender> {
  const script = fileURLToPath(new URL('./bare.ts', import.meta.url));
  return client(process.execPath, [script, port, ...conIds]);
}

/** @param python of an environment that has ib_async */
export function ibAsyncClient(python: string): (feed: Feed) => Promise<Contender> {
  const script = fileURLToPath(new URL('./ib_async_client.py', import.meta.url));
  return ({ port, conIds }) => client(python, [script, port, ...conIds]);
}

/** @returns the interpreter of a virtual environment with ib_async in it, made if need be; undefined without Python or pip */
export function pythonWithIbAsync(): string | undefined {
  const environment = join(ROOT, '.build', 'bench', `ib_async-${IB_ASYNC}`);
  const python = join(environment, 'bin', 'python');
  try {
    if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', environment], { stdio: 'pipe' });
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', `ib_async==${IB_ASYNC}`], { stdio: 'pipe' });
    return python;
  } catch {
    return undefined;
  }
}

async function client(program: string, args: readonly (string | number)[]): Promise<Contender> {
  const job = spawn(program, args.map(String), { stdio: ['ignore', 'ignore', 'inherit'] });
  if (job.pid === undefined) throw new Error(`${program} did not start`);
  return { pid: job.pid, [Symbol.asyncDispose]: () => end(job, 'SIGTERM') };
}

async function bridgeOf(dir: string): Promise<{ pid: number; statusUrl: string } | undefined> {
  try {
    const run = parseLocalRun(readFileSync(join(dir, LOCAL_RUN.file), 'utf8'));
    const pid = run.children.find(({ name }) => name === 'bridge')?.pid;
    const statusUrl = `${run.bridges[0]?.statusUrl}/status.json`;
    if (pid === undefined) return undefined;
    bridgeStatusSchema.parse(await (await fetch(statusUrl)).json());
    return { pid, statusUrl };
  } catch {
    return undefined;
  }
}

export async function end(job: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (job.exitCode !== null || job.signalCode !== null) return;
  const gone = new Promise((resolve) => job.once('exit', resolve));
  job.kill(signal);
  const late = setTimeout(() => job.kill('SIGKILL'), 30_000);
  await gone;
  clearTimeout(late);
}
