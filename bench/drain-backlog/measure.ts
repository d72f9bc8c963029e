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
/** Every contract of the backlog is among its first so many. */
const CONTRACTS_WITHIN = 1000;

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
    readonly recoveredAfterMs: number;
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
  const { drainMs, recoveryMs, fairness } = await watchDrain({ cloud, messages, live, say, signal });
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
  const stored = live.delays.length;
  const expected = messages + live.sent;
  return {
    messages,
    drainedS: drainMs / 1000,
    perSecond: messages / (drainMs / 1000),
    ...statistics,
    live: {
      sent: live.sent,
      stored,
      delayMaxMs: Math.max(0, ...live.delays.map(({ delayMs }) => delayMs)),
      recoveredAfterMs: recoveryMs,
    },
    fairness,
    lake: { rows: viewRows, duplicates: viewDuplicates },
    complaints: [
      ...(viewRows === expected ? [] : [`${viewRows} rows of ${expected} snapshots`]),
      ...(Object.values(statistics.tables).some((load) => (load?.throttled ?? 0) > 0)
        ? []
        : ['no call was throttled, so nothing was tried: let the tables serve less (--scale)']),
      ...(viewDuplicates === 0 ? [] : [`${viewDuplicates} ids twice`]),
      ...(statistics.deadLettered === 0 ? [] : [`${statistics.deadLettered} messages were dead-lettered`]),
      ...(stored === live.sent ? [] : [`${live.sent - stored} live snapshots are not stored`]),
    ],
  };
}

/** Sends and looks once a second until the backlog is gone and live snapshots are in time again. */
async function watchDrain(context: {
  readonly cloud: LocalCloud;
  readonly messages: number;
  readonly live: LiveTraffic;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<{ drainMs: number; recoveryMs: number; fairness: readonly Progress[] }> {
  const { cloud, messages, live, say, signal } = context;
  const seqs = Array.from({ length: Math.min(messages, CONTRACTS_WITHIN) }, (_, index) => index + 1);
  const conIds = [...new Set(seqs.map(backlogConId))];
  const fairness: Progress[] = [];
  const startedMs = performance.now();
  let drainMs: number | undefined;
  let saidMs = startedMs;
  for (;;) {
    const roundMs = performance.now();
    await live.send();
    await live.look();
    const progress = progressOf(await stateSeqs(cloud), { conIds, messages });
    if (progress.hot < 1 && progress.hot >= (fairness.length + 1) / 4) fairness.push(progress);
    const waiting = await messagesLeft(cloud);
    const elapsedMs = performance.now() - startedMs;
    // What is left then are live snapshots of the last moments.
    if (waiting <= live.sent - live.delays.length) drainMs ??= elapsedMs;
    if (performance.now() - saidMs >= PROGRESS_PERIOD_MS) {
      saidMs = performance.now();
      say(sentence({ cloud, waiting, live, elapsedMs }));
    }
    if (drainMs !== undefined && isInTime(live)) {
      return { drainMs, recoveryMs: elapsedMs - drainMs, fairness };
    }
    await delay(Math.max(0, LIVE_PERIOD_MS - (performance.now() - roundMs)), undefined, { signal });
  }
}

function isInTime({ delays, oldestMs }: LiveTraffic): boolean {
  const last = delays.slice(-RECOVERED_COUNT);
  return (
    oldestMs < RECOVERED_MS &&
    last.length === RECOVERED_COUNT &&
    last.every(({ delayMs }) => delayMs < RECOVERED_MS)
  );
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
