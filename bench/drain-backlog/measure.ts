import { setTimeout as delay } from 'node:timers/promises';
import { DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { openLake } from '../../cli/lake/lake.ts';
import type { LocalCloud } from '../../local/aws/cloud-types.ts';
import type { TableLoad } from '../../local/aws/throttle.ts';
import { POSITIONS } from '../../shared/names.ts';
import { type Progress, progressOf } from './fairness.ts';
import { LiveTraffic } from './live.ts';
import { ACCOUNT, backlogConId } from './traffic.ts';

const LIVE_PERIOD_MS = 1000;
/** Live again: so long a snapshot may take where nothing waits, two batch windows. */
const RECOVERED_MS = 10_000;
/** Snapshots in a row that arrive in that time before the measurement ends. */
const RECOVERED_COUNT = 5;
const PROGRESS_PERIOD_MS = 5000;

export interface BacklogFigures {
  readonly messages: number;
  /** From the start of the drain until no message of the backlog was left. */
  readonly drainedS: number;
  readonly perSecond: number;
  readonly invocations: { readonly count: number; readonly failed: number; readonly timeouts: number };
  /** Messages that the drain gave back to the queue. */
  readonly givenBack: number;
  readonly deadLettered: number;
  readonly tables: Readonly<Record<'positions' | 'audit', TableLoad | undefined>>;
  /** Heap and buffers of one worker, at most. */
  readonly workerMemoryMb: number;
  readonly live: {
    readonly sent: number;
    readonly stored: number;
    readonly delayMaxMs: number;
    /** From the moment at which the backlog was gone until live snapshots took less than RECOVERED_MS again. */
    readonly recoveredAfterMs: number | null;
    readonly delayAfterMs: number | null;
  };
  /** When the hot contract was at a quarter, a half, three quarters. */
  readonly fairness: readonly Progress[];
  readonly lake: { readonly rows: number; readonly duplicates: number };
  /** Everything that is not as it should be, one sentence each. */
  readonly complaints: readonly string[];
}

/**
 * Watches the deployed drain empty its queue while live snapshots come. Begins when the cloud has just been started
 * over a full queue.
 * @throws the signal's reason
 */
export async function measureDrain(options: {
  readonly cloud: LocalCloud;
  readonly messages: number;
  /** For copies of the lake's objects. */
  readonly cacheDirectory: string;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<BacklogFigures> {
  const { cloud, messages, say, signal } = options;
  const { outputs } = cloud;
  const clients = cloud.clients('cli');
  const live = new LiveTraffic({
    sqs: clients.sqs,
    queueUrl: outputs.snapshotQueueUrl,
    dynamodb: clients.dynamodb,
    auditTable: outputs.auditTable,
    firstSeq: messages + 1,
  });
  const conIds = [
    ...new Set(Array.from({ length: Math.min(messages, 1000) }, (_, at) => backlogConId(at + 1))),
  ];
  const fairness: Progress[] = [];
  const startedMs = performance.now();
  let drainedMs: number | undefined;
  let recoveredMs: number | undefined;
  let saidMs = startedMs;
  while (recoveredMs === undefined) {
    signal.throwIfAborted();
    const roundMs = performance.now();
    await live.send();
    await live.look();
    const progress = progressOf(await stateSeqs(cloud), { conIds, messages });
    if (progress.hot < 1 && progress.hot >= (fairness.length + 1) / 4) fairness.push(progress);
    const waiting = await messagesLeft(cloud);
    const nowMs = performance.now();
    // What is left then are live snapshots of the last moments.
    if (drainedMs === undefined && waiting <= live.sent - live.delays.length) drainedMs = nowMs;
    const last = live.delays.slice(-RECOVERED_COUNT);
    const isLive = last.length === RECOVERED_COUNT && last.every(({ delayMs }) => delayMs < RECOVERED_MS);
    if (drainedMs !== undefined && isLive && live.oldestMs < RECOVERED_MS) recoveredMs = nowMs;
    if (nowMs - saidMs >= PROGRESS_PERIOD_MS || recoveredMs !== undefined) {
      saidMs = nowMs;
      say(sentence({ cloud, waiting, live, elapsedMs: nowMs - startedMs }));
    }
    await delay(Math.max(0, LIVE_PERIOD_MS - (performance.now() - roundMs)), undefined, { signal });
  }
  await cloud.idle(signal);
  await live.look();
  say('counting the rows of the lake');
  await using lake = await openLake({
    s3: clients.s3,
    bucket: outputs.lakeBucket,
    cacheDirectory: options.cacheDirectory,
    signal,
  });
  const { viewRows, viewDuplicates } = await lake.counts();
  const statistics = statisticsOf(cloud);
  const ofLive = live.delays.map(({ delayMs }) => delayMs);
  const expected = messages + live.sent;
  const drained = drainedMs ?? performance.now();
  return {
    messages,
    drainedS: (drained - startedMs) / 1000,
    perSecond: messages / ((drained - startedMs) / 1000),
    ...statistics,
    live: {
      sent: live.sent,
      stored: live.delays.length,
      delayMaxMs: Math.max(0, ...ofLive),
      recoveredAfterMs: recoveredMs === undefined ? null : recoveredMs - drained,
      delayAfterMs: ofLive.at(-1) ?? null,
    },
    fairness,
    lake: { rows: viewRows, duplicates: viewDuplicates },
    complaints: [
      ...(viewRows === expected ? [] : [`${viewRows} rows of ${expected} snapshots`]),
      ...(viewDuplicates === 0 ? [] : [`${viewDuplicates} ids twice`]),
      ...(statistics.deadLettered === 0 ? [] : [`${statistics.deadLettered} messages were dead-lettered`]),
      ...(live.delays.length === live.sent ? [] : ['live snapshots are missing']),
    ],
  };
}

type Statistics = Pick<
  BacklogFigures,
  'invocations' | 'givenBack' | 'deadLettered' | 'tables' | 'workerMemoryMb'
>;

function statisticsOf(cloud: LocalCloud): Statistics {
  const { outputs } = cloud;
  const triggers = cloud.triggers();
  const drain = triggers.find(({ source }) => source === outputs.snapshotQueueUrl);
  const dead = triggers.find(({ source }) => source === outputs.snapshotDeadLetterQueueUrl);
  const ofDrain = cloud.functions()[drain?.functionName ?? ''];
  const loads = cloud.tableLoads();
  return {
    invocations: {
      count: ofDrain?.invocations ?? 0,
      failed: ofDrain?.errors ?? 0,
      timeouts: ofDrain?.timeouts ?? 0,
    },
    givenBack: drain?.failedRecords ?? 0,
    deadLettered: dead?.records ?? 0,
    tables: { positions: loads[outputs.positionsTable], audit: loads[outputs.auditTable] },
    workerMemoryMb: (ofDrain?.memoryMaxBytes ?? 0) / 2 ** 20,
  };
}

function sentence(of: {
  readonly cloud: LocalCloud;
  readonly waiting: number;
  readonly live: LiveTraffic;
  readonly elapsedMs: number;
}): string {
  const { givenBack, tables, workerMemoryMb } = statisticsOf(of.cloud);
  const throttled = Object.values(tables).reduce((sum, load) => sum + (load?.throttled ?? 0), 0);
  return [
    `${Math.round(of.elapsedMs / 1000)} s`,
    `${of.waiting} wait`,
    `${throttled} calls throttled`,
    `${givenBack} given back`,
    `live: the oldest waits for ${(of.live.oldestMs / 1000).toFixed(1)} s`,
    `worker ${workerMemoryMb.toFixed(0)} MB`,
  ].join(', ');
}

/** Visible, or in a batch. */
async function messagesLeft(cloud: LocalCloud): Promise<number> {
  const depth = (await cloud.queueDepths())[cloud.outputs.snapshotQueueUrl.split('/').at(-1) ?? ''];
  return depth === undefined ? 0 : depth.visible + depth.inFlight;
}

/** conId -> seq of its state. */
async function stateSeqs(cloud: LocalCloud): Promise<ReadonlyMap<number, number>> {
  const client = DynamoDBDocumentClient.from(cloud.clients('cli').dynamodb);
  const pages = paginateQuery(
    { client },
    {
      TableName: cloud.outputs.positionsTable,
      KeyConditionExpression: `${POSITIONS.partitionKey} = :account`,
      ExpressionAttributeValues: { ':account': ACCOUNT },
      ProjectionExpression: `${POSITIONS.sortKey}, seq`,
    },
  );
  const seqs = new Map<number, number>();
  for await (const { Items = [] } of pages) {
    for (const { [POSITIONS.sortKey]: conId, seq } of Items) seqs.set(Number(conId), Number(seq));
  }
  return seqs;
}
