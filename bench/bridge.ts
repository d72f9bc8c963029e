import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LOCAL_RUN, parseLocalRun } from '../shared/local-run.ts';
import { bridgeStatusSchema } from '../shared/status.ts';

/**
 * What the bridge takes of the machine: `node bench/bridge.ts [--positions 5000] [--for 60]`. Runs the main job in a
 * directory of its own and reads the bridge's process off /proc (Linux): resident memory now and at its highest, and
 * the share of one core since the first sweep.
 */
const { values } = parseArgs({
  options: { positions: { type: 'string', default: '5000' }, for: { type: 'string', default: '60' } },
});
const CLI = fileURLToPath(new URL('../cli/slotwise.ts', import.meta.url));
const TICKS_PER_SECOND = 100;

const dir = mkdtempSync(join(tmpdir(), 'slotwise-bench-'));
const job = spawn(
  process.execPath,
  [CLI, 'local', '--positions', values.positions, '--for', `${values.for}s`, '--json', '--dir', dir],
  { stdio: ['ignore', 'pipe', 'ignore'] },
);
let output = '';
job.stdout.on('data', (text) => {
  output += text;
});
const ended = new Promise<number | null>((resolve) => job.once('exit', resolve));
let isOver = false;
void ended.then(() => {
  isOver = true;
});

let first: { cpuS: number; atMs: number } | undefined;
let last: { cpuS: number; atMs: number } | undefined;
const residentMb: number[] = [];
let highestMb = 0;
let sweeps: unknown;
while (!isOver) {
  await delay(500);
  const sample = await look();
  if (sample === undefined) continue;
  first ??= sample;
  last = sample;
  residentMb.push(sample.residentMb);
  highestMb = sample.highestMb;
  sweeps = sample.sweeps;
}
rmSync(dir, { recursive: true, force: true });
if (first === undefined || last === undefined) throw new Error(`no bridge was seen:\n${output}`);

const steady = residentMb.slice(Math.floor(residentMb.length / 2));
console.log(
  JSON.stringify(
    {
      positions: Number(values.positions),
      residentMbMedian: median(steady),
      residentMbHighest: highestMb,
      corePercent: Number(((100 * (last.cpuS - first.cpuS)) / ((last.atMs - first.atMs) / 1000)).toFixed(1)),
      sweeps,
      report: JSON.parse(output.trim().split('\n').at(-1) ?? '{}'),
    },
    null,
    2,
  ),
);

async function look() {
  try {
    const run = parseLocalRun(readFileSync(join(dir, LOCAL_RUN.file), 'utf8'));
    const pid = run.children.find(({ name }) => name === 'bridge')?.pid;
    const [bridge] = run.bridges;
    if (pid === undefined || bridge?.statusUrl === undefined) return undefined;
    const answer = await fetch(`${bridge.statusUrl}/status.json`);
    const status = bridgeStatusSchema.parse(await answer.json());
    if (status.sweeps.complete === 0) return undefined;
    const memory = readFileSync(`/proc/${pid}/status`, 'utf8');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return {
      residentMb: kilobytes(memory, 'VmRSS') / 1000,
      highestMb: kilobytes(memory, 'VmHWM') / 1000,
      cpuS: (user + system) / TICKS_PER_SECOND,
      atMs: performance.now(),
      sweeps: status.sweeps,
    };
  } catch {
    return undefined;
  }
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1] ?? Number.NaN);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
