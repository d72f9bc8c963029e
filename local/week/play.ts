import { sleep } from '../../bridge/wait.ts';
import { readRecord } from './audit.ts';
import type { Phase } from './deeds.ts';
import { complaintsOf, type Observation, silentLines, strayLines } from './judge.ts';
import { closingComplaints } from './judge-record.ts';
import { observe } from './observe.ts';
import type { WeekOptions } from './options.ts';
import { type Outcome, Performer } from './perform.ts';
import { relationsOf, WEEK } from './profile.ts';
import type { DeedCount, PhaseReport, WeekReport } from './report.ts';
import { LINES, type Stage } from './stage.ts';
import { until } from './until.ts';

/** Redeliveries come after a visibility timeout, and the bridge may just have been started. */
export const QUIET_DEADLINE_MS = 90_000;
const QUIET_PERIOD_MS = 250;
/** Longer than a sweep and many moves of the market: what is about to go wrong shows. */
const QUIET_HOLD_MS = 3000;
const STOP_DEADLINE_MS = 20_000;
const DRAIN_DEADLINE_MS = 60_000;

interface Context {
  readonly options: WeekOptions;
  readonly plan: readonly Phase[];
  readonly stage: Stage;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  /** On the clock of `performance.now()`. */
  readonly startedMs: number;
}

/** Plays the plan part by part, each to a quiet point; ends the flow in its own direction; reads what is recorded. */
export async function play(context: Context): Promise<WeekReport> {
  const { options, plan, stage, say, signal, startedMs } = context;
  const { keeper, gateway, cloudPart, truth } = stage;
  const outcomes: Outcome[] = [];
  const phases = [await becomeQuiet('before the open', context)];
  const performer = new Performer({ stage, signal });
  for (const phase of plan) {
    // What comes after a disagreement is its aftermath, and says nothing of the bridge.
    if (phases.at(-1)?.quietMs === null) break;
    say(phase.name);
    outcomes.push(...(await playPhase(phase, performer, context)));
    phases.push(await becomeQuiet(phase.name, context));
  }
  say('stopping the bridge');
  const end = await keeper.stop(STOP_DEADLINE_MS);
  say('draining the queue');
  const isDrained = await drain(stage, signal);
  say('reading the record');
  const record = await readRecord(stage, signal);
  const relations = relationsOf(WEEK);
  const deeds = countDeeds(outcomes);
  const { complaints, falseTurns } = closingComplaints({
    relations,
    phases,
    deeds,
    end,
    isDrained,
    lives: keeper.lives,
    log: stage.bridgeLog.read(),
    record,
    truth,
    slackMs: WEEK.periods['sweep.deadlineMs'],
  });
  const { peak, peakWithSnapshots, refused } = gateway.stats().lines;
  const { produced, stored, deadLettered, dropped, inFlight, lost } = record.reconciliation;
  const functions = Object.values(cloudPart.cloud.functions());
  const turns = Map.groupBy(record.turns, ({ reason }) => reason);
  return {
    seed: options.seed,
    sessions: options.sessions,
    timing: WEEK,
    relations,
    phases,
    deeds,
    lines: { cap: LINES.cap, peak, peakWithSnapshots, refused },
    disk: stage.disk.way,
    bridge: {
      starts: keeper.lives.length,
      kills: keeper.lives.filter(({ isKilled }) => isKilled).length,
    },
    snapshots: { produced, stored, deadLettered, dropped, inFlight, lost },
    functions: {
      invocations: sumOf(functions, ({ invocations }) => invocations),
      timeouts: sumOf(functions, ({ timeouts }) => timeouts),
    },
    turns: {
      opened: turns.get('opened')?.length ?? 0,
      closed: turns.get('closed')?.length ?? 0,
      false: falseTurns,
    },
    verify: { exitCode: record.verify.exitCode, verdict: record.verify.text.split('\n').at(-1) ?? '' },
    durationS: Math.round((performance.now() - startedMs) / 1000),
    complaints,
    holds: complaints.length === 0,
  };
}

/** Each deed at its time or later; the part is over when its time is, and everything that it began. */
async function playPhase(phase: Phase, performer: Performer, { say, signal }: Context): Promise<Outcome[]> {
  const startedMs = performance.now();
  const over = (atMs: number) => sleep(Math.max(0, startedMs + atMs - performance.now()), signal);
  const under: Promise<Outcome>[] = [];
  for (const step of phase.steps) {
    await over(step.atMs);
    signal.throwIfAborted();
    const outcome = performer.perform(step);
    under.push(outcome);
    outcome.then(
      ({ name, detail, isExercised }) => say(`  ${isExercised ? '' : 'NOT EXERCISED: '}${name}: ${detail}`),
      () => undefined,
    );
  }
  await over(phase.durationMs);
  return Promise.all(under);
}

/** Looks until all sides agree and go on agreeing, or will not. */
async function becomeQuiet(name: string, { stage, say, signal }: Context): Promise<PhaseReport> {
  const startedMs = performance.now();
  let first: { readonly observation: Observation; readonly atMs: number } | undefined;
  let last: Observation | undefined;
  let complaints = ['nobody could look'];
  await until(
    async () => {
      last = await observe(stage);
      complaints = complaintsOf(last);
      const nowMs = performance.now();
      if (complaints.length > 0) first = undefined;
      else first ??= { observation: last, atMs: nowMs };
      if (first === undefined || nowMs - first.atMs < QUIET_HOLD_MS) return undefined;
      complaints = [...silentLines(first.observation, last), ...strayLines(first.observation, last)];
      first = undefined;
      return complaints.length === 0 ? true : undefined;
    },
    { deadlineMs: QUIET_DEADLINE_MS, periodMs: QUIET_PERIOD_MS, signal },
  );
  const { status } = last ?? {};
  const quietMs = complaints.length === 0 ? Math.round(performance.now() - startedMs - QUIET_HOLD_MS) : null;
  say(quietMs === null ? `  never quiet: ${complaints.join('; ')}` : `  quiet after ${quietMs} ms`);
  return {
    name,
    quietMs,
    complaints,
    degraded: (status?.lines.strategies ?? [])
      .filter(({ state }) => state === 'degraded')
      .map(({ id, reason }) => `${id}: ${reason}`),
    memoryMb: status === undefined ? null : Math.round(status.memoryBytes / 2 ** 20),
  };
}

/** @returns false when messages are left at the deadline */
async function drain({ cloudPart }: Stage, signal: AbortSignal): Promise<boolean> {
  const deadline = AbortSignal.timeout(DRAIN_DEADLINE_MS);
  try {
    await cloudPart.cloud.idle(AbortSignal.any([deadline, signal]));
    return true;
  } catch (cause) {
    signal.throwIfAborted();
    if (!deadline.aborted) throw cause;
    return false;
  }
}

function countDeeds(outcomes: readonly Outcome[]): DeedCount[] {
  return [...Map.groupBy(outcomes, ({ name }) => name)]
    .map(([name, all]) => ({
      name,
      planned: all.length,
      exercised: all.filter(({ isExercised }) => isExercised).length,
      unmet: all.filter(({ isExercised }) => !isExercised).map(({ detail }) => detail),
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
