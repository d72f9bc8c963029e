import type {
  ContractDetails,
  Gateway,
  LineEvent,
  MarketDataType,
  RequestMeaning,
} from '../../gateway/events.ts';
import { requestContractOf } from '../../gateway/routing.ts';
import type { LineLedger, LineUse } from '../ledger.ts';
import { inCurrency } from '../magnifier.ts';
import { applyTick, NO_QUOTE, type QuoteState, silenced } from '../quote.ts';
import { isClosed } from './closed.ts';
import { isComplete } from './short-stream.ts';

export type PollKind = 'snapshot' | 'short-stream';

/** How one request ended. */
export type Outcome =
  /** With what came, which may be nothing. `late`: it had to be cancelled at its deadline. */
  | { readonly type: 'answered'; readonly heard: QuoteState; readonly isLate: boolean }
  | { readonly type: 'refused'; readonly meaning: RequestMeaning; readonly text: string }
  /** A stream needed its line, nobody wants its answer any more, or the connection is gone. */
  | { readonly type: 'given-back' };

export interface PollRequestsOptions<K> {
  readonly gateway: Gateway;
  readonly ledger: LineLedger;
  /** Told before the ledger learns that the line is free. */
  readonly onOutcome: (key: K, outcome: Outcome) => void;
  readonly snapshotDeadlineMs: number;
  /** A short stream that lacks something by then has to do with what came. */
  readonly shortStreamMs: number;
  /** IB answers a cancel within milliseconds of its subscribe with 354 or 300 (QuantConnect/Lean#1134). */
  readonly minHoldMs: number;
  /** Asked for while the contract's market is closed: bid and ask are gone by then. */
  readonly frozenType: MarketDataType;
}

interface Request<K> {
  readonly key: K;
  readonly kind: PollKind;
  readonly reqId: number;
  readonly use: LineUse;
  readonly secType: string;
  readonly priceMagnifier: number;
  readonly sentTick: number;
  heard: QuoteState;
  deadline: NodeJS.Timeout;
  /** Its outcome is told: it lives on until the minimum hold is over. */
  isSettled: boolean;
}

/**
 * The requests of the lane on their way: each takes its line from the ledger before it is sent and gives it back
 * when it has ended. A snapshot ends by itself after up to 11 s, incomplete or not, and is never cancelled after its
 * end (300); a short stream is cancelled once it brought everything.
 * https://interactivebrokers.github.io/tws-api/md_request.html (market data snapshots)
 */
export class PollRequests<K> {
  readonly #options: PollRequestsOptions<K>;
  readonly #byReqId = new Map<number, Request<K>>();
  readonly #byKey = new Map<K, Request<K>>();
  readonly #holdMs: Record<PollKind, number>;

  constructor(options: PollRequestsOptions<K>) {
    this.#options = options;
    this.#holdMs = { snapshot: SNAPSHOT_MS, 'short-stream': options.shortStreamMs };
  }

  /** Requests that take a line, the oldest first. */
  get inFlight(): number {
    return this.#byReqId.size;
  }

  has(key: K): boolean {
    return this.#byKey.has(key);
  }

  /** For how long a request of this kind takes its line, by the last ones. */
  holdMs(kind: PollKind): number {
    return this.#holdMs[kind];
  }

  /** @returns false when there is no line for it now */
  send(key: K, details: ContractDetails, kind: PollKind): boolean {
    const { gateway, ledger, snapshotDeadlineMs, shortStreamMs, frozenType } = this.#options;
    const use = ledger.take('snapshot');
    if (!use) return false;
    const mode = kind === 'snapshot' ? 'snapshot' : 'stream';
    const type = isClosed(details, Date.now()) ? frozenType : undefined;
    const reqId = gateway.requests.requestMarketData(requestContractOf(details), mode, type);
    const lastMs = kind === 'snapshot' ? snapshotDeadlineMs : shortStreamMs;
    const request: Request<K> = {
      key,
      kind,
      reqId,
      use,
      secType: details.contract.secType,
      priceMagnifier: details.priceMagnifier,
      sentTick: performance.now(),
      heard: NO_QUOTE,
      deadline: setTimeout(() => this.#onDeadline(request), lastMs),
      isSettled: false,
    };
    this.#byReqId.set(reqId, request);
    this.#byKey.set(key, request);
    return true;
  }

  hear(event: LineEvent): void {
    const request = this.#byReqId.get(event.reqId);
    if (!request) return;
    request.heard = applyTick(request.heard, inCurrency(event, request.priceMagnifier));
    if (event.type === 'requestNotice') this.#onNotice(request, event);
    else if (event.type === 'snapshotEnd') {
      this.#settle(request, { type: 'answered', heard: request.heard, isLate: false });
      this.#ended(request, 'ended');
    } else if (
      request.kind === 'short-stream' &&
      !request.isSettled &&
      isComplete(request.heard, request.secType)
    ) {
      this.#letGo(request, { type: 'answered', heard: request.heard, isLate: false });
    }
  }

  /** Frees so many lines: those at once that may be cancelled at once, and of them the youngest first. */
  giveBack(count: number): void {
    const inOrder = [...this.#byReqId.values()]
      .reverse()
      .sort((left, right) => this.#holdLeftMs(left) - this.#holdLeftMs(right));
    for (const request of inOrder.slice(0, count)) this.#letGo(request, { type: 'given-back' });
  }

  /** Nobody wants its answer any more. */
  drop(key: K): void {
    const request = this.#byKey.get(key);
    if (request) this.#letGo(request, { type: 'given-back' });
  }

  dropAll(): void {
    for (const key of [...this.#byKey.keys()]) this.drop(key);
  }

  /** The connection is gone, and every request of it. */
  forget(): void {
    for (const request of [...this.#byReqId.values()]) {
      this.#settle(request, { type: 'given-back' });
      this.#ended(request, 'ended');
    }
  }

  /** The bridge stops: whatever the minimum hold. */
  stop(): void {
    for (const request of [...this.#byReqId.values()]) {
      request.isSettled = true;
      this.#cancel(request);
    }
  }

  #onNotice(request: Request<K>, notice: Extract<LineEvent, { type: 'requestNotice' }>): void {
    const { code, message, meaning } = notice;
    if (!isEnd(meaning)) return;
    this.#settle(request, { type: 'refused', meaning, text: `${message} (code ${code})` });
    this.#ended(request, meaning === 'no-line' ? 'refused' : 'ended');
  }

  #onDeadline(request: Request<K>): void {
    const isLate = request.kind === 'snapshot';
    const heard = isLate ? silenced(request.heard, 'stale') : request.heard;
    this.#letGo(request, { type: 'answered', heard, isLate });
  }

  /** Tells the outcome now; the cancel of a short stream waits for the minimum hold. */
  #letGo(request: Request<K>, outcome: Outcome): void {
    if (request.isSettled) return;
    const leftMs = this.#holdLeftMs(request);
    this.#settle(request, outcome);
    if (leftMs === 0) this.#cancel(request);
    else request.deadline = setTimeout(() => this.#cancel(request), leftMs);
  }

  #holdLeftMs({ kind, sentTick }: Request<K>): number {
    return kind === 'snapshot' ? 0 : Math.max(0, sentTick + this.#options.minHoldMs - performance.now());
  }

  #settle(request: Request<K>, outcome: Outcome): void {
    if (request.isSettled) return;
    clearTimeout(request.deadline);
    request.isSettled = true;
    if (outcome.type === 'answered') this.#learn(request);
    this.#options.onOutcome(request.key, outcome);
  }

  #cancel(request: Request<K>): void {
    const { gateway, ledger } = this.#options;
    this.#forget(request);
    if (gateway.isReady) gateway.requests.cancelMarketData(request.reqId);
    ledger.cancelled(request.use);
  }

  /** The gateway ended it, or the connection did. */
  #ended(request: Request<K>, how: 'ended' | 'refused'): void {
    this.#forget(request);
    this.#options.ledger[how](request.use);
  }

  #forget(request: Request<K>): void {
    clearTimeout(request.deadline);
    this.#byReqId.delete(request.reqId);
    this.#byKey.delete(request.key);
  }

  #learn({ kind, sentTick }: Request<K>): void {
    const { minHoldMs } = this.#options;
    const lastedMs = performance.now() - sentTick;
    const heldMs = kind === 'snapshot' ? lastedMs : Math.max(lastedMs, minHoldMs) + CLOSING_MS;
    this.#holdMs[kind] += (heldMs - this.#holdMs[kind]) / LEARNING;
  }
}

/** What a snapshot takes as IB documents it, until the first ones have ended. */
const SNAPSHOT_MS = 11_000;
/** A line that was cancelled counts a moment longer. */
const CLOSING_MS = 250;
/** The last eight or so count. */
const LEARNING = 8;

/** @returns true when the request is dead */
function isEnd(meaning: RequestMeaning): boolean {
  switch (meaning) {
    case 'harmless':
    case 'competing-session':
      return false;
    case 'no-line':
    case 'no-permission':
    case 'refused':
    case 'shed':
      return true;
    default:
      return meaning satisfies never;
  }
}
