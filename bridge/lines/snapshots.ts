import type { Contract } from '../../shared/contract.ts';
import { BRIDGE, GATEWAY } from '../../shared/limits.ts';
import type { BridgeStatus, PolledStatus } from '../../shared/status.ts';
import type { ContractDetails, Gateway, GatewayEvent, LineEvent } from '../gateway/events.ts';
import { requestContractOf } from '../gateway/routing.ts';
import type { Log } from '../log.ts';
import type { InstrumentName, SymbolResolver } from './contract-resolver.ts';
import type { LineLedger, LineUse } from './ledger.ts';
import { inCurrency } from './magnifier.ts';
import { applyTick, NO_QUOTE, type Quote, type QuoteState, quoteOf, silenced } from './quote.ts';
import type { Streams } from './streams.ts';

export interface SnapshotsOptions {
  readonly gateway: Gateway;
  readonly ledger: LineLedger;
  readonly streams: Pick<Streams, 'streamedQuote' | 'quoteOf'>;
  readonly log: Log;
  readonly contracts: SymbolResolver;
  readonly instruments: readonly InstrumentName[];
  /** A poll brought something. */
  readonly onQuote: (conId: number) => void;
  readonly periodMs?: number;
  /** IB ends a snapshot after up to 11 s; one that is not over by then never ends. */
  readonly deadlineMs?: number;
}

/** The ledger says when there may be room; that a stream has begun to bring the contract, nobody says. */
const WAIT_MS = 1000;

type Phase =
  /** Not due yet; without a timer there is no connection. */
  | { readonly name: 'resting'; readonly timer?: NodeJS.Timeout }
  | { readonly name: 'resolving'; readonly controller: AbortController }
  /** Due, and no line is free for it. */
  | { readonly name: 'waiting'; readonly timer?: NodeJS.Timeout }
  | {
      readonly name: 'asked';
      readonly reqId: number;
      readonly use: LineUse;
      readonly deadline: NodeJS.Timeout;
      readonly priceMagnifier: number;
      heard: QuoteState;
    };

interface Poll {
  readonly name: InstrumentName;
  details: ContractDetails | undefined;
  phase: Phase;
  /** On the clock of `performance.now()`: a period after it was last asked for. */
  dueTick: number;
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
    this.#polls = options.instruments.map((name) => ({
      name,
      details: undefined,
      phase: { name: 'resting' },
      dueTick: 0,
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
    if (gateway.isReady) for (const poll of this.#polls) this.#ask(poll);
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
    const polled = this.#polls.find((poll) => conIdOf(poll) === conId)?.quote;
    return polled?.mark === undefined ? (streamed ?? polled) : polled;
  }

  /** @returns undefined for what is not on the list, or whose details have not come yet */
  contractOf(conId: number): Contract | undefined {
    return this.#polls.find((poll) => conIdOf(poll) === conId)?.details?.contract;
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
        for (const poll of this.#polls) this.#ask(poll);
        break;
      case 'lost':
        for (const poll of this.#polls) {
          this.#end(poll);
          this.#rest(poll);
          markStale(poll);
        }
        break;
      case 'linkDown':
        // One that is in flight may never end: its deadline sees to it.
        for (const poll of this.#polls) markStale(poll);
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

  #onRoom(): void {
    let surplus = this.#options.ledger.snapshotsToGiveBack;
    for (const poll of this.#polls.toReversed()) {
      if (surplus > 0 && this.#giveBack(poll)) surplus -= 1;
    }
    for (const poll of this.#polls) if (poll.phase.name === 'waiting') this.#ask(poll);
  }

  /** It is due: by name once, then by the line that streams it anyway or by a snapshot. */
  #ask(poll: Poll): void {
    const { gateway, ledger, streams } = this.#options;
    if (!gateway.isReady || poll.phase.name === 'asked') return;
    this.#rest(poll);
    poll.dueTick = performance.now() + this.#options.periodMs;
    if (!poll.details) {
      this.#resolve(poll);
      return;
    }
    const streamed = streams.streamedQuote(poll.details.contract.conId);
    if (streamed) {
      this.#settle(poll, streamed, 'stream');
      return;
    }
    const use = ledger.take('snapshot');
    if (!use) {
      poll.quote = { ...poll.quote, quality: 'no-line' };
      poll.phase = { name: 'waiting', timer: setTimeout(() => this.#ask(poll), WAIT_MS) };
      return;
    }
    const reqId = gateway.requests.requestMarketData(requestContractOf(poll.details), 'snapshot');
    const deadline = setTimeout(() => this.#onDeadline(poll), this.#options.deadlineMs);
    const { priceMagnifier } = poll.details;
    poll.phase = { name: 'asked', reqId, use, deadline, priceMagnifier, heard: NO_QUOTE };
  }

  #resolve(poll: Poll): void {
    const controller = new AbortController();
    poll.phase = { name: 'resolving', controller };
    this.#options.contracts.resolveSymbol(poll.name, controller.signal).then(
      (details) => {
        if (controller.signal.aborted) return;
        poll.details = details;
        this.#ask(poll);
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        this.#warn(poll, error instanceof Error ? error.message : String(error));
        this.#restUntilDue(poll);
      },
    );
  }

  #onLineEvent(event: LineEvent): void {
    for (const poll of this.#polls) {
      const { phase } = poll;
      if (phase.name !== 'asked' || phase.reqId !== event.reqId) continue;
      phase.heard = applyTick(phase.heard, inCurrency(event, phase.priceMagnifier));
      if (event.type === 'requestNotice') this.#onNotice(poll, event);
      else if (event.type === 'snapshotEnd') {
        this.#end(poll);
        this.#settle(poll, quoteOf(phase.heard), 'snapshot');
      }
      return;
    }
  }

  #onNotice(poll: Poll, notice: Extract<LineEvent, { type: 'requestNotice' }>): void {
    const { code, message, meaning } = notice;
    switch (meaning) {
      case 'harmless':
      case 'competing-session':
        return;
      case 'no-line':
        this.#end(poll, 'refused');
        poll.quote = { ...poll.quote, quality: 'no-line' };
        break;
      case 'no-permission':
        this.#end(poll);
        poll.quote = { ...poll.quote, quality: 'no-permission' };
        break;
      case 'shed':
      case 'refused':
        this.#end(poll);
        markStale(poll);
        break;
      default:
        meaning satisfies never;
    }
    this.#warn(poll, `${message} (code ${code})`);
    this.#restUntilDue(poll);
  }

  #onDeadline(poll: Poll): void {
    if (poll.phase.name !== 'asked') return;
    const heard = silenced(poll.phase.heard, 'stale');
    this.#giveBack(poll);
    this.#warn(poll, `no end of the snapshot within ${this.#options.deadlineMs} ms`);
    this.#settle(poll, quoteOf(heard), 'snapshot');
  }

  /** Cancels a snapshot in flight. @returns false when there is none: after its end a cancel would be refused (300) */
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
    this.#options.ledger[how](use);
  }

  #settle(poll: Poll, quote: Quote, source: 'snapshot' | 'stream'): void {
    poll.quote = quote;
    poll.source = source;
    poll.lastAt = new Date().toISOString();
    this.#restUntilDue(poll);
    const conId = conIdOf(poll);
    if (conId !== undefined) this.#options.onQuote(conId);
  }

  #restUntilDue(poll: Poll): void {
    this.#rest(poll);
    const delayMs = Math.max(0, poll.dueTick - performance.now());
    poll.phase = { name: 'resting', timer: setTimeout(() => this.#ask(poll), delayMs) };
  }

  /** Ends whatever it waits for, except a snapshot in flight, which is given back or ended first. */
  #rest(poll: Poll): void {
    const { phase } = poll;
    if (phase.name === 'resolving') phase.controller.abort();
    else if (phase.name !== 'asked') clearTimeout(phase.timer);
    poll.phase = { name: 'resting' };
  }

  #warn(poll: Poll, fault: string): void {
    this.#options.log.warn('snapshot-failed', { instrument: poll.name.symbol, fault });
  }
}

function conIdOf(poll: Poll): number | undefined {
  return poll.details?.contract.conId;
}

function markStale(poll: Poll): void {
  poll.quote = poll.quote.mark ? { ...poll.quote, quality: 'stale' } : { quality: 'none' };
}

function describePoll(poll: Poll): PolledStatus {
  const { name, quote, lastAt, source } = poll;
  const conId = conIdOf(poll);
  return {
    name: name.symbol,
    ...(conId === undefined ? {} : { conId }),
    ...(quote.mark === undefined ? {} : { mark: quote.mark }),
    quality: quote.quality,
    ...(lastAt === undefined ? {} : { lastAt }),
    ...(source === undefined ? {} : { source }),
  };
}
