import type { Contract } from '../../../shared/contract.ts';
import { BRIDGE, GATEWAY } from '../../../shared/limits.ts';
import type { BridgeStatus, LaneClassStatus } from '../../../shared/status.ts';
import type { GatewayEvent } from '../../gateway/events.ts';
import { frozenOf } from '../frozen.ts';
import type { Quote } from '../quote.ts';
import { isClosed } from './closed.ts';
import { PollLookups } from './lookups.ts';
import type { SnapshotLaneOptions } from './options.ts';
import {
  answered,
  bestOf,
  describeAnswers,
  describePoll,
  nameOf,
  type Poll,
  quoteNow,
  refused,
  stale,
} from './poll.ts';
import { type Outcome, type PollKind, PollRequests } from './requests.ts';
import { Roster } from './roster.ts';
import { POLL_CLASSES, type PollClass, Schedule } from './schedule.ts';

/** Of each class: legs need both sides and greeks soon, which a snapshot takes 11 s for. */
const KINDS: Readonly<Record<PollClass, PollKind>> = {
  index: 'snapshot',
  degraded: 'short-stream',
  mark: 'snapshot',
};

/** The ledger says when there may be room; that a stream has begun to bring the contract, nobody says. */
const WAIT_MS = 1000;

/**
 * The snapshot lane: everything that has no line of its own is polled on the lines that no stream needs; a stream
 * that needs one gets it back at once. Who is asked, and on how many lines, schedule.ts says; how a request lives and
 * ends, requests.ts. Where a stream has a contract anyway, its values are taken instead.
 */
export class SnapshotLane {
  readonly #options: SnapshotLaneOptions;
  readonly #schedule: Schedule<Poll>;
  readonly #requests: PollRequests<Poll>;
  readonly #roster: Roster;
  readonly #lookups: PollLookups;
  readonly #unsubscribes: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isLinkDown = false;
  /** Somebody is due, and the last attempt to get a line for it failed. */
  #isStarved = false;

  constructor(options: SnapshotLaneOptions) {
    this.#options = options;
    this.#schedule = new Schedule({
      index: BRIDGE.snapshotPeriodMs,
      degraded: BRIDGE.degradedPeriodMs,
      mark: BRIDGE.markPeriodMs,
      ...options.periodsMs,
    });
    this.#requests = new PollRequests({
      gateway: options.gateway,
      ledger: options.ledger,
      onOutcome: (poll, outcome) => this.#onOutcome(poll, outcome),
      snapshotDeadlineMs: options.snapshotDeadlineMs ?? GATEWAY.snapshotDeadlineMs,
      shortStreamMs: options.shortStreamMs ?? GATEWAY.shortStreamMs,
      minHoldMs: options.minHoldMs ?? GATEWAY.lineHoldMinMs,
      frozenType: frozenOf(options.marketDataType ?? 1),
    });
    this.#lookups = new PollLookups({
      contracts: options.contracts,
      onFound: () => this.#pump(),
      onFailed: (poll, fault) => {
        this.#schedule.asked(poll.pollClass, poll, now());
        this.#warn(poll, fault);
        this.#pump();
      },
    });
    this.#roster = new Roster({
      instruments: options.instruments,
      onAdded: (poll) => this.#schedule.add(poll.pollClass, poll, now()),
      onRemoved: (poll) => this.#onRemoved(poll),
    });
  }

  /** After `streams.start()`: a fresh connection serves the streams first. */
  start(): void {
    const { gateway, ledger } = this.#options;
    this.#unsubscribes.push(
      gateway.subscribe((event) => this.#onEvent(event)),
      ledger.onChange(() => this.#onRoom()),
    );
    this.#pump();
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribes.splice(0)) unsubscribe();
    clearTimeout(this.#timer);
    this.#lookups.abortAll();
    this.#requests.stop();
  }

  /** On every change of the positions, and after each `streams.update`. */
  update(): void {
    this.#adopt();
    this.#pump();
  }

  /** The best that is known of a contract's price: of its line, else of its polls, else of the marks' source. */
  quoteOf(conId: number): Quote | undefined {
    const streamed = this.#options.streams.quoteOf(conId);
    if (streamed?.mark !== undefined && streamed.quality !== 'no-line') return streamed;
    const { marks } = this.#options;
    const valued = typeof marks === 'object' ? marks.quoteOf(conId) : undefined;
    const polled = this.#roster.pollsOf(conId).map((poll) => this.#quoteOf(poll));
    const best = bestOf(valued ? [...polled, valued] : polled);
    return best?.mark === undefined ? (streamed ?? best) : best;
  }

  /** @returns undefined for what is no configured instrument, or whose details have not come yet */
  contractOf(conId: number): Contract | undefined {
    return this.#roster.instrument(conId) && this.#options.contracts.peek(conId)?.contract;
  }

  status(): Pick<BridgeStatus['lines'], 'snapshotsInFlight' | 'polled' | 'lane'> {
    const { marks } = this.#options;
    return {
      snapshotsInFlight: this.#requests.inFlight,
      polled: this.#roster.index.map((poll) => describePoll(poll, this.#quoteOf(poll))),
      lane: POLL_CLASSES.map((pollClass) =>
        pollClass === 'mark' && typeof marks === 'object' ? marks.status() : this.#describe(pollClass),
      ),
    };
  }

  #onEvent(event: GatewayEvent): void {
    switch (event.type) {
      case 'ready':
        this.#isLinkDown = false;
        this.#schedule.restart(now());
        this.#pump();
        break;
      case 'lost':
        clearTimeout(this.#timer);
        this.#lookups.abortAll();
        this.#requests.forget();
        this.#silence();
        break;
      case 'linkDown':
        // One that is in flight may never end: its deadline sees to it.
        this.#isLinkDown = true;
        this.#silence();
        break;
      case 'linkUp':
        this.#isLinkDown = false;
        // 1101: what was in flight is dead, and is cancelled so that no count of the gateway has it twice.
        if (!event.linesKept) this.#requests.dropAll();
        this.#schedule.restart(now());
        this.#pump();
        break;
      case 'price':
      case 'size':
      case 'greeks':
      case 'marketDataType':
      case 'pulse':
      case 'snapshotEnd':
      case 'requestNotice':
        this.#requests.hear(event);
        break;
      default:
        break;
    }
  }

  #silence(): void {
    for (const pollClass of POLL_CLASSES) {
      for (const poll of this.#roster.polls(pollClass)) poll.quote = stale(poll.quote);
    }
  }

  #onRoom(): void {
    this.#requests.giveBack(this.#options.ledger.snapshotsToGiveBack);
    this.#pump();
  }

  /** Asks whoever is due, as far as there are lines, and comes back when the next one is. */
  #pump(): void {
    const { gateway } = this.#options;
    if (!gateway.isReady || this.#isLinkDown || this.#unsubscribes.length === 0) return;
    clearTimeout(this.#timer);
    if (!this.#roster.hasDegraded(this.#options.streams.degraded)) this.#adopt();
    const isBusy = (poll: Poll) => this.#isBusy(poll);
    this.#isStarved = false;
    let next = this.#schedule.next(now(), isBusy);
    while (next && !this.#isStarved && this.#inWork < this.#schedule.linesFor(next.pollClass, this.#holdMs)) {
      this.#isStarved = !this.#ask(next.key);
      next = this.#schedule.next(now(), isBusy);
    }
    const waitMs = next ? WAIT_MS : this.#schedule.waitMs(now(), isBusy);
    if (waitMs !== undefined) this.#timer = setTimeout(() => this.#pump(), waitMs);
  }

  get #inWork(): number {
    return this.#requests.inFlight + this.#lookups.size;
  }

  get #holdMs(): Readonly<Record<PollClass, number>> {
    return {
      index: this.#requests.holdMs(KINDS.index),
      degraded: this.#requests.holdMs(KINDS.degraded),
      mark: this.#requests.holdMs(KINDS.mark),
    };
  }

  #isBusy(poll: Poll): boolean {
    return this.#requests.has(poll) || this.#lookups.has(poll);
  }

  /** @returns false when there is no line for it */
  #ask(poll: Poll): boolean {
    const details = this.#lookups.peek(poll);
    if (details === undefined) {
      this.#lookups.start(poll);
      return true;
    }
    const streamed = this.#options.streams.streamedQuote(details.contract.conId);
    const closed = poll.pollClass === 'mark' && isClosed(details, Date.now());
    if (streamed) this.#settle(poll, streamed, 'stream');
    else if (closed && poll.isOfTheClose) poll.answeredTick = now();
    else if (!this.#requests.send(poll, details, KINDS[poll.pollClass])) return false;
    poll.isOfTheClose = closed;
    this.#schedule.asked(poll.pollClass, poll, now());
    return true;
  }

  #onOutcome(poll: Poll, outcome: Outcome): void {
    switch (outcome.type) {
      case 'answered':
        if (outcome.isLate) this.#warn(poll, 'the snapshot did not end before its deadline');
        else delete poll.fault;
        this.#settle(poll, this.#valid(answered(poll.quote, outcome.heard)), 'snapshot');
        break;
      case 'refused':
        poll.quote = refused(poll.quote, outcome.meaning);
        this.#warn(poll, outcome.text);
        break;
      case 'given-back':
        poll.isOfTheClose = false;
        this.#schedule.returned(poll.pollClass, poll);
        break;
      default:
        outcome satisfies never;
    }
  }

  /** What came before the link went is not of now when its request ends. */
  #valid(quote: Quote): Quote {
    return this.#isLinkDown ? stale(quote) : quote;
  }

  #settle(poll: Poll, quote: Quote, source: 'snapshot' | 'stream'): void {
    poll.quote = quote;
    poll.source = source;
    poll.answeredAt = Date.now();
    poll.answeredTick = now();
    if (poll.conId !== undefined) this.#options.onQuote(poll.conId);
  }

  /** Takes over whom the budget degraded, and who is to be marked: all that is held and no ACTIVE strategy wants. */
  #adopt(): void {
    const { streams, marks, held } = this.#options;
    const isElsewhere = (conId: number) =>
      this.#roster.instrument(conId) !== undefined || streams.quoteOf(conId) !== undefined;
    const all = marks === 'snapshot' ? (held?.() ?? []) : [];
    this.#roster.want({
      degraded: streams.degraded,
      mark: new Set([...all].filter((conId) => !isElsewhere(conId))),
    });
  }

  #onRemoved(poll: Poll): void {
    this.#schedule.delete(poll.pollClass, poll);
    this.#lookups.abort(poll);
    this.#requests.drop(poll);
  }

  #quoteOf(poll: Poll): Quote {
    const periodMs = this.#schedule.periodMs(poll.pollClass);
    return quoteNow(poll, { nowTick: now(), periodMs, isStarved: this.#isStarved });
  }

  #describe(pollClass: PollClass): LaneClassStatus {
    const { marks = 'off' } = this.#options;
    return {
      class: pollClass,
      source: pollClass === 'mark' && marks === 'off' ? 'off' : KINDS[pollClass],
      periodMs: this.#schedule.periodMs(pollClass),
      ...this.#schedule.status(pollClass, now()),
      ...describeAnswers(this.#roster.polls(pollClass), now()),
    };
  }

  #warn(poll: Poll, fault: string): void {
    if (poll.fault === fault) return;
    poll.fault = fault;
    this.#options.log.warn('snapshot-failed', { instrument: nameOf(poll), fault });
  }
}

/** Whole milliseconds, so that a period that is over is over exactly. */
function now(): number {
  return Math.round(performance.now());
}
