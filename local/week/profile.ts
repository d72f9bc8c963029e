import { environmentName } from '../../bridge/settings-environment.ts';
import { settingsSchema } from '../../bridge/settings-schema.ts';
import { BRIDGE, DRAIN } from '../../shared/limits.ts';

/** Settings of the bridge that are compressed, in the order of their defaults. Milliseconds but for the long poll. */
const COMPRESSED = {
  'gateway.backoffMinMs': 50,
  'feed.gapMaxMs': 200,
  'gateway.handshakeDeadlineMs': 1200,
  'gateway.heartbeatDeadlineMs': 1200,
  'gateway.heartbeatPeriodMs': 1500,
  'snapshots.degradedPeriodMs': 1500,
  'sweep.deadlineMs': 2000,
  'feed.longPollS': 2,
  'gateway.backoffMaxMs': 2500,
  'sweep.periodMs': 2500,
  'feed.lagMaxMs': 2500,
  'lines.verifyDeadlineMs': 2500,
  'gateway.breakerPeriodMs': 4000,
  'lines.typeGraceMs': 4000,
  'lines.answerDeadlineMs': 4000,
  'snapshots.periodMs': 4000,
  'recorder.periodMs': 4000,
  'heartbeat.periodMs': 4000,
  'feed.headPeriodMs': 4000,
  'reconcile.drainPeriodMs': 7000,
  'lines.silenceMs': 7000,
  'lines.competingRetryMs': 12_000,
  'sweep.massAbsenceMs': 20_000,
  'keyframe.periodMs': 30_000,
  'snapshots.markPeriodMs': 30_000,
} as const;

export type PeriodKey = keyof typeof COMPRESSED;

/** What the world around the bridge takes; nothing of it is the bridge's to choose. */
export interface World {
  /** From a snapshot request to its end. */
  readonly snapshotMs: number;
  /** The nightly restart: nobody listens, then the old client id lingers, and the list of positions still loads. */
  readonly downMs: number;
  readonly lingerMs: number;
  readonly loadingMs: number;
  /** The weekly login: how long nobody listens until a person has come. */
  readonly loginMs: number;
  /** A socket that is open and says nothing. */
  readonly silenceMs: number;
  /** Longest absence of AWS. */
  readonly outageMs: number;
  /** What starts the bridge again waits for so long. */
  readonly restartMs: number;
}

export interface Timing {
  readonly periods: Readonly<Record<PeriodKey, number>>;
  readonly breakerThreshold: number;
  readonly drain: Readonly<
    Record<'batchSize' | 'batchWindowS' | 'timeoutS' | 'visibilityTimeoutS' | 'maxReceiveCount', number>
  >;
  readonly world: World;
}

const defaults = settingsSchema.parse({ bridge: 'home', stateDir: '.' });

/** A year's nights as the notes of users have them, under the defaults of every setting. */
export const REAL: Timing = {
  periods: Object.fromEntries(
    Object.keys(COMPRESSED).map((key) => [key, defaultOf(key)]),
  ) as Timing['periods'],
  breakerThreshold: defaults.gateway.breakerThreshold,
  drain: {
    batchSize: DRAIN.batchSize,
    batchWindowS: DRAIN.batchWindowS,
    timeoutS: DRAIN.timeoutS,
    visibilityTimeoutS: DRAIN.visibilityTimeoutS,
    maxReceiveCount: DRAIN.maxReceiveCount,
  },
  world: {
    snapshotMs: 11_000,
    downMs: 15_000,
    lingerMs: 30_000,
    loadingMs: 180_000,
    loginMs: 3_600_000,
    silenceMs: 60_000,
    outageMs: 20 * 60_000,
    restartMs: 5000,
  },
};

/** A week in minutes: every period shorter, their relations kept. Whole seconds are the shortest that SQS has. */
export const WEEK: Timing = {
  periods: COMPRESSED,
  breakerThreshold: defaults.gateway.breakerThreshold,
  // Smaller batches for the shorter timeout: two cores do the work of a cloud.
  drain: { batchSize: 20, batchWindowS: 1, timeoutS: 5, visibilityTimeoutS: 31, maxReceiveCount: 5 },
  world: {
    snapshotMs: 1300,
    downMs: 700,
    lingerMs: 1500,
    loadingMs: 11_000,
    loginMs: 8000,
    silenceMs: 4000,
    outageMs: 8000,
    restartMs: 300,
  },
};

export interface Relation {
  readonly text: string;
  readonly holds: boolean;
}

/** What has to hold between periods for the compressed week to ask of the bridge what a real one asks. */
export function relationsOf(timing: Timing): Relation[] {
  const { periods, breakerThreshold, drain, world } = timing;
  const handshakeMs = periods['gateway.handshakeDeadlineMs'];
  const heartbeatMs = periods['gateway.heartbeatPeriodMs'];
  const answerMs = periods['gateway.heartbeatDeadlineMs'];
  const sweepMs = periods['sweep.periodMs'];
  const backoffMaxMs = periods['gateway.backoffMaxMs'];
  const waits = backoffsOf(timing);
  const sumMs = waits.reduce((sum, waitMs) => sum + waitMs, 0);
  /** A wait is shortened by up to half. */
  const leastMs = sumMs / 2;
  const visibilityMs = drain.visibilityTimeoutS * 1000;
  return [
    {
      text: 'a heartbeat has as long as a handshake, and is asked for less often than it may take',
      holds: answerMs <= handshakeMs && answerMs < heartbeatMs,
    },
    { text: 'a sweep gives up before the next is due', holds: periods['sweep.deadlineMs'] < sweepMs },
    {
      text: 'a dead session is known before two sweeps are due',
      holds: heartbeatMs + answerMs < 2 * sweepMs,
    },
    { text: 'silence outlasts the heartbeat', holds: heartbeatMs + answerMs < world.silenceMs },
    {
      text: 'three heartbeats fit into a lease, and a restart of the bridge into one',
      holds: 3 * periods['heartbeat.periodMs'] < BRIDGE.leaseMs && world.restartMs < BRIDGE.leaseMs / 3,
    },
    { text: 'keyframes are rarer than sweeps', holds: periods['keyframe.periodMs'] > 10 * sweepMs },
    {
      text: 'a difference in the table outlasts what the drain takes, and is mended between two keyframes',
      holds:
        periods['reconcile.drainPeriodMs'] >= 1000 * (drain.batchWindowS + drain.timeoutS) &&
        periods['keyframe.periodMs'] > 4 * periods['reconcile.drainPeriodMs'],
    },
    {
      text: 'a polled instrument is asked for after its answer',
      holds: world.snapshotMs < periods['snapshots.periodMs'],
    },
    { text: 'a nightly restart is over within the first waits', holds: world.downMs < leastMs },
    {
      text: 'the old client id outlasts the longest of them, so that it is met',
      holds: Math.max(...waits) < world.lingerMs,
    },
    {
      text: 'a gateway that is loading shows three complete sweeps',
      holds: world.lingerMs + backoffMaxMs / 4 + 3 * sweepMs < world.loadingMs,
    },
    {
      text: 'the vanish guard outlasts the loading',
      holds: world.loadingMs < periods['sweep.massAbsenceMs'],
    },
    {
      text: 'a login that is waited for opens the circuit, and a probe meets it',
      holds:
        waits.length === breakerThreshold - 1 && sumMs + periods['gateway.breakerPeriodMs'] < world.loginMs,
    },
    {
      text: 'a gap is scanned for before a lag, a lag before the next look at the table',
      holds:
        periods['feed.gapMaxMs'] < periods['feed.lagMaxMs'] &&
        periods['feed.lagMaxMs'] < periods['feed.headPeriodMs'],
    },
    {
      text: 'a batch in work is not delivered a second time',
      holds: drain.visibilityTimeoutS >= 6 * drain.timeoutS + drain.batchWindowS,
    },
    {
      text: 'stores that are away come back before the last try of a message',
      holds: world.outageMs < visibilityMs * (drain.maxReceiveCount - 1),
    },
    {
      text: 'an outage lasts for several snapshots of the recorder and looks at the registry',
      holds: world.outageMs >= 2 * Math.max(periods['recorder.periodMs'], periods['feed.headPeriodMs']),
    },
  ];
}

/** The waits between attempts, in full, until the circuit opens. */
function backoffsOf({ periods, breakerThreshold }: Timing): number[] {
  return Array.from({ length: breakerThreshold - 1 }, (_, failures) =>
    Math.min(periods['gateway.backoffMaxMs'], periods['gateway.backoffMinMs'] * 2 ** failures),
  );
}

/** @returns `SLOTWISE_*` for the bridge */
export function environmentOf({ periods }: Timing): Record<string, string> {
  return Object.fromEntries(
    Object.entries(periods).map(([key, value]) => [environmentName(key.split('.')), String(value)]),
  );
}

function defaultOf(key: string): number {
  const value = key.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], defaults);
  if (typeof value !== 'number') throw new RangeError(`${key} is no period`);
  return value;
}
