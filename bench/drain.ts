import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { SQSRecord } from 'aws-lambda';
import { judge } from '../functions/drain/judge.ts';
import { encodeRows, toRow } from '../functions/drain/parquet.ts';
import { receive } from '../functions/received.ts';
import { bundleHandler } from '../infra/constructs/bundle.ts';
import { encodeMessage } from '../shared/message.ts';
import { snapshotId } from '../shared/snapshot.ts';

/**
 * `node bench/drain.ts`: what the drain costs beside AWS. Bundle size and cold import are billed with every cold
 * start; the batch is decode, judge, rows and Parquet of 50 snapshots, as one warm function does it.
 */
const IMPORTS = 11;
const BATCHES = 300;
const BATCH_SIZE = 50;

const directory = mkdtempSync(join(tmpdir(), 'slotwise-bench-'));
try {
  const bundle = join(directory, 'index.mjs');
  bundleHandler({ entry: 'functions/drain/handler.ts', outfile: bundle });
  const imports = Array.from({ length: IMPORTS }, () => coldImportMs(bundle));
  const batches = Array.from({ length: BATCHES }, (_, index) => batchOf(index));
  const times = batches.map(workMs);
  const report = {
    bundleBytes: statSync(bundle).size,
    coldImportMs: { median: median(imports), max: Math.max(...imports) },
    batchMs: { size: BATCH_SIZE, first: round(times[0] ?? 0), median: median(times.slice(BATCHES / 2)) },
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
} finally {
  rmSync(directory, { recursive: true });
}

/** In a process of its own, as in a new execution environment; the start of Node itself is not counted. */
function coldImportMs(bundle: string): number {
  const script = `const t = performance.now(); await import(${JSON.stringify(bundle)}); console.log(performance.now() - t);`;
  const env = {
    ...process.env,
    AWS_REGION: 'us-east-1',
    LAKE_BUCKET: 'lake',
    POSITIONS_TABLE: 'positions',
    AUDIT_TABLE: 'audit',
  };
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { env });
  return round(Number(output.toString()));
}

function workMs(batch: readonly SQSRecord[]): number {
  const start = performance.now();
  const { candidates } = judge(batch.map(receive), new Map());
  const rows = candidates.map(({ snapshot, received }) =>
    toRow({ snapshot, receivedAt: received.sentAt, digest: received.decoded.digest }),
  );
  encodeRows(rows);
  return performance.now() - start;
}

function batchOf(batch: number): SQSRecord[] {
  return Array.from({ length: BATCH_SIZE }, (_, index) => {
    const place = { bridge: 'home', epoch: '1785300000000-k3x9qa', seq: batch * BATCH_SIZE + index + 1 };
    const body = encodeMessage({
      schema: 1,
      kind: 'snapshot',
      id: snapshotId(place),
      ...place,
      lane: 'stream',
      priority: 1,
      reason: 'changed',
      account: 'DU9000001',
      contract: {
        conId: 700_000_000 + index,
        symbol: 'SPY',
        secType: 'OPT',
        lastTradeDate: '20270115',
        strike: String(500 + index),
        right: 'P',
        multiplier: '100',
        currency: 'USD',
        tradingClass: 'SPY',
      },
      quantity: '-3',
      averageCost: '2100.6321',
      mark: { bid: 1.2, ask: 1.25 + index / 100, price: 1.22, iv: 0.21, delta: -0.3, gamma: 0.02, vega: 0.4 },
      quality: 'live',
      strategyIds: ['spy-condor'],
      registryVersion: 17,
      observedAt: '2026-11-20T15:00:00.000Z',
    });
    return {
      messageId: `m${batch}-${index}`,
      receiptHandle: '',
      body,
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: '1785300000000',
        SenderId: '',
        ApproximateFirstReceiveTimestamp: '1785300000000',
      },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: '',
      awsRegion: 'us-east-1',
    };
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return round(sorted[Math.floor(sorted.length / 2)] ?? 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
