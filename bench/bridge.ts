import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LOCAL_RUN, parseLocalRun } from '../shared/local-run.ts';
import { bridgeStatusSchema } from '../shared/status.ts';
import { corePercent, figuresOf, median, type ProcessFigures, round } from './process-figures.ts';

/**
 * What the bridge takes of the machine: `node bench/bridge.ts [--positions 5000] [--for 60]`. Runs the main job in a
 * directory of its own and reads the bridge's process off /proc (Linux): resident memory now and at its highest, and
 * the share of one core since the first sweep.
 */
const { values } = parseArgs({
  options: { positions: { type: 'string', default: '5000' }, for: { type: 'string', default: '60' } },
});
const CLI = fileURLToPath(new URL('../cli/slotwise.ts', import.meta.url));

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

let first: ProcessFigures | undefined;
let last: ProcessFigures | undefined;
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
      corePercent: round(corePercent(first, last)),
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
    return { ...figuresOf(pid), sweeps: status.sweeps };
  } catch {
    return undefined;
  }
}
