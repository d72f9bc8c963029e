import { LINES } from '../../shared/limits.ts';
import type { Gateway, GatewayEvent } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import type { ContractResolver } from './contract-resolver.ts';
import type { FrozenData } from './frozen.ts';
import type { Line } from './line.ts';
import type { LineRequests } from './line-requests.ts';
import { judgeLiveness, type LivenessLimits } from './liveness.ts';
import type { MarketHours } from './market-hours.ts';
import { openSession } from './trading-hours.ts';

export interface WatchdogLimits extends LivenessLimits {
  /** Between two requests of one line while another session has the data. */
  readonly competingRetryMs: number;
  /** How long after its opening or close a contract's market data type is changed. */
  readonly typeGraceMs: number;
  /** Between two looks at all lines, each of which requests a few of them again at most. */
  readonly patrolMs: number;
}

export const WATCHDOG_LIMITS: WatchdogLimits = withPatrol(LINES);

/** Looks every second, more often where a limit is shorter than some seconds. */
export function withPatrol(limits: Omit<WatchdogLimits, 'patrolMs'>): WatchdogLimits {
  const { answerDeadlineMs, verifyDeadlineMs, silenceMs, competingRetryMs, typeGraceMs } = limits;
  const shortestMs = Math.min(answerDeadlineMs, verifyDeadlineMs, silenceMs, competingRetryMs, typeGraceMs);
  const patrolMs = Math.min(1000, Math.ceil(shortestMs / 4));
  return { answerDeadlineMs, verifyDeadlineMs, silenceMs, competingRetryMs, typeGraceMs, patrolMs };
}

export interface WatchdogOptions {
  readonly gateway: Gateway;
  readonly requests: LineRequests;
  readonly contracts: ContractResolver;
  readonly hours: MarketHours;
  readonly log: Log;
  readonly lines: () => Iterable<Line>;
  readonly frozen: FrozenData;
  readonly limits: WatchdogLimits;
  readonly minHoldMs: number;
  /** Lines wait to be requested again. */
  readonly onDue: () => void;
  /** The quality of a line has fallen without a message of it. */
  readonly onSilenced: (conId: number) => void;
}

/** Lines of one underlying and type are fed by one farm. */
type Newest = ReadonlyMap<string, number>;

/**
 * Holds each requested line to its word: it answers, ticks again after a disturbance, is not silent for long while
 * its market is open, and brings frozen data after the close. What does not is shown as stale and requested again, a
 * few lines per look, so that a hundred of them are no burst. One timer for all of them; nothing per tick.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  /** `2103 usopt`: the code that said that the farm is broken, and the farm. Bound: IB's farms. */
  readonly #brokenFarms = new Set<string>();
  /** Epoch milliseconds: since when link or farms have been disturbed; what is requested meanwhile may be fed by nobody. */
  #disturbedSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isLinkDown = false;
  /** Epoch milliseconds: while another session has the data, the next attempt. */
  #competingProbeAt: number | undefined;
  /** Epoch milliseconds. */
  #renewHoursAt = 0;
  #requestedAgain = 0;
  readonly #stopped = new AbortController();

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Requests that were made again since the start. */
  get requestedAgain(): number {
    return this.#requestedAgain;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#patrol(), this.#options.limits.patrolMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopped.abort();
  }

  onEvent(event: GatewayEvent): void {
    switch (event.type) {
      case 'ready':
        this.#isLinkDown = false;
        this.#competingProbeAt = undefined;
        this.#brokenFarms.clear();
        this.#disturbedSince = undefined;
        break;
      case 'linkDown':
        this.#isLinkDown = true;
        this.#suspectAll(`the gateway has no link to IB (${event.code})`);
        break;
      case 'linkUp':
        this.#isLinkDown = false;
        if (event.linesKept) this.#verifyAll();
        break;
      case 'farm':
        this.#onFarm(event);
        break;
      default:
        break;
    }
  }

  /** 10197: the line stays, its data goes to another session. */
  compete(line: Line, cause: string): void {
    const now = Date.now();
    line.suspect({ cause, now, isCompeting: true });
    this.#competingProbeAt ??= now + this.#options.limits.competingRetryMs;
    if (line.isGranted) this.#options.onSilenced(line.conId);
  }

  /** A tick has come of a line that was doubted. */
  trust(line: Line): void {
    const wasCompeting = line.suspicion?.isCompeting === true;
    line.suspicion = undefined;
    if (!wasCompeting) return;
    // The other session has let go: the rest follows by itself, or has to be requested again.
    for (const { suspicion } of this.#options.lines()) if (suspicion) suspicion.isCompeting = false;
    this.#verifyAll();
  }

  /**
   * The notices do not say which contracts a farm feeds; a line that is still fed says so with its next tick. Farms of
   * history and definitions (2105, 2157) feed none, but they fail together with those that do.
   */
  #onFarm({ code, farm, up }: Extract<GatewayEvent, { type: 'farm' }>): void {
    if (!up) {
      this.#brokenFarms.add(`${code} ${farm}`);
      this.#suspectAll(`farm ${farm} is broken (${code})`);
    } else if (this.#brokenFarms.delete(`${code - 1} ${farm}`)) this.#verifyAll();
  }

  #suspectAll(cause: string): void {
    const now = Date.now();
    this.#disturbedSince ??= now;
    for (const line of this.#options.lines()) {
      // What never ticked was not fed: that it may be some day is for its age to say.
      if (!line.request || line.ticks === 0 || line.suspicion?.isCompeting) continue;
      line.suspect({ cause, now, isCompeting: false });
      if (line.isGranted) this.#options.onSilenced(line.conId);
    }
  }

  #verifyAll(): void {
    const now = Date.now();
    const verifyBy = now + this.#options.limits.verifyDeadlineMs;
    const disturbedSince = this.#disturbedSince ?? Number.POSITIVE_INFINITY;
    for (const line of this.#options.lines()) {
      const { request } = line;
      if (!line.suspicion && request && request.sentAt >= disturbedSince) {
        line.suspect({ cause: 'requested while link or farms were disturbed', now, isCompeting: false });
      }
      if (line.suspicion && !line.suspicion.isCompeting) line.suspicion.verifyBy = verifyBy;
    }
    if (this.#brokenFarms.size === 0 && !this.#isLinkDown) this.#disturbedSince = undefined;
  }

  #patrol(): void {
    const { gateway, frozen, limits, log, onDue } = this.#options;
    if (!gateway.isReady || this.#isLinkDown) return;
    const now = Date.now();
    const held = [...this.#options.lines()].filter(
      ({ isGranted, request, state }) => isGranted && request && state !== 'ended',
    );
    this.#renewHours(held, now);
    const newest = newestBySibling(held, this.#options.contracts);
    const probe = this.#competingProbe(held, now);
    const due = held.flatMap((line) => {
      const reason =
        line === probe
          ? 'another session had its data: asks whether it still has'
          : (this.#whyDoubted(line, now, newest) ?? frozen.whyOfWrongType(line, now));
      return reason === undefined || !this.#isHeldLongEnough(line) ? [] : [{ line, reason }];
    });
    const most = Math.max(1, Math.round((LINES.requestedAgainPerSecond * limits.patrolMs) / 1000));
    const asked = due.slice(0, most);
    if (asked.length === 0) return;
    for (const { line, reason } of asked) this.#askAgain(line, reason, now);
    log.warn('lines-requested-again', {
      conIds: asked.map(({ line }) => line.conId),
      waiting: due.length - asked.length,
      reason: asked[0]?.reason,
    });
    onDue();
  }

  /** Hours are told for some days ahead; the contract book asks anew for what is a day old when it is looked up. */
  #renewHours(held: readonly Line[], now: number): void {
    if (now < this.#renewHoursAt) return;
    this.#renewHoursAt = now + LINES.hoursRenewMs;
    for (const { conId } of held) {
      // What is not answered is looked up again in an hour; until then the old ones serve.
      this.#options.contracts.resolve(conId, this.#stopped.signal).catch(() => {});
    }
  }

  /** A line that is silent is shown as stale at once, however many are requested again before it. */
  #whyDoubted(line: Line, now: number, newest: Newest): string | undefined {
    const { request, suspicion } = line;
    const { limits, contracts, onSilenced } = this.#options;
    if (!request || suspicion?.isCompeting) return undefined;
    if (line.heardAt > request.sentAt + LINES.replayMs) line.fruitless = 0;
    const facts = {
      sentAt: request.sentAt,
      heardAt: line.heardAt,
      verifyBy: suspicion?.verifyBy,
      openSince: this.#openSince(line, now),
      siblingsHeardAt: newest.get(siblingsOf(line, contracts)) ?? 0,
      fruitless: line.fruitless,
    };
    const liveness = judgeLiveness(facts, limits, now);
    switch (liveness) {
      case 'alive':
        return undefined;
      case 'unanswered':
        return `no answer within ${limits.answerDeadlineMs} ms`;
      case 'unverified':
        return line.doubt;
      case 'silent':
        if (line.state !== 'stale') {
          line.suspect({ cause: 'silent while its market is open', now: line.heardAt, isCompeting: false });
          onSilenced(line.conId);
        }
        return line.doubt;
      default:
        return liveness satisfies never;
    }
  }

  /** One line at a time is asked for, the one that was asked for longest ago. */
  #competingProbe(held: readonly Line[], now: number): Line | undefined {
    const competing = held.filter(({ suspicion }) => suspicion?.isCompeting);
    if (competing.length === 0) this.#competingProbeAt = undefined;
    if (this.#competingProbeAt === undefined || now < this.#competingProbeAt) return undefined;
    this.#competingProbeAt = now + this.#options.limits.competingRetryMs;
    const sentAt = ({ request }: Line) => request?.sentAt ?? 0;
    return competing.reduce((first, line) => (sentAt(line) < sentAt(first) ? line : first));
  }

  #isHeldLongEnough({ request }: Line): boolean {
    return request !== undefined && performance.now() - request.sentTick >= this.#options.minHoldMs;
  }

  #askAgain(line: Line, reason: string, now: number): void {
    const { requests } = this.#options;
    const { request, suspicion, heardAt } = line;
    const isUnanswered = request !== undefined && heardAt < request.sentAt;
    if (suspicion && suspicion.verifyBy === undefined && !suspicion.isCompeting) line.fruitless += 1;
    line.requestedAgain += 1;
    this.#requestedAgain += 1;
    requests.cancel(line, reason);
    if (suspicion) {
      line.suspicion = { ...suspicion, verifyBy: undefined, againAt: now };
    }
    if (isUnanswered) requests.tryLater(line, reason);
  }

  #openSince(line: Line, now: number): number | undefined {
    const hours = this.#options.hours.of(line.conId);
    return hours && openSession(hours, now)?.opensAt;
  }
}

function newestBySibling(lines: readonly Line[], contracts: Pick<ContractResolver, 'peek'>): Newest {
  const newest = new Map<string, number>();
  for (const line of lines) {
    const key = siblingsOf(line, contracts);
    newest.set(key, Math.max(newest.get(key) ?? 0, line.heardAt));
  }
  return newest;
}

function siblingsOf({ conId }: Line, contracts: Pick<ContractResolver, 'peek'>): string {
  const contract = contracts.peek(conId)?.contract;
  return contract === undefined ? '' : `${contract.symbol} ${contract.secType} ${contract.currency}`;
}
