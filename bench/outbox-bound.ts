import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLog } from '../bridge/log.ts';
import { openOutbox } from '../bridge/outbox/outbox.ts';
import { encodeMessage } from '../shared/message.ts';
import { sweepOf } from './sweep.ts';

/**
 * What a full outbox costs: `node bench/outbox-bound.ts [bound in MiB] [positions]`. Fills it with keyframes, goes on
 * for as long again as the figures need, opens it once more. Prints one JSON line; times in milliseconds.
 */
const MIB = 1024 * 1024;
const boundMiB = Number(process.argv[2] ?? 1024);
const positions = Number(process.argv[3] ?? 5000);
const SAMPLES = 20;

const directory = await mkdtemp(path.join(tmpdir(), 'slotwise-bench-'));
const file = path.join(directory, 'outbox.db');
const options = {
  path: file,
  bridge: 'bench',
  maxBytes: boundMiB * MIB,
  log: createLog({ destination: process.stderr, bridge: 'bench' }),
};
let outbox = await openOutbox(options);
let run = 0;
/** By run: processor time of a commit, which a busy machine does not stretch. */
const cpu = new Map<number, number>();

async function commit(): Promise<number> {
  run += 1;
  const { upserts, drafts, sweep } = sweepOf(run, positions);
  const begun = performance.now();
  const used = process.cpuUsage();
  await outbox.commitPositions({ upserts, removals: [], sweep }, drafts);
  const { user, system } = process.cpuUsage(used);
  cpu.set(run, (user + system) / 1000);
  return performance.now() - begun;
}

const before: number[] = [];
while ((await outbox.status()).dropped === 0) before.push(await commit());
const first = before.pop() ?? Number.NaN;
const fileAtBound = await mibOf(file);
const firstAbove = run + 1;
const above: number[] = [];
for (let sample = 0; sample < SAMPLES; sample += 1) above.push(await commit());
const { depth, bytes, dropped } = await outbox.status();

const single: number[] = [];
const [draft] = sweepOf(run, 1).drafts;
for (let sample = 0; draft !== undefined && sample < SAMPLES; sample += 1) {
  const begun = performance.now();
  await outbox.append([draft]);
  single.push(performance.now() - begun);
}
const heartbeats: number[] = [];
for (let sample = 0; sample < SAMPLES; sample += 1) {
  const begun = performance.now();
  await outbox.putHeartbeat(heartbeat());
  heartbeats.push(performance.now() - begun);
}
const fileAbove = await mibOf(file);
await outbox.close();
const opening = performance.now();
outbox = await openOutbox(options);
const openMs = performance.now() - opening;
const firstAfterStart = await commit();
await outbox.close();
await rm(directory, { recursive: true });

const figures = {
  boundMiB,
  positions,
  waiting: { depth, mib: round(bytes / MIB), dropped },
  commitCpuMs: {
    belowBound: spread(cpuOf(firstAbove - 1 - SAMPLES)),
    firstAtBound: round(cpu.get(firstAbove - 1) ?? Number.NaN),
    aboveBound: spread(cpuOf(firstAbove)),
  },
  commitMs: {
    empty: spread(before.slice(0, SAMPLES)),
    belowBound: spread(before.slice(-SAMPLES)),
    firstAtBound: round(first),
    aboveBound: spread(above),
    oneSnapshotAboveBound: spread(single),
    heartbeatAboveBound: spread(heartbeats),
    firstAfterStart: round(firstAfterStart),
  },
  openMs: round(openMs),
  fileMiB: { atBound: fileAtBound, after: fileAbove },
  memoryMiB: round(process.memoryUsage.rss() / MIB),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);

function cpuOf(first: number): number[] {
  return [...cpu].filter(([each]) => each >= first && each < first + SAMPLES).map(([, ms]) => ms);
}

function heartbeat(): string {
  return encodeMessage({
    schema: 1,
    kind: 'heartbeat',
    bridge: 'bench',
    epoch: outbox.epoch,
    at: new Date().toISOString(),
    accounts: [],
    gauges: {
      gatewayReady: 1,
      linesCap: 100,
      linesInUse: 0,
      linesRefused: 0,
      strategiesActive: 0,
      strategiesDegraded: 0,
      positions,
      outboxDepth: depth,
      outboxOldestMs: 0,
      registryVersion: 0,
      sweepsFailed: 0,
      overAssigned: 0,
    },
  });
}

async function mibOf(name: string): Promise<number> {
  return round((await stat(name)).size / MIB);
}

function spread(values: readonly number[]) {
  const sorted = values.toSorted((left, right) => left - right);
  return {
    median: round(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN),
    max: round(sorted.at(-1) ?? Number.NaN),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
