import type { Catalogue } from './catalogue.ts';
import type { Field } from './frames.ts';
import { Line } from './line.ts';
import type { LineCounts, LineLedger } from './lines.ts';
import type { Market, Quote } from './market.ts';
import { NOTICES, type Notice } from './notices.ts';
import { noise } from './random.ts';
import type { ContractQuery } from './requests.ts';

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
  readonly line: Line;
  /** Of a snapshot: what will end it. */
  readonly end: NodeJS.Timeout | undefined;
}

/** Lines of all clients: who may have one, what they say, when they end. */
export class MarketData {
  readonly #catalogue: Catalogue;
  readonly #market: Market;
  readonly #ledger: LineLedger;
  readonly #feed: 'live' | 'frozen' | 'delayed';
  readonly #snapshotMs: number;
  readonly #snapshotGaps: number;
  readonly #held = new Map<Subscriber, Map<number, Held>>();
  #snapshots = 0;
  #ticks = 0;
  #ticksDropped = 0;

  constructor(options: {
    readonly catalogue: Catalogue;
    readonly market: Market;
    readonly ledger: LineLedger;
    readonly feed: 'live' | 'frozen' | 'delayed';
    readonly snapshotMs: number;
    readonly snapshotGaps: number;
  }) {
    this.#catalogue = options.catalogue;
    this.#market = options.market;
    this.#ledger = options.ledger;
    this.#feed = options.feed;
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
    const quote = this.#market.quote(conId);
    if (quote === undefined) return { conId, notice: NOTICES.noDefinition };
    if (snapshot && request.genericTicks !== '') return { conId, notice: NOTICES.snapshotGenericTicks };
    const type = servedType(this.#feed, client.marketDataType);
    if (type === undefined) return { conId, notice: NOTICES.notSubscribed };
    if (!this.#ledger.take({ clientId: client.clientId, conId, snapshot })) {
      return { conId, notice: NOTICES.noLine };
    }
    const line = new Line({ reqId, instrument: lookup.instrument, snapshot, type });
    const end = snapshot ? setTimeout(() => this.#endSnapshot(client, line), this.#snapshotMs) : undefined;
    lines.set(reqId, { line, end });
    this.#held.set(client, lines);
    if (type === 3) client.notify(reqId, NOTICES.delayed);
    const shown = this.#feed === 'frozen' && type === 1 ? afterHours(quote) : quote;
    const ticks = line.ticks(shown, Date.now());
    this.#send(client, [...line.opening(), ...(snapshot ? this.#withGaps(ticks) : ticks)]);
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

  /** One step of the market, told to everyone who streams. */
  tick(): void {
    if (this.#feed === 'frozen') return;
    this.#market.advance();
    const quotes = new Map<number, Quote | undefined>();
    const nowMs = Date.now();
    for (const [client, lines] of this.#held) {
      const messages: Field[][] = [];
      for (const { line } of lines.values()) {
        if (line.snapshot) continue;
        const { conId } = line.instrument.contract;
        const quote = quotes.get(conId) ?? this.#market.quote(conId);
        quotes.set(conId, quote);
        if (quote !== undefined) messages.push(...line.ticks(quote, nowMs));
      }
      if (messages.length > 0) this.#send(client, messages);
    }
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
    client.send([line.end()]);
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
