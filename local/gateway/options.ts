import { utcToday } from './calendar.ts';
import type { Faults } from './fault-switches.ts';
import type { MarketHours } from './hours.ts';
import type { Portfolio } from './portfolio.ts';
import { SERVER_VERSION_DEFAULT, SERVER_VERSION_MAX, SERVER_VERSION_MIN } from './version.ts';

export interface GatewayOptions {
  readonly portfolio: Portfolio;
  /** 0 takes a free one. Default 0. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Highest protocol version that it speaks, 157 to 200. Default 193. */
  readonly serverVersion?: number;
  /** Market data lines, shared by all clients. Default 100. */
  readonly linesCap?: number;
  readonly seed?: number;
  /** The market moves once per period and every streamed line ticks. Default 250. */
  readonly tickPeriodMs?: number;
  /** Parts of a period in which contracts take turns to tick, as a real feed spreads them. Default 1: all at once. */
  readonly tickTurns?: number;
  /** From a snapshot request to tickSnapshotEnd. Default 11,000, as in reality. */
  readonly snapshotMs?: number;
  /** Default linesCap / 2, as IB documents, and at least 1. */
  readonly messagesPerSecondMax?: number;
  /** Above that rate `pace` reports 100 and serves; `reject` drops, and ends the session at the third time. Default pace. */
  readonly pacing?: 'pace' | 'reject';
  /** What the account may see. Default live. */
  readonly feed?: 'live' | 'frozen' | 'delayed';
  /** Chance (0 to 1) that a snapshot lacks a field. Default 0. */
  readonly snapshotGaps?: number;
  /** Account updates that are subscribed come again after it. Default 180,000, as in reality. */
  readonly accountUpdatePeriodMs?: number;
  /** Positions that open, change or close by themselves; condor legs stay. Default 0. */
  readonly changesPerMinute?: number;
  /** YYYY-MM-DD: options are priced as of this day. Default today in UTC. */
  readonly today?: string;
  /** What contract details say of them. Default around-the-clock, because that is how this market trades. */
  readonly marketHours?: MarketHours;
  /** Requests kept in memory. Default 10,000. */
  readonly requestLogMax?: number;
  /** Requests are appended here as JSON lines, accounts masked. */
  readonly requestLogPath?: string;
  /** Standing from the start. */
  readonly faults?: Partial<Faults>;
}

const TICK_PERIOD_MIN_MS = 5;

/** Every option with its default. @throws RangeError on a value that no gateway could run with */
export function withDefaults(options: GatewayOptions) {
  const linesCap = options.linesCap ?? 100;
  const settings = {
    portfolio: options.portfolio,
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    serverVersion: options.serverVersion ?? SERVER_VERSION_DEFAULT,
    linesCap,
    seed: options.seed ?? 1,
    tickPeriodMs: options.tickPeriodMs ?? 250,
    tickTurns: options.tickTurns ?? 1,
    snapshotMs: options.snapshotMs ?? 11_000,
    messagesPerSecondMax: options.messagesPerSecondMax ?? Math.max(1, Math.floor(linesCap / 2)),
    pacing: options.pacing ?? 'pace',
    feed: options.feed ?? 'live',
    snapshotGaps: options.snapshotGaps ?? 0,
    accountUpdatePeriodMs: options.accountUpdatePeriodMs ?? 180_000,
    changesPerMinute: options.changesPerMinute ?? 0,
    today: options.today ?? utcToday(),
    marketHours: options.marketHours ?? 'around-the-clock',
    requestLogMax: options.requestLogMax ?? 10_000,
    requestLogPath: options.requestLogPath,
    faults: options.faults ?? {},
  } as const;
  demand(
    settings.serverVersion >= SERVER_VERSION_MIN && settings.serverVersion <= SERVER_VERSION_MAX,
    `serverVersion must be ${SERVER_VERSION_MIN} to ${SERVER_VERSION_MAX}`,
  );
  demand(settings.port >= 0 && settings.port <= 65_535, 'port must be 0 to 65535');
  demand(settings.linesCap >= 0, 'linesCap must not be negative');
  demand(settings.tickPeriodMs >= TICK_PERIOD_MIN_MS, `tickPeriodMs must be at least ${TICK_PERIOD_MIN_MS}`);
  demand(
    settings.tickTurns >= 1 && settings.tickPeriodMs / settings.tickTurns >= TICK_PERIOD_MIN_MS,
    `tickTurns must be at least 1, and leave each turn ${TICK_PERIOD_MIN_MS} ms of the period`,
  );
  demand(settings.accountUpdatePeriodMs >= 1, 'accountUpdatePeriodMs must be at least 1');
  demand(settings.messagesPerSecondMax >= 1, 'messagesPerSecondMax must be at least 1');
  demand(settings.requestLogMax >= 1, 'requestLogMax must be at least 1');
  return settings;
}

export type Settings = ReturnType<typeof withDefaults>;

function demand(holds: boolean, text: string): void {
  if (!holds) throw new RangeError(text);
}
