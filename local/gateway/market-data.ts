import type { Catalogue } from './catalogue.ts';
import type { Field } from './frames.ts';
import { Line, type ShownQuote } from './line.ts';
import { LineFaults } from './line-faults.ts';
import type { LineCounts, LineLedger } from './lines.ts';
import type { Market, Quote } from './market.ts';
import { effectOf, NOTICES, type Notice } from './notices.ts';
import type { Instrument } from './portfolio.ts';
import { noise } from './random.ts';
import type { ContractQuery } from './requests.ts';
import type { StandingFaults } from './standing-faults.ts';

/** A client that does not read gets no more ticks above this; what it misses is overtaken by the next ones. */
const BACKLOG_MAX_BYTES = 4 * 1024 * 1024;

/** The side of a connection that market data needs. */
export interface Subscriber {
  readonly clientId: number;
  /** The type asked for on this connection: 1 live, 2 frozen, 3 delayed, 4 delayed-frozen. */
  readonly marketDataType: number;
  readonly backlogBytes: number;
  send(messages: readonly (readonly Field[])[]): void;
  notify(reqId: number, notice: Notice): void;
}

export interface Answer {
  readonly conId?: number;
  readonly notice?: Notice;
}

interface Held {
  line: Line;
  /** As it was asked for; delayed data lasts no longer than its fault. */
  readonly type: 1 | 2 | 3;
  /** Of a snapshot: what will end it. */
  readonly end: NodeJS.Timeout | undefined;
  /** It has sent how every line begins. */
  isOpened: boolean;
  /** No tick comes any more, though the gateway counts it. */
  isDead: boolean;
  /** What was set when it was asked for lets it show frozen data. */
  readonly mayFreeze: boolean;
  /** Its market was closed when it was last looked at. */
  isClosed: boolean;
  /** 10090: part of it is not subscribed. */
  readonly isGreekless: boolean;
}

/** A streaming line as the control of faults sees it. */
export interface LineInUse {
  readonly client: Subscriber;
  readonly reqId: number;
  readonly instrument: Instrument;
}

/** Lines of all clients: who may have one, what they say, when they end. */
export class MarketData {
  readonly #catalogue: Catalogue;
  readonly #market: Market;
  readonly #ledger: LineLedger;
  readonly #faults: LineFaults;
  readonly #feed: 'live' | 'frozen' | 'delayed';
  readonly #tickTurns: number;
  readonly #snapshotMs: number;
  readonly #snapshotGaps: number;
  readonly #held = new Map<Subscriber, Map<number, Held>>();
  /** What was last of a market that has closed. */
  readonly #atClose = new Map<number, Quote>();
  #snapshots = 0;
  #ticks = 0;
  #ticksDropped = 0;
  #turn = 0;

  constructor(options: {
    readonly catalogue: Catalogue;
    readonly market: Market;
    readonly ledger: LineLedger;
    readonly standing: StandingFaults;
    readonly feed: 'live' | 'frozen' | 'delayed';
    readonly tickTurns: number;
    readonly snapshotMs: number;
    readonly snapshotGaps: number;
  }) {
    this.#catalogue = options.catalogue;
    this.#market = options.market;
    this.#ledger = options.ledger;
    this.#faults = new LineFaults(options.standing);
    this.#feed = options.feed;
    this.#tickTurns = options.tickTurns;
    this.#snapshotMs = options.snapshotMs;
    this.#snapshotGaps = options.snapshotGaps;
  }

  counts(): LineCounts {
    return this.#ledger.counts();
  }

  get ticks(): number {
    return this.#ticks;
  }

  get ticksDropped(): number {
    return this.#ticksDropped;
  }

  request(
    client: Subscriber,
    request: {
      readonly reqId: number;
      readonly contract: ContractQuery;
      readonly genericTicks: string;
      readonly snapshot: boolean;
    },
  ): Answer {
    const { reqId, snapshot } = request;
    const lines = this.#held.get(client) ?? new Map<number, Held>();
    if (lines.has(reqId)) return { notice: NOTICES.duplicateTicker };
    const lookup = this.#catalogue.resolve(request.contract);
    if (!lookup.ok) return { notice: lookup.notice };
    const { conId } = lookup.instrument.contract;
    const quote = this.#quoteOf(lookup.instrument);
    if (quote === undefined) return { conId, notice: NOTICES.noDefinition };
    if (snapshot && request.genericTicks !== '') return { conId, notice: NOTICES.snapshotGenericTicks };
    const error = this.#faults.errorFor(conId);
    // A code of a fault: it refuses, or it is told and the line served all the same.
    if (error !== undefined && effectOf(error.code) === 'ends') return { conId, notice: error };
    const isClosed = this.#faults.isClosed(lookup.instrument);
    const type = servedType(isClosed && this.#feed === 'live' ? 'frozen' : this.#feed, client.marketDataType);
    if (type === undefined) return { conId, notice: NOTICES.notSubscribed };
    if (!this.#ledger.take({ clientId: client.clientId, conId, snapshot })) {
      this.#faults.refusedForLines();
      return { conId, notice: NOTICES.noLine };
    }
    const line = new Line({
      reqId,
      instrument: lookup.instrument,
      snapshot,
      type: error?.code === 10167 ? 3 : this.#faults.typeNow(type),
    });
    const held: Held = {
      line,
      type: error?.code === 10167 ? 3 : type,
      end: snapshot ? setTimeout(() => this.#endSnapshot(client, line), this.#snapshotMs) : undefined,
      isOpened: false,
      isDead: (error?.code === 10197 && !this.#faults.isCompeting) || this.#faults.isUnanswered(conId),
      mayFreeze: client.marketDataType === 2 || client.marketDataType === 4,
      isClosed,
      isGreekless: error?.code === 10090,
    };
    lines.set(reqId, held);
    this.#held.set(client, lines);
    if (error !== undefined) client.notify(reqId, error);
    else if (line.type === 3) client.notify(reqId, NOTICES.delayed);
    this.#open(client, held, quote);
    return { conId };
  }

  cancel(client: Subscriber, reqId: number): Answer {
    const held = this.#held.get(client)?.get(reqId);
    if (held === undefined) return { notice: NOTICES.unknownTicker(reqId) };
    this.#release(client, held);
    return { conId: held.line.instrument.contract.conId };
  }

  /** The connection is gone: its lines are free. */
  forget(client: Subscriber): void {
    for (const held of this.#held.get(client)?.values() ?? []) this.#release(client, held);
    this.#held.delete(client);
  }

  /** Streaming lines of all clients, the newest first. */
  inUse(): LineInUse[] {
    return [...this.#held]
      .flatMap(([client, lines]) =>
        [...lines.values()]
          .filter(({ line }) => !line.snapshot)
          .map(({ line }) => ({ client, reqId: line.reqId, instrument: line.instrument })),
      )
      .reverse();
  }

  /** The gateway forgets the line without a word. */
  lose({ client, reqId }: LineInUse): void {
    const held = this.#held.get(client)?.get(reqId);
    if (held !== undefined) this.#release(client, held);
  }

  /** The line is counted and silent until it is requested anew. */
  deaden({ client, reqId }: LineInUse): void {
    const held = this.#held.get(client)?.get(reqId);
    if (held !== undefined) held.isDead = true;
  }

  /** One turn: the first of a period moves the market, and those whose turn it is are told to everyone who streams them. */
  tick(): void {
    if (this.#feed === 'frozen') return;
    if (this.#turn === 0) this.#market.advance();
    const quotes = new Map<number, Quote | undefined>();
    const nowMs = Date.now();
    for (const [client, lines] of this.#held) {
      const messages: Field[][] = [];
      for (const held of lines.values()) {
        const { conId } = held.line.instrument.contract;
        if (conId % this.#tickTurns !== this.#turn) continue;
        if (held.line.snapshot || held.isDead || this.#faults.isStarved(held.line.instrument)) continue;
        this.#adoptType(client, held, messages);
        const quote = quotes.get(conId) ?? this.#quoteOf(held.line.instrument);
        quotes.set(conId, quote);
        this.#adoptHours(held, quote, messages);
        if (quote !== undefined && !held.isClosed)
          messages.push(...held.line.ticks(this.#seen(held, quote), nowMs));
      }
      if (messages.length > 0) this.#send(client, messages);
    }
    this.#turn = (this.#turn + 1) % this.#tickTurns;
  }

  /** @returns what the market shows, or showed when it closed; undefined for what it does not have */
  #quoteOf(instrument: Instrument): Quote | undefined {
    const { conId } = instrument.contract;
    if (!this.#faults.isClosed(instrument)) {
      this.#atClose.delete(conId);
      return this.#market.quote(conId);
    }
    const quote = this.#atClose.get(conId) ?? this.#market.quote(conId);
    if (quote !== undefined) this.#atClose.set(conId, quote);
    return quote;
  }

  #open(client: Subscriber, held: Held, quote: Quote): void {
    const { line } = held;
    if (held.isDead || this.#faults.isSilent || this.#faults.isCompeting) return;
    held.isOpened = true;
    if (this.#faults.isStarved(line.instrument)) {
      this.#send(client, line.opening());
      return;
    }
    const isAfterHours = held.isClosed || this.#feed === 'frozen';
    const shown = isAfterHours && line.type === 1 ? afterHours(quote) : quote;
    const ticks = line.ticks(this.#seen(held, shown), Date.now());
    this.#send(client, [...line.opening(), ...(line.snapshot ? this.#withGaps(ticks) : ticks)]);
  }

  /** A line whose type a fault has changed begins again; one that was never opened begins at all. */
  #adoptType(client: Subscriber, held: Held, messages: Field[][]): void {
    const type = this.#faults.typeNow(held.type);
    if (type !== held.line.type) {
      const { reqId, instrument, snapshot } = held.line;
      held.line = new Line({ reqId, instrument, snapshot, type });
      held.isOpened = false;
      if (type === 3) client.notify(reqId, NOTICES.delayed);
    }
    if (!held.isOpened) messages.push(...held.line.opening());
    held.isOpened = true;
  }

  /** At the close a line shows its last quote as frozen, or no bid and no ask any more; at the open it is live again. */
  #adoptHours(held: Held, quote: Quote | undefined, messages: Field[][]): void {
    const isClosed = this.#faults.isClosed(held.line.instrument);
    if (isClosed === held.isClosed) return;
    held.isClosed = isClosed;
    if (held.mayFreeze) messages.push(held.line.switched(isClosed ? 2 : 1));
    else if (isClosed && quote !== undefined)
      messages.push(...held.line.ticks(afterHours(quote), Date.now()));
  }

  #seen(held: Held, quote: Quote): ShownQuote {
    const isUnset = held.isGreekless || this.#faults.areGreeksUnset(quote);
    return isUnset && quote.computations !== undefined ? { ...quote, computations: {} } : quote;
  }

  #send(client: Subscriber, messages: readonly Field[][]): void {
    if (client.backlogBytes > BACKLOG_MAX_BYTES) {
      this.#ticksDropped += messages.length;
      return;
    }
    this.#ticks += messages.length;
    client.send(messages);
  }

  #endSnapshot(client: Subscriber, line: Line): void {
    const held = this.#held.get(client)?.get(line.reqId);
    if (held?.line !== line) return;
    this.#release(client, held);
    if (!this.#faults.isSilent) client.send([line.end()]);
  }

  #release(client: Subscriber, { line, end }: Held): void {
    clearTimeout(end);
    this.#held.get(client)?.delete(line.reqId);
    const { conId } = line.instrument.contract;
    this.#ledger.release({ clientId: client.clientId, conId, snapshot: line.snapshot });
  }

  /** Real snapshots lack fields now and then. */
  #withGaps(ticks: readonly Field[][]): Field[][] {
    this.#snapshots += 1;
    return ticks.filter((_, index) => noise(this.#snapshots, index) >= this.#snapshotGaps);
  }
}

/** @returns the type that callback 58 reports, undefined where the account may see nothing */
function servedType(feed: 'live' | 'frozen' | 'delayed', asked: number): 1 | 2 | 3 | undefined {
  switch (feed) {
    case 'live':
      return 1;
    case 'frozen':
      return asked === 2 || asked === 4 ? 2 : 1;
    case 'delayed':
      return asked === 3 || asked === 4 ? 3 : undefined;
    default:
      return feed satisfies never;
  }
}

/** What a live request sees after the close: the last trade, and nobody who bids. */
function afterHours({ last, close, lastSize, volume }: Quote): Quote {
  return { bidSize: 0, askSize: 0, last, lastSize, volume, close };
}
