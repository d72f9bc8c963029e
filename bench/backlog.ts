import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type SendMessageBatchCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { startFauxqs } from 'fauxqs';
import { openOutbox } from '../bridge/outbox/outbox.ts';
import { Publisher } from '../bridge/outbox/publisher.ts';
import { sweepOf } from './sweep.ts';

/**
 * AWS comes back: `node bench/backlog.ts [backlog] [round trip in ms]`. While the backlog drains into an embedded SQS
 * the recorder appends ten snapshots every 100 ms. Prints one JSON line: how long each of those took from its commit
 * to the answer of SQS, during the drain and after it, in milliseconds.
 */
const backlog = Number(process.argv[2] ?? 20_000);
const roundTripMs = Number(process.argv[3] ?? 30);
const POSITIONS = 1000;
const LIVE = 10;
const PERIOD_MS = 100;
const SAMPLES_AFTER = 30;

const directory = await mkdtemp(path.join(tmpdir(), 'slotwise-bench-'));
const log = { info() {}, warn() {}, error() {} };
const outbox = await openOutbox({ path: path.join(directory, 'outbox.db'), bridge: 'bench', log });
for (let run = 1; run <= backlog / POSITIONS; run += 1) await outbox.append(sweepOf(run, POSITIONS).drafts);

const server = await startFauxqs({ port: 0, logger: false });
const { queueUrl } = server.createQueue('bench', { attributes: {} });
const client = new SQSClient({
  endpoint: `http://127.0.0.1:${server.port}`,
  region: 'us-east-1',
  maxAttempts: 1,
  credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
});

/** By id: when it was committed, and how long SQS took from then. */
const committedAt = new Map<string, number>();
const latencies: { readonly ms: number; readonly isDraining: boolean }[] = [];
let isDraining = true;
client.middlewareStack.add(
  (next) => async (args) => {
    await delay(roundTripMs);
    const answer = await next(args);
    const { Entries = [] } = args.input as SendMessageBatchCommandInput;
    for (const { MessageBody = '' } of Entries) {
      const at = committedAt.get((JSON.parse(MessageBody) as { id: string }).id);
      if (at !== undefined) latencies.push({ ms: performance.now() - at, isDraining });
    }
    return answer;
  },
  { step: 'initialize' },
);

const publisher = new Publisher({ outbox, client, queueUrl, log });
const begun = performance.now();
publisher.start();
const { drafts } = sweepOf(1, LIVE);
let after = 0;
let drainedMs = 0;
let rssMax = 0;
while (after < SAMPLES_AFTER) {
  const { produced, depth, epoch } = await outbox.status();
  if (isDraining && depth < LIVE * 10) {
    isDraining = false;
    drainedMs = performance.now() - begun;
  }
  if (!isDraining) after += 1;
  await outbox.append(drafts.map((draft) => ({ ...draft, lane: 'stream', priority: 1 })));
  const at = performance.now();
  for (let seq = produced + 1; seq <= produced + LIVE; seq += 1) committedAt.set(`bench:${epoch}:${seq}`, at);
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
  await delay(PERIOD_MS);
}
await publisher.flush(AbortSignal.timeout(10_000));
await publisher.stop();
await outbox.close();
await server.stop();
client.destroy();
await rm(directory, { recursive: true });

const figures = {
  backlog,
  roundTripMs,
  drainedS: round(drainedMs / 1000),
  perSecond: Math.round(backlog / (drainedMs / 1000)),
  liveLatencyMs: {
    whileItDrains: spread(latencies.filter((sample) => sample.isDraining)),
    after: spread(latencies.filter((sample) => !sample.isDraining)),
  },
  memoryMaxMiB: round(rssMax / 1024 / 1024),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);

function spread(samples: readonly { readonly ms: number }[]) {
  const sorted = samples.map(({ ms }) => ms).toSorted((left, right) => left - right);
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
  return { count: sorted.length, median: at(0.5), p95: at(0.95), max: at(1) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
