import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { encodeRows, toRow } from '../functions/drain/parquet.ts';
import { bundledHandler } from '../infra/constructs/bundle.ts';
import { nativePackages } from '../infra/constructs/native-packages.ts';
import { clientsOf, environmentOf } from '../local/aws/clients.ts';
import { withConditionalPuts } from '../local/aws/conditional-put.ts';
import { openFauxqs } from '../local/aws/emulators.ts';
import { FrontDoor } from '../local/aws/front-door.ts';
import { Journal } from '../local/aws/journal.ts';
import { withLargePuts } from '../local/aws/large-put.ts';
import { batchDigest, sha256 } from '../shared/digest.ts';
import { COMPACT } from '../shared/limits.ts';
import { FUNCTION_ENV, rawKey } from '../shared/names.ts';
import { type Snapshot, snapshotId } from '../shared/snapshot.ts';

/**
 * `node bench/compact.ts [objects] [rows]`: a day of raw objects through the compactor as Lambda runs it, in a process
 * of its own, the embedded S3 in this one. Then once more, with one object more, as an hour later.
 *
 *   ms             from the import of the bundle to the outcome, with every wait for the embedded S3
 *   cpuMs          what the compactor's process computed: the figure without the embedded service
 *   highestMb      the most memory that its process ever had (Linux), Node and the database's library included
 *   embeddedCpuMs  what the embedded S3 computed meanwhile, which S3 itself would do elsewhere: of two cores it keeps
 *                  one busy while the objects come
 */
const objects = Number(process.argv[2] ?? 5000);
const rows = Number(process.argv[3] ?? 50);
const DAY = new Date().toISOString().slice(0, 10);
const BUCKET = 'lake';
const REGION = 'us-east-1';
const START_MS = Date.parse(`${DAY}T00:00:00.000Z`);

const directory = mkdtempSync(join(tmpdir(), 'slotwise-bench-'));
await using stack = new AsyncDisposableStack();
stack.defer(() => rmSync(directory, { recursive: true, force: true }));
const fauxqs = await openFauxqs(join(directory, 'fauxqs'));
stack.defer(() => fauxqs.close());
const door = new FrontDoor({
  service: 's3',
  region: REGION,
  journal: new Journal(),
  emulator: withConditionalPuts(withLargePuts(fauxqs)),
});
await door.start();
stack.defer(() => door.stop());
const endpoints = { sqs: door.origin, s3: door.origin, dynamodb: door.origin };
const { s3 } = stack.use(clientsOf('bench', { endpoints, region: REGION }));
await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
for (let index = 0; index < objects; index += 1) await putObject(s3, index);

using bundle = bundledHandler('functions/compact', nativePackages('this machine'));
const first = await invoke(bundle.path);
await putObject(s3, objects);
const next = await invoke(bundle.path);
process.stdout.write(`${JSON.stringify({ objects, rows, first, next })}\n`);

async function invoke(path: string): Promise<unknown> {
  const file = join(directory, 'invoke.mjs');
  writeFileSync(
    file,
    `import { readFileSync } from 'node:fs';
    const begun = performance.now();
    const { handler } = await import(${JSON.stringify(join(path, 'index.mjs'))});
    const importMs = Math.round(performance.now() - begun);
    const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => ${COMPACT.timeoutS * 1000} };
    const outcome = await handler({ pass: 'hourly' }, context);
    const ms = Math.round(performance.now() - begun);
    const highest = /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    const { user, system } = process.cpuUsage();
    const cpuMs = Math.round((user + system) / 1000);
    process.send({ importMs, ms, cpuMs, highestMb: Math.round(Number(highest) / 1024), rows: outcome.rows });`,
  );
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env.PATH,
      ...environmentOf('bench', { endpoints, region: REGION }),
      [FUNCTION_ENV.lakeBucket]: BUCKET,
      [FUNCTION_ENV.compactGraceS]: String(COMPACT.graceS),
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<object>();
  child.once('message', resolve);
  child.once('exit', (code) => reject(new Error(`the compactor ended with code ${code}`)));
  const before = process.cpuUsage();
  const figures = await promise;
  const { user, system } = process.cpuUsage(before);
  return { ...figures, embeddedCpuMs: Math.round((user + system) / 1000) };
}

async function putObject(client: S3Client, index: number): Promise<void> {
  const batch = Array.from({ length: rows }, (_, row) => snapshotOf(index * rows + row + 1));
  const sources = batch.map((snapshot) => ({
    id: snapshot.id,
    digest: sha256(JSON.stringify(snapshot)),
    snapshot,
    receivedAt: snapshot.observedAt,
  }));
  const Key = rawKey(DAY, batchDigest(sources));
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: encodeRows(sources.map(toRow)) }));
}

/** A market that moves: what compresses too well would tell nothing. */
function snapshotOf(seq: number): Snapshot {
  const place = { bridge: 'home', epoch: '1785300000000-k3x9qa', seq };
  const wave = Math.sin(seq) * 3;
  const observedAt = new Date(START_MS + seq * 100).toISOString();
  return {
    schema: 1,
    kind: 'snapshot',
    id: snapshotId(place),
    ...place,
    lane: seq % 3 === 0 ? 'poll' : 'stream',
    priority: seq % 3 === 0 ? 2 : 1,
    reason: 'changed',
    account: `DU900000${seq % 3}`,
    contract: {
      conId: 700_000_000 + (seq % 200),
      symbol: ['SPY', 'QQQ', 'IWM'][seq % 3] ?? 'SPY',
      secType: 'OPT',
      lastTradeDate: '20270115',
      strike: String(500 + (seq % 200)),
      right: seq % 2 === 0 ? 'C' : 'P',
      multiplier: '100',
      currency: 'USD',
      tradingClass: 'SPY',
    },
    quantity: String((seq % 7) - 3 || 1),
    averageCost: '2100.6321',
    mark: {
      bid: 5 + wave,
      ask: 5.05 + wave,
      price: 5.025 + wave,
      iv: 0.2 + wave / 100,
      delta: wave / 10,
      gamma: 0.01,
      vega: 0.4 + wave / 50,
      theta: -0.05,
      at: observedAt,
      greeksAt: observedAt,
    },
    quality: 'live',
    strategyIds: ['spy-condor'],
    registryVersion: 17,
    observedAt,
  } as Snapshot;
}
