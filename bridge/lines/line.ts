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
  /** A message of this request has come. */
  isConfirmed: boolean;
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
    this.#quote = applyTick(this.#quote, inCurrency(event, this.request?.priceMagnifier ?? 1));
    if (event.type === 'price' || event.type === 'size' || event.type === 'greeks') this.ticks += 1;
  }

  silence(silence: Silence): void {
    if (this.#quote !== NO_QUOTE) this.#quote = silenced(this.#quote, silence);
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
