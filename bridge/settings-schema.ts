import { z } from 'zod';
import { BRIDGE, FEED, GATEWAY, LINES, OUTBOX, RECONCILE, SQS } from '../shared/limits.ts';
import { LOCAL_RUN } from '../shared/local-run.ts';
import { bridgeIdSchema } from '../shared/snapshot.ts';
import { CONNECTION_DEFAULTS } from './gateway/settings.ts';
import { VANISH } from './positions/vanish.ts';

const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;
const ms = (min: number, max: number) =>
  z
    .int(`must be whole milliseconds, ${min} to ${max}`)
    .min(min, `must be at least ${min} ms`)
    .max(max, `must be at most ${max} ms`);
const port = (min: 0 | 1) =>
  z.int().min(min, `must be a port, ${min} to 65535`).max(65_535, `must be a port, ${min} to 65535`);

/** As IB names an instrument: SPY STK SMART USD, VIX IND CBOE USD. */
const instrumentSchema = z.strictObject({
  symbol: z.string().min(1),
  secType: z.string().regex(/^[A-Z]+$/, 'must be an IB security type such as "IND"'),
  exchange: z.string().min(1),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be a currency code such as "USD"'),
});

const POLLED_BY_DEFAULT = [
  { symbol: 'VIX', secType: 'IND', exchange: 'CBOE', currency: 'USD' },
  { symbol: 'SPY', secType: 'STK', exchange: 'SMART', currency: 'USD' },
  { symbol: 'QQQ', secType: 'STK', exchange: 'SMART', currency: 'USD' },
  { symbol: 'IWM', secType: 'STK', exchange: 'SMART', currency: 'USD' },
];

const connection = CONNECTION_DEFAULTS;

/** Half of the 100 lines that every account has at least: https://interactivebrokers.github.io/tws-api/introduction.html */
const REQUESTS_PER_SECOND_MAX = 50;

/** Every setting of the bridge: what it is for, what it may be, what it is when nothing is said. Never a secret. */
export const settingsSchema = z.strictObject({
  bridge: bridgeIdSchema.describe('The name of this bridge, one of the list in cdk.json.'),
  stateDir: z.string().min(1).describe('Directory of outbox, replica, caches and status.json.'),
  outputs: z
    .string()
    .min(1)
    .default(LOCAL_RUN.outputsFile)
    .describe('What `cdk deploy --outputs-file` wrote.'),
  gateway: z
    .strictObject({
      host: z.string().min(1).default(connection.host),
      port: port(1).default(connection.port).describe('TWS 7496/7497, IB Gateway 4001/4002.'),
      clientId: z.int().min(0).max(2_147_483_647).default(connection.clientId),
      requestsPerSecond: z
        .int()
        .min(1)
        .max(
          REQUESTS_PER_SECOND_MAX,
          `must be at most ${REQUESTS_PER_SECOND_MAX}: IB ends a session that sends more`,
        )
        .default(connection.requestsPerSecond)
        .describe('For everything that this bridge sends. It does not depend on lines.cap.'),
      handshakeDeadlineMs: ms(100, 600_000).default(connection.handshakeDeadlineMs),
      heartbeatPeriodMs: ms(100, 600_000).default(connection.heartbeatPeriodMs),
      heartbeatDeadlineMs: ms(100, 600_000).default(connection.heartbeatDeadlineMs),
      backoffMinMs: ms(10, 600_000).default(connection.backoffMinMs),
      backoffMaxMs: ms(10, 3_600_000).default(connection.backoffMaxMs),
      breakerThreshold: z.int().min(1).max(1000).default(connection.breakerThreshold),
      breakerPeriodMs: ms(10, 3_600_000).default(connection.breakerPeriodMs),
    })
    .prefault({}),
  lines: z
    .strictObject({
      cap: z.int().min(1).max(10_000).default(GATEWAY.linesCap).describe('Market data lines of the account.'),
      reserve: z
        .int()
        .min(0)
        .max(9_999)
        .default(GATEWAY.linesReserve)
        .describe("Of them, what is left to the trader's own TWS, phone and other programs."),
      answerDeadlineMs: ms(100, DAY_MS).default(LINES.answerDeadlineMs),
      verifyDeadlineMs: ms(100, DAY_MS).default(LINES.verifyDeadlineMs),
      silenceMs: ms(100, DAY_MS).default(LINES.silenceMs),
      competingRetryMs: ms(100, DAY_MS).default(LINES.competingRetryMs),
      typeGraceMs: ms(100, DAY_MS).default(LINES.typeGraceMs),
    })
    .prefault({}),
  marketData: z
    .strictObject({
      type: z
        .enum(['live', 'delayed'])
        .default('live')
        .describe(
          'live, or delayed for accounts without subscriptions: delayed still brings live data of what is subscribed.',
        ),
    })
    .prefault({}),
  sweep: z
    .strictObject({
      periodMs: ms(500, DAY_MS).default(BRIDGE.sweepPeriodMs),
      deadlineMs: ms(100, DAY_MS).default(BRIDGE.sweepDeadlineMs).describe('From request to positionEnd.'),
      massAbsenceMs: ms(100, DAY_MS)
        .default(VANISH.agreeMs)
        .describe('How long most of an account has to be missing before that may count.'),
      lists: z
        .enum(['auto', 'each-account'])
        .default('auto')
        .describe(
          'auto: all accounts in one list, one for each above 50 accounts. each-account: always one for each, which has the model codes of advisors.',
        ),
      secTypes: z
        .array(z.string().regex(/^[A-Z]+$/, 'must be IB security types such as "OPT"'))
        .default([])
        .describe('What to record; empty is everything.'),
    })
    .prefault({}),
  keyframe: z.strictObject({ periodMs: ms(500, DAY_MS).default(BRIDGE.keyframePeriodMs) }).prefault({}),
  reconcile: z
    .strictObject({
      drainPeriodMs: ms(500, DAY_MS)
        .default(RECONCILE.drainPeriodMs)
        .describe('How long the positions table may differ from the sweeps before it is mended.'),
    })
    .prefault({}),
  snapshots: z
    .strictObject({
      contracts: z.array(instrumentSchema).max(100).default(POLLED_BY_DEFAULT),
      periodMs: ms(500, DAY_MS).default(BRIDGE.snapshotPeriodMs),
      degradedPeriodMs: ms(500, DAY_MS).default(BRIDGE.degradedPeriodMs),
      marks: z
        .enum(['portfolio', 'snapshot', 'off'])
        .default('portfolio')
        .describe('Where prices of all other positions come from.'),
      markPeriodMs: ms(500, DAY_MS).default(BRIDGE.markPeriodMs),
    })
    .prefault({}),
  recorder: z.strictObject({ periodMs: ms(500, DAY_MS).default(BRIDGE.recorderPeriodMs) }).prefault({}),
  heartbeat: z.strictObject({ periodMs: ms(500, DAY_MS).default(BRIDGE.heartbeatPeriodMs) }).prefault({}),
  feed: z
    .strictObject({
      longPollS: z.int().min(1).max(SQS.longPollMaxS).default(SQS.longPollMaxS),
      headPeriodMs: ms(100, DAY_MS).default(FEED.antiEntropyPeriodMs),
      lagMaxMs: ms(100, DAY_MS).default(FEED.lagMaxMs),
      gapMaxMs: ms(100, DAY_MS).default(FEED.gapMaxMs),
      scanAgeMaxMs: ms(1000, 30 * DAY_MS).default(FEED.replicaAgeMaxMs),
    })
    .prefault({}),
  outbox: z
    .strictObject({
      maxBytes: z
        .int('must be whole bytes')
        .min(MIB, `must be at least ${MIB} bytes (1 MiB)`)
        .max(MIB * MIB, `must be at most ${MIB * MIB} bytes (1 TiB)`)
        .default(OUTBOX.maxBytes)
        .describe('What may wait for AWS on disk.'),
    })
    .prefault({}),
  status: z
    .strictObject({ port: port(0).default(7460).describe('On 127.0.0.1 only; 0 takes a free one.') })
    .prefault({}),
  handlers: z.array(z.string().min(1)).default([]).describe("Modules of the user's own handlers."),
});

export type BareSettings = z.infer<typeof settingsSchema>;

export interface Fault {
  readonly key: string;
  readonly value?: unknown;
  /** What is wrong and what it should be. */
  readonly remedy: string;
}

/** What holds between settings: one that is changed alone fails here and not at night. */
export function relationFaults(settings: BareSettings): Fault[] {
  const { gateway, lines, sweep, heartbeat } = settings;
  const relations: readonly (Fault & { readonly holds: boolean })[] = [
    {
      holds: lines.reserve < lines.cap,
      key: 'lines.reserve',
      value: lines.reserve,
      remedy: `must be below lines.cap (${lines.cap}), of which the bridge has what it leaves: 0 where nobody else uses the account's lines`,
    },
    {
      holds: sweep.deadlineMs < sweep.periodMs,
      key: 'sweep.deadlineMs',
      value: sweep.deadlineMs,
      remedy: `must be below sweep.periodMs (${sweep.periodMs}): a sweep gives up before the next one is due`,
    },
    {
      holds: 3 * heartbeat.periodMs < BRIDGE.leaseMs,
      key: 'heartbeat.periodMs',
      value: heartbeat.periodMs,
      remedy: `must be below ${BRIDGE.leaseMs / 3}: three heartbeats may be lost before another bridge takes the accounts`,
    },
    {
      holds: gateway.backoffMinMs <= gateway.backoffMaxMs,
      key: 'gateway.backoffMinMs',
      value: gateway.backoffMinMs,
      remedy: `must be at most gateway.backoffMaxMs (${gateway.backoffMaxMs})`,
    },
  ];
  return relations.filter(({ holds }) => !holds);
}
