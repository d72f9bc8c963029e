import type { Contract } from '../../shared/contract.ts';
import { BRIDGE, GATEWAY } from '../../shared/limits.ts';
import type { BridgeStatus, PolledStatus } from '../../shared/status.ts';
import type { Gateway, GatewayEvent, LineEvent, RequestContract } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import type { LineLedger, LineUse } from './ledger.ts';
import { applyTick, NO_QUOTE, type Quote, type QuoteState, quoteOf, silenced } from './quote.ts';
import type { Streams } from './streams.ts';

export interface SnapshotsOptions {
  readonly gateway: Gateway;
  readonly ledger: LineLedger;
  readonly streams: Pick<Streams, 'streamedQuote' | 'quoteOf'>;
  readonly log: Log;
  /** Polled in turn; conId 0 asks by symbol, and the conId is learned from the contract's details. */
  readonly contracts: readonly RequestContract[];
  /** A poll brought something. The conId is 0 as long as it is not known. */
  readonly onQuote: (conId: number) => void;
  readonly periodMs?: number;
  /** IB ends a snapshot after up to 11 s; one that is not over by then never ends. */
  readonly deadlineMs?: number;
}

/** The ledger says when there may be room; that a stream has begun to bring the contract, nobody says. */
const WAIT_MS = 1000;

type Phase =
  /** Not due yet. */
  | { readonly name: 'resting'; readonly timer?: NodeJS.Timeout }
  /** Due, and no line is free for it. */
  | { readonly name: 'waiting'; readonly timer?: NodeJS.Timeout }
  | {
      readonly name: 'asked';
      readonly reqId: number;
      readonly use: LineUse;
      readonly deadline: NodeJS.Timeout;
      heard: QuoteState;
    };

interface Poll {
  readonly asked: RequestContract;
  contract: Contract | undefined;
  conId: number;
  detailsReqId: number | undefined;
  phase: Phase;
  quote: Quote;
  lastAt: string | undefined;
  source: 'snapshot' | 'stream' | undefined;
}

/**
 * The polled lane: a short list of contracts, each asked for once per period by a snapshot request, on lines that no
 * stream needs; a stream that needs one gets it back at once. Where a stream has the contract anyway, its values are
 * taken instead. A snapshot that ends incomplete is an answer too: what was not sent is absent.
 * https://interactivebrokers.github.io/tws-api/md_request.html (market data snapshots)
 */
export class Snapshots {
  readonly #options: Required<SnapshotsOptions>;
  readonly #polls: readonly Poll[];
  readonly #unsubscribes: (() => void)[] = [];

  constructor(options: SnapshotsOptions) {
    this.#options = {
      periodMs: BRIDGE.snapshotPeriodMs,
      deadlineMs: GATEWAY.snapshotDeadlineMs,
      ...options,
    };
    this.#polls = options.contracts.map((asked) => ({
      asked,
      contract: undefined,
      conId: asked.conId,
      detailsReqId: undefined,
      phase: { name: 'resting' },
      quote: { quality: 'none' },
      lastAt: undefined,
      source: undefined,
    }));
  }

  /** After `streams.start()`: a fresh connection serves the streams first. */
  start(): void {
    const { gateway, ledger } = this.#options;
    this.#unsubscribes.push(
      gateway.subscribe((event) => this.#onEvent(event)),
      ledger.onChange(() => this.#onRoom()),
    );
    if (gateway.isReady) this.#onReady();
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribes.splice(0)) unsubscribe();
    for (const poll of this.#polls) {
      this.#giveBack(poll);
      this.#rest(poll);
    }
  }

  /** The best that is known of a contract's price: of its line, else of its last poll. */
  quoteOf(conId: number): Quote | undefined {
    const streamed = this.#options.streams.quoteOf(conId);
    if (streamed?.mark !== undefined && streamed.quality !== 'no-line') return streamed;
    const polled = this.#polls.find((poll) => poll.conId === conId)?.quote;
    return polled?.mark === undefined ? (streamed ?? polled) : polled;
  }

  /** The contract as asked for or as its details have it, for a conId on the list. */
  contractOf(conId: number): Contract | undefined {
    return this.#polls.find((poll) => poll.conId === conId)?.contract;
  }

  status(): Pick<BridgeStatus['lines'], 'snapshotsInFlight' | 'polled'> {
    return {
      snapshotsInFlight: this.#polls.filter((poll) => poll.phase.name === 'asked').length,
      polled: this.#polls.map(describePoll),
    };
  }

  #onEvent(event: GatewayEvent): void {
    switch (event.type) {
      case 'ready':
        this.#onReady();
        break;
      case 'lost':
        for (const poll of this.#polls) {
          this.#end(poll);
          this.#rest(poll);
          poll.detailsReqId = undefined;
          this.#staleUnlessEmpty(poll);
        }
        break;
      case 'linkDown':
        for (const poll of this.#polls) this.#staleUnlessEmpty(poll);
        break;
      case 'linkUp':
        // A snapshot asked for while the link was down may never end: its deadline sees to it.
        break;
      case 'contractDetails':
        this.#onDetails(event);
        break;
      case 'price':
      case 'size':
      case 'greeks':
      case 'marketDataType':
      case 'pulse':
      case 'snapshotEnd':
      case 'requestNotice':
        this.#onLineEvent(event);
        break;
      default:
        break;
    }
  }

  #onReady(): void {
    for (const poll of this.#polls) {
      if (poll.conId === 0) {
        poll.detailsReqId = this.#options.gateway.requests.requestContractDetails(poll.asked);
      }
      this.#due(poll);
    }
  }

  #onDetails(event: Extract<GatewayEvent, { type: 'contractDetails' }>): void {
    const poll = this.#polls.find((candidate) => candidate.detailsReqId === event.reqId);
    if (poll === undefined || poll.conId > 0) return;
    poll.contract = event.details.contract;
    poll.conId = event.details.contract.conId;
  }

  #onRoom(): void {
    let surplus = this.#options.ledger.snapshotsToGiveBack;
    for (const poll of this.#polls.toReversed()) {
      if (surplus > 0 && this.#giveBack(poll)) surplus -= 1;
    }
    for (const poll of this.#polls) if (poll.phase.name === 'waiting') this.#ask(poll);
  }

  #due(poll: Poll): void {
    this.#rest(poll);
    this.#ask(poll);
  }

  #ask(poll: Poll): void {
    const { gateway, ledger, streams } = this.#options;
    const streamed = poll.conId === 0 ? undefined : streams.streamedQuote(poll.conId);
    if (streamed) {
      this.#settle(poll, streamed, 'stream');
      return;
    }
    if (!gateway.isReady) return;
    const use = ledger.take('snapshot');
    this.#rest(poll);
    if (!use) {
      poll.quote = { ...poll.quote, quality: 'no-line' };
      poll.phase = { name: 'waiting', timer: setTimeout(() => this.#ask(poll), WAIT_MS) };
      return;
    }
    const contract = { ...poll.asked, conId: poll.conId };
    const reqId = gateway.requests.requestMarketData(contract, 'snapshot');
    const deadline = setTimeout(() => this.#onDeadline(poll), this.#options.deadlineMs);
    poll.phase = { name: 'asked', reqId, use, deadline, heard: NO_QUOTE };
  }

  #onLineEvent(event: LineEvent): void {
    const poll = this.#polls.find(
      ({ phase, detailsReqId }) =>
        (phase.name === 'asked' && phase.reqId === event.reqId) || detailsReqId === event.reqId,
    );
    if (poll?.phase.name !== 'asked' || poll.phase.reqId !== event.reqId) {
      if (poll && event.type === 'requestNotice') this.#warn(poll, `${event.message} (code ${event.code})`);
      return;
    }
    poll.phase.heard = applyTick(poll.phase.heard, event);
    if (event.type === 'snapshotEnd') {
      const { heard } = poll.phase;
      this.#end(poll);
      this.#settle(poll, quoteOf(heard), 'snapshot');
    } else if (event.type === 'requestNotice') this.#onNotice(poll, event);
  }

  #onNotice(poll: Poll, notice: Extract<LineEvent, { type: 'requestNotice' }>): void {
    switch (notice.meaning) {
      case 'harmless':
      case 'competing-session':
        return;
      case 'no-line':
        this.#end(poll, 'refused');
        break;
      case 'shed':
      case 'refused':
      case 'no-permission':
        this.#end(poll);
        break;
      default:
        notice.meaning satisfies never;
    }
    this.#warn(poll, `${notice.message} (code ${notice.code})`);
    poll.quote = {
      ...poll.quote,
      quality: qualityAfter(notice.meaning, poll.quote),
    };
    this.#restUntilNext(poll);
  }

  #onDeadline(poll: Poll): void {
    if (poll.phase.name !== 'asked') return;
    const { heard } = poll.phase;
    this.#giveBack(poll);
    this.#warn(poll, `no end of the snapshot within ${this.#options.deadlineMs} ms`);
    this.#settle(poll, quoteOf(heard === NO_QUOTE ? heard : silenced(heard, 'stale')), 'snapshot');
  }

  /** Cancels a snapshot in flight. @returns false when there is none: after its end a cancel would be refused */
  #giveBack(poll: Poll): boolean {
    if (poll.phase.name !== 'asked') return false;
    const { gateway, ledger } = this.#options;
    const { reqId, use, deadline } = poll.phase;
    clearTimeout(deadline);
    poll.phase = { name: 'waiting' };
    if (gateway.isReady) gateway.requests.cancelMarketData(reqId);
    ledger.cancelled(use);
    return true;
  }

  /** The gateway ended it, or the connection did. */
  #end(poll: Poll, how: 'ended' | 'refused' = 'ended'): void {
    if (poll.phase.name !== 'asked') return;
    const { use, deadline } = poll.phase;
    clearTimeout(deadline);
    poll.phase = { name: 'resting' };
    if (how === 'refused') this.#options.ledger.refused(use);
    else this.#options.ledger.ended(use);
  }

  #settle(poll: Poll, quote: Quote, source: 'snapshot' | 'stream'): void {
    poll.quote = quote;
    poll.source = source;
    poll.lastAt = new Date().toISOString();
    this.#restUntilNext(poll);
    this.#options.onQuote(poll.conId);
  }

  #restUntilNext(poll: Poll): void {
    this.#rest(poll);
    poll.phase = {
      name: 'resting',
      timer: setTimeout(() => this.#due(poll), this.#options.periodMs),
    };
  }

  #rest(poll: Poll): void {
    if (poll.phase.name !== 'asked') clearTimeout(poll.phase.timer);
    poll.phase = { name: 'resting' };
  }

  #staleUnlessEmpty(poll: Poll): void {
    if (poll.quote.mark) poll.quote = { ...poll.quote, quality: 'stale' };
  }

  #warn(poll: Poll, fault: string): void {
    this.#options.log.warn('snapshot-failed', { contract: nameOf(poll), fault });
  }
}

function qualityAfter(meaning: string, { mark }: Quote): Quote['quality'] {
  if (meaning === 'no-permission') return 'no-permission';
  if (meaning === 'no-line') return 'no-line';
  return mark ? 'stale' : 'none';
}

function describePoll(poll: Poll): PolledStatus {
  return {
    name: nameOf(poll),
    ...(poll.conId === 0 ? {} : { conId: poll.conId }),
    ...(poll.quote.mark === undefined ? {} : { mark: poll.quote.mark }),
    quality: poll.quote.quality,
    ...(poll.lastAt === undefined ? {} : { lastAt: poll.lastAt }),
    ...(poll.source === undefined ? {} : { source: poll.source }),
  };
}

function nameOf({ asked }: Poll): string {
  return asked.symbol ?? asked.localSymbol ?? String(asked.conId);
}
