import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLog } from '../bridge/log.ts';
import { openOutbox } from '../bridge/outbox/outbox.ts';
import { sweepOf } from './sweep.ts';

/**
 * How long a sweep takes to be durable: `node bench/outbox.ts [positions] [runs]`. Prints one JSON line. The delay is
 * what the bridge's own thread feels meanwhile, in milliseconds.
 */
const positions = Number(process.argv[2] ?? 5000);
const runs = Number(process.argv[3] ?? 10);
const directory = await mkdtemp(path.join(tmpdir(), 'slotwise-bench-'));
const file = path.join(directory, 'outbox.db');
const outbox = await openOutbox({
  path: file,
  bridge: 'bench',
  log: createLog({ destination: process.stderr, bridge: 'bench' }),
});

const commits: number[] = [];
const delays: number[] = [];
for (let run = 1; run <= runs; run += 1) {
  const { upserts, drafts, sweep } = sweepOf(run, positions);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const begun = performance.now();
  await outbox.commitPositions({ upserts, removals: [], sweep }, drafts);
  commits.push(performance.now() - begun);
  delay.disable();
  delays.push(delay.max / 1e6);
}

const drained = performance.now();
let sent = 0;
for (;;) {
  const pending = await outbox.peek({ count: 200, maxBytes: 1024 * 1024 });
  if (pending.length === 0) break;
  await outbox.acknowledge(pending.map(({ key }) => key));
  sent += pending.length;
}
const drainMs = performance.now() - drained;
const { size } = await stat(file);
await outbox.close();
await rm(directory, { recursive: true });

const figures = {
  positions,
  runs,
  commitMs: { median: round(median(commits)), max: round(Math.max(...commits)) },
  eventLoopDelayMs: { median: round(median(delays)), max: round(Math.max(...delays)) },
  peekAndAcknowledge: { messages: sent, perSecond: Math.round((sent / drainMs) * 1000) },
  fileMiB: round(size / 2 ** 20),
  memoryMiB: round(process.memoryUsage.rss() / 2 ** 20),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
