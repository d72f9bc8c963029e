import type { LineState } from '../../shared/status.ts';
import type { LineEvent } from '../gateway/events.ts';
import type { LineUse } from './ledger.ts';
import { inCurrency } from './magnifier.ts';
import {
  applyTick,
  NO_QUOTE,
  type Quote,
  type QuoteState,
  quoteOf,
  type Silence,
  silenced,
} from './quote.ts';

export interface LineRequest {
  readonly reqId: number;
  readonly use: LineUse;
  /** Of the contract details that it was made from: what the gateway quotes per unit of the currency. */
  readonly priceMagnifier: number;
  /** On the clock of `performance.now()`. */
  readonly sentTick: number;
  /** Epoch milliseconds. */
  readonly sentAt: number;
  /** A message of this request has come, and no doubt since. */
  isConfirmed: boolean;
  /** Frozen data was asked for. */
  isFrozen: boolean;
  /** Epoch milliseconds: since when the other type should be asked for. */
  wrongTypeSince?: number | undefined;
}

/** A line that was fed and may be no more. Times in epoch milliseconds. */
export interface Suspicion {
  /** Half a sentence. */
  readonly cause: string;
  readonly since: number;
  /** What the line had ticked by then: one more ends the suspicion. */
  readonly ticksThen: number;
  /** Another session has its data (10197). */
  isCompeting: boolean;
  /** The disturbance is over: by when it has to tick. */
  verifyBy: number | undefined;
  /** When it was requested again for it. */
  readonly againAt: number | undefined;
}

export interface Refusal {
  /** What the broker said, its code included. */
  readonly text: string;
  readonly meaning: 'refused' | 'no-permission';
}

/**
 * One contract that ACTIVE strategies hold or watch: what is wanted of it, and what the gateway's own messages prove.
 * It decides nothing; streams.ts does.
 */
export class Line {
  readonly conId: number;
  /** Strategies that it is for: the ACTIVE ones that hold or watch it, or all that the watch class has it for. */
  owners: readonly string[] = [];
  /** The budget gave it a line. */
  isGranted = false;
  request: LineRequest | undefined;
  refusal: Refusal | undefined;
  /** With a request: its cancel after the minimum hold. Without one: the next attempt. */
  timer: NodeJS.Timeout | undefined;
  /** In a row, none of which brought a message. */
  failedAttempts = 0;
  resolving: AbortController | undefined;
  ticks = 0;
  /** Epoch milliseconds of the last message of any kind; 0 before the first. */
  heardAt = 0;
  suspicion: Suspicion | undefined;
  /** Requests for its silence since it last ticked by itself. */
  fruitless = 0;
  /** Requests for its silence, for want of an answer or for another type since the start. */
  requestedAgain = 0;
  #state: LineState = 'wanted';
  #since: number;
  #reason = '';
  #quote: QuoteState = NO_QUOTE;

  constructor(conId: number, now: number) {
    this.conId = conId;
    this.#since = now;
  }

  get state(): LineState {
    return this.#state;
  }

  /** Epoch milliseconds: when it took its present state. */
  get since(): number {
    return this.#since;
  }

  get reason(): string {
    return this.#reason;
  }

  enter(state: LineState, now: number, reason: string): void {
    if (state !== this.#state) this.#since = now;
    this.#state = state;
    this.#reason = reason;
  }

  hear(event: LineEvent): void {
    this.heardAt = event.at;
    this.#quote = applyTick(this.#quote, inCurrency(event, this.request?.priceMagnifier ?? 1));
    if (event.type === 'price' || event.type === 'size' || event.type === 'greeks') this.ticks += 1;
  }

  silence(silence: Silence): void {
    if (this.#quote !== NO_QUOTE) this.#quote = silenced(this.#quote, silence);
  }

  /** The marketDataType callback said so last. */
  get isFrozen(): boolean {
    return this.#quote.marketDataType === 2 || this.#quote.marketDataType === 4;
  }

  /** It has ticked since it was suspected. */
  get hasSpoken(): boolean {
    return this.suspicion !== undefined && this.ticks > this.suspicion.ticksThen;
  }

  /** What it says may be old. A suspicion that has not ended keeps its beginning. */
  suspect(options: { readonly cause: string; readonly now: number; readonly isCompeting: boolean }): void {
    const { cause, now, isCompeting } = options;
    const before = this.suspicion;
    this.suspicion = {
      cause,
      since: before?.since ?? now,
      ticksThen: before?.ticksThen ?? this.ticks,
      isCompeting,
      verifyBy: undefined,
      againAt: before?.againAt,
    };
    this.silence(isCompeting ? 'competing-session' : 'stale');
    if (this.request) this.request.isConfirmed = false;
    if (this.#state === 'confirmed' || this.#state === 'stale' || (isCompeting && this.#state === 'sent')) {
      this.enter('stale', now, this.doubt ?? cause);
    }
  }

  /** A sentence about the suspicion; undefined where there is none. */
  get doubt(): string | undefined {
    if (!this.suspicion) return undefined;
    const { since, cause, againAt } = this.suspicion;
    const again = againAt === undefined ? '' : `, requested again at ${new Date(againAt).toISOString()}`;
    return `stale since ${new Date(since).toISOString()}: ${cause}${again}`;
  }

  quote(): Quote {
    const quote = quoteOf(this.#quote);
    if (this.refusal?.meaning === 'no-permission') return { ...quote, quality: 'no-permission' };
    if (this.owners.length > 0 && !this.isGranted && this.refusal === undefined) {
      return { ...quote, quality: 'no-line' };
    }
    return quote;
  }

  clearTimers(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.resolving?.abort();
    this.resolving = undefined;
  }
}
