import type {
  ContractDetails,
  GatewayEvent,
  GatewayRequests,
  LineEvent,
} from '../../../bridge/gateway/events.ts';
import { requestContractOf } from '../../../bridge/gateway/routing.ts';
import { isOption, type ObservedLine } from './observed.ts';

export interface InquiryOptions {
  readonly requests: GatewayRequests;
  /** Market data lines that it may use at a time. */
  readonly lines: number;
  /** A line that is only asked for its price is given back after this at the latest. */
  readonly glanceMs: number;
}

interface Stream {
  readonly conId: number;
  /** Ends a glance; a line that is kept has none. */
  readonly timer: NodeJS.Timeout | undefined;
  hasTicked: boolean;
}

/**
 * What is asked about contracts and what was learned of them: details of what is held and of its underlyings, a
 * glance at what needs a price, and lines of some of what is held that are kept.
 */
export class Inquiry {
  readonly details = new Map<number, ContractDetails>();
  readonly lines = new Map<number, ObservedLine>();
  readonly #options: InquiryOptions;
  readonly #detailsAsked = new Map<number, number>();
  readonly #streams = new Map<number, Stream>();
  /** Contracts whose details were asked for, and those whose price was. */
  readonly #inquired = new Set<number>();
  readonly #glanced = new Set<number>();
  #held: readonly number[] = [];

  constructor(options: InquiryOptions) {
    this.#options = options;
  }

  /** @param held what the newest sweep has */
  askAbout(held: readonly number[]): void {
    this.#held = held;
    this.#askOn();
  }

  /** The session is over: whatever was on its way is asked for again in the next one. */
  forget(): void {
    for (const { timer } of this.#streams.values()) clearTimeout(timer);
    this.#streams.clear();
    for (const conId of this.#detailsAsked.values()) this.#inquired.delete(conId);
    this.#detailsAsked.clear();
  }

  /** @returns whether a line ticked */
  learn(event: GatewayEvent): boolean {
    switch (event.type) {
      case 'contractDetails': {
        const asked = this.#detailsAsked.get(event.reqId);
        if (asked !== undefined) this.details.set(asked, event.details);
        return false;
      }
      case 'contractDetailsEnd':
        this.#detailsAsked.delete(event.reqId);
        this.#askOn();
        return false;
      case 'price':
      case 'greeks':
      case 'marketDataType':
      case 'size':
      case 'pulse':
        return this.#tick(event);
      default:
        return false;
    }
  }

  /** @returns the line that an error came for; undefined where it was no line's */
  refused(reqId: number): { readonly conId: number; readonly hasTicked: boolean } | undefined {
    // A contract that has no details any more: what its position says has to do.
    if (this.#detailsAsked.delete(reqId)) this.#askOn();
    const stream = this.#streams.get(reqId);
    return stream && { conId: stream.conId, hasTicked: stream.hasTicked };
  }

  #tick(event: LineEvent): boolean {
    const stream = this.#streams.get(event.reqId);
    if (stream === undefined) return false;
    const line = this.lines.get(stream.conId) ?? {};
    this.lines.set(stream.conId, line);
    learnTick(line, event);
    stream.hasTicked ||= event.type === 'price' || event.type === 'greeks';
    if (stream.timer !== undefined && line.price !== undefined) this.#release(event.reqId);
    return true;
  }

  /** Contract details first, then prices, then lines to keep. */
  #askOn(): void {
    const underlyings = [...this.details.values()].flatMap(({ contract, underConId }) =>
      underConId !== undefined && isOption(contract.secType) ? [underConId] : [],
    );
    for (const conId of new Set([...this.#held, ...underlyings])) {
      if (this.#inquired.has(conId)) continue;
      this.#inquired.add(conId);
      this.#detailsAsked.set(this.#options.requests.requestContractDetails({ conId }), conId);
    }
    for (const [conId, details] of this.details) {
      if (isOption(details.contract.secType) || this.#glanced.has(conId)) continue;
      if (this.#streams.size >= this.#options.lines) return;
      this.#glanced.add(conId);
      this.#stream(conId, details, 'glance');
    }
    if (this.#detailsAsked.size > 0) return;
    const kept = new Set([...this.#streams.values()].map(({ conId }) => conId));
    for (const conId of this.#held) {
      const details = this.details.get(conId);
      if (this.#streams.size >= this.#options.lines) return;
      if (details !== undefined && !kept.has(conId)) this.#stream(conId, details, 'keep');
      kept.add(conId);
    }
  }

  #stream(conId: number, details: ContractDetails, how: 'glance' | 'keep'): void {
    const reqId = this.#options.requests.requestMarketData(requestContractOf(details), 'stream');
    const timer = how === 'keep' ? undefined : setTimeout(() => this.#release(reqId), this.#options.glanceMs);
    this.#streams.set(reqId, { conId, timer, hasTicked: false });
  }

  #release(reqId: number): void {
    clearTimeout(this.#streams.get(reqId)?.timer);
    this.#streams.delete(reqId);
    this.#options.requests.cancelMarketData(reqId);
    this.#askOn();
  }
}

function learnTick(line: ObservedLine, event: LineEvent): void {
  switch (event.type) {
    case 'price': {
      const { field, price } = event;
      if (price === undefined || price <= 0) break;
      // The last trade, or what it is worth while nobody trades it.
      if (field === 'last' || line.price === undefined) line.price = price;
      break;
    }
    case 'greeks': {
      const { iv, delta, underlying } = event.greeks;
      if (iv !== undefined && event.source === 'model') line.iv = iv;
      if (underlying !== undefined) line.underlying = underlying;
      if (delta !== undefined) line.greeks = 'computed';
      else line.greeks ??= 'unset';
      break;
    }
    case 'marketDataType':
      line.marketDataType = event.marketDataType;
      break;
    default:
      break;
  }
}
