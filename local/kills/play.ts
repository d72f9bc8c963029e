import { sleep } from '../../bridge/wait.ts';
import { createRandom } from '../gateway/random.ts';
import { nameOf } from '../run/watch.ts';
import { applyTrade } from '../week/deeds.ts';
import { Desk } from '../week/desk.ts';
import { until } from '../week/until.ts';
import { complaintsOf, type Killed } from './judge.ts';
import { killByPlan } from './killer.ts';
import type { KillsOptions } from './options.ts';
import { planKills } from './plan.ts';
import { TRADE_PERIOD_MS } from './profile.ts';
import { readRecord } from './record.ts';
import type { KillsReport } from './report.ts';
import type { Stage } from './stage.ts';

const LOOK_PERIOD_MS = 250;
const PROGRESS_PERIOD_MS = 5000;
/** The bridge sends what its outbox holds before it ends; how much that may be is seen to before. */
const STOP_DEADLINE_MS = 60_000;
const STOP_DEPTH_MAX = 500;
/** After the last trade: what vanished without a word needs two. */
const SWEEPS_AFTER = 3;

/** Lets the bridge produce and the drain store while both are killed by plan; then reads what is recorded. */
export async function play(context: {
  readonly options: KillsOptions;
  readonly stage: Stage;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<KillsReport> {
  const { options, stage, say, signal } = context;
  const { keeper, gateway, cloudPart } = stage;
  const { cloud } = cloudPart;
  const { seed, snapshots } = options;
  const startedMs = performance.now();
  const plan = planKills({ seed, snapshots });
  const tally = new Tally(stage);
  const over = new AbortController();
  const under = AbortSignal.any([signal, over.signal]);
  const drainOf = () => cloud.triggers().find(({ source }) => source === cloud.outputs.snapshotQueueUrl);
  const counts = { inWork: 0, idle: 0 };
  const following = tally.follow(under);
  const bridgeKills = killByPlan({
    kills: plan.bridge,
    done: () => tally.produced,
    kill: () => keeper.kill() !== undefined,
    signal: under,
  });
  const drainKills = killByPlan({
    kills: plan.drain,
    done: () => drainOf()?.batches ?? 0,
    kill: async () => {
      const hit = await cloud.killWorker(drainOf()?.functionName ?? '');
      if (hit === 'busy') counts.inWork += 1;
      if (hit === 'idle') counts.idle += 1;
      return hit !== undefined;
    },
    signal: under,
  });
  const desk = new Desk(stage.portfolio, createRandom(seed));
  const trading = setInterval(() => {
    const deed = desk.trade();
    if (deed.do === 'trade') applyTrade(gateway.portfolio, deed.trade);
  }, TRADE_PERIOD_MS);
  const tell = setInterval(() => {
    const kills = keeper.lives.filter(({ isKilled }) => isKilled).length;
    const { batches = 0, failedRecords = 0 } = drainOf() ?? {};
    say(
      `${tally.produced} produced, ${tally.depth} in the outbox, ${batches} batches, ${failedRecords} messages given back; killed: ${kills} bridges, ${counts.inWork} drains at work, ${counts.idle} idle`,
    );
  }, PROGRESS_PERIOD_MS);
  try {
    await waitFor(() => tally.produced >= snapshots, signal);
    await bridgeKills;
    say('enough is produced: nobody trades any more, and the bridge is stopped');
    clearInterval(trading);
    const sweeps = (await sweepsOf(stage, signal)) + SWEEPS_AFTER;
    await waitFor(async () => (await sweepsOf(stage, signal)) >= sweeps, signal);
    await waitFor(() => tally.depth <= STOP_DEPTH_MAX, signal);
    const end = await keeper.stop(STOP_DEADLINE_MS);
    if (end?.signal === 'SIGKILL') say('the bridge did not end by itself and was killed');
    say('draining the queue');
    const batchesPlanned = plan.drain.at(-1)?.after ?? 0;
    await waitFor(async () => (drainOf()?.batches ?? 0) >= batchesPlanned || (await isEmpty(stage)), signal);
  } finally {
    clearInterval(trading);
    over.abort();
    await Promise.all([following, bridgeKills, drainKills]);
    clearInterval(tell);
  }
  await cloud.idle(signal);
  say('reading the record');
  const record = await readRecord(stage, signal);
  const killed: Killed = {
    bridge: keeper.lives.filter(({ isKilled, end: how }) => isKilled && how?.signal === 'SIGKILL').length,
    drainInWork: counts.inWork,
    drainIdle: counts.idle,
  };
  const complaints = complaintsOf({ record, killed, snapshots, isDrained: await isEmpty(stage) });
  const { produced, stored, deadLettered, dropped, inFlight, lost } = record.reconciliation;
  const functions = Object.values(cloud.functions());
  return {
    seed,
    asked: snapshots,
    killed,
    bridgeStarts: keeper.lives.length,
    invocations: functions.reduce((sum, { invocations }) => sum + invocations, 0),
    timeouts: functions.reduce((sum, { timeouts }) => sum + timeouts, 0),
    givenBack: drainOf()?.failedRecords ?? 0,
    snapshots: { produced, stored, deadLettered, dropped, inFlight, lost },
    rawDuplicates: record.rawDuplicates,
    view: record.view,
    verify: { exitCode: record.verify.exitCode, verdict: record.verify.text.split('\n').at(-1) ?? '' },
    durationS: Math.round((performance.now() - startedMs) / 1000),
    complaints,
    holds: complaints.length === 0,
  };
}

/** Complete sweeps of the bridge that runs now. @throws the signal's reason */
async function sweepsOf({ keeper }: Stage, signal: AbortSignal): Promise<number> {
  const options = { deadlineMs: Number.POSITIVE_INFINITY, periodMs: LOOK_PERIOD_MS, signal };
  return (await until(async () => (await keeper.status())?.sweeps.complete, options)) ?? 0;
}

/** What the outbox has given out so far, over all the lives of the bridge. */
class Tally {
  readonly #stage: Pick<Stage, 'keeper'>;
  readonly #byEpoch = new Map<string, number>();
  depth = 0;

  constructor(stage: Pick<Stage, 'keeper'>) {
    this.#stage = stage;
  }

  get produced(): number {
    return this.#byEpoch.values().reduce((sum, count) => sum + count, 0);
  }

  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const outbox = (await this.#stage.keeper.status())?.outbox;
      if (outbox !== undefined) {
        this.#byEpoch.set(outbox.epoch, outbox.produced);
        this.depth = outbox.depth;
      }
      await sleep(LOOK_PERIOD_MS, signal);
    }
  }
}

/** @throws the signal's reason */
async function waitFor(check: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<void> {
  await until(async () => ((await check()) ? true : undefined), {
    deadlineMs: Number.POSITIVE_INFINITY,
    periodMs: LOOK_PERIOD_MS,
    signal,
  });
}

async function isEmpty({ cloudPart: { cloud } }: Stage): Promise<boolean> {
  const depth = (await cloud.queueDepths())[nameOf(cloud.outputs.snapshotQueueUrl)];
  return depth === undefined || depth.visible + depth.inFlight + depth.delayed === 0;
}
