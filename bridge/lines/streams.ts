import type { Contract } from '../../shared/contract.ts';
import { LINES, WATCH } from '../../shared/limits.ts';
import type { Replica } from '../../shared/replica.ts';
import type { BridgeStatus } from '../../shared/status.ts';
import type { Gateway, GatewayEvent, LineEvent, MarketDataType } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import type { ContractResolver } from './contract-resolver.ts';
import { Demand } from './demand.ts';
import { type AccountsHeld, describeLine } from './explain.ts';
import { FrozenData } from './frozen.ts';
import type { LineLedger } from './ledger.ts';
import { Line, type LineRequest, type Refusal } from './line.ts';
import { LineRequests } from './line-requests.ts';
import { ContractHours, type MarketHours } from './market-hours.ts';
import { Prefetch } from './prefetch.ts';
import type { Quote } from './quote.ts';
import type { Knowledge } from './short-options.ts';
import { WATCHDOG_LIMITS, Watchdog, type WatchdogLimits } from './watchdog.ts';

export interface StreamsOptions {
  readonly gateway: Gateway;
  readonly contracts: ContractResolver;
  readonly ledger: LineLedger;
  readonly log: Log;
  /** A message of a granted line changed what `quoteOf` gives. Called on the tick path: it must not wait. */
  readonly onQuote: (conId: number) => void;
  /** What the last sweep says of a contract whose details are not cached: for display. */
  readonly contractOf?: (conId: number) => Contract | undefined;
  /** What the watch class goes by; without it nothing is watched. */
  readonly knowledge?: Knowledge;
  /** IB answers a cancel within milliseconds of its subscribe with 354 or 300 (QuantConnect/Lean#1134). */
  readonly minHoldMs?: number;
  /** Before the second attempt of a request that failed; doubles up to a minute. */
  readonly retryMs?: number;
  /** Asked for after each `ready`, because TWS forgets it; its frozen kind while a contract's market is closed. */
  readonly marketDataType?: MarketDataType;
  /** Default: those of the contract details. */
  readonly hours?: MarketHours;
  readonly watchdog?: WatchdogLimits;
}

/**
 * The streaming lines: what strategies and watch class want, within the budget, against what the gateway confirmed. One line per
 * contract however many strategies want it; the last one to let go frees it. Every line is taken from the ledger
 * before its request is sent, and given back to it when the cancel was.
 */
export class Streams {
  readonly #options: Required<Omit<StreamsOptions, 'contractOf' | 'knowledge'>> &
    Pick<StreamsOptions, 'contractOf'>;
  readonly #demand: Demand;
  readonly #prefetch: Prefetch;
  readonly #lines = new Map<number, Line>();
  readonly #requests: LineRequests;
  readonly #watchdog: Watchdog;
  readonly #unsubscribes: (() => void)[] = [];
  #isLinkDown = false;
  /** On the clock of `performance.now()`. */
  #linkSettledTick = 0;
  #ticks = 0;

  constructor(options: StreamsOptions) {
    this.#options = {
      minHoldMs: 300,
      retryMs: 1000,
      marketDataType: 1,
      hours: new ContractHours(options),
      watchdog: WATCHDOG_LIMITS,
      ...options,
    };
    this.#demand = new Demand(options.knowledge);
    this.#prefetch = new Prefetch(options.contracts);
    const { hours, marketDataType, watchdog: limits } = this.#options;
    const frozen = new FrozenData({ hours, typeWhileOpen: marketDataType, graceMs: limits.typeGraceMs });
    this.#requests = new LineRequests({
      ...this.#options,
      typeFor: (line) => frozen.typeFor(line),
      onDue: () => this.#pump(),
      onEnded: (line) => this.#forgetUnowned(line),
      onNoRoom: (line) => this.#demand.displace(line.owners),
      onRefused: (line, refusal) => this.#refuse(line, refusal),
    });
    this.#watchdog = new Watchdog({
      ...this.#options,
      limits,
      frozen,
      requests: this.#requests,
      lines: () => this.#lines.values(),
      onDue: () => this.#pump(),
      onSilenced: this.#options.onQuote,
    });
  }

  start(): void {
    const { gateway, ledger } = this.#options;
    this.#unsubscribes.push(
      gateway.subscribe((event) => this.#onEvent(event)),
      ledger.onChange(() => this.#onRoom()),
    );
    this.#watchdog.start();
    const watching = setInterval(() => {
      if (this.#demand.refresh(Date.now())) this.#replan();
    }, WATCH.periodMs);
    this.#unsubscribes.push(() => clearInterval(watching));
    if (gateway.isReady) this.#onReady();
  }

  /** Cancels every line. */
  stop(): void {
    this.#watchdog.stop();
    for (const unsubscribe of this.#unsubscribes.splice(0)) unsubscribe();
    for (const line of this.#lines.values()) {
      this.#requests.cancel(line, 'the bridge stops');
      line.clearTimers();
    }
    this.#lines.clear();
    this.#prefetch.reset();
  }

  /** On every change of the registry or of the accounts that this bridge holds. The requests leave at once. */
  update(replica: Replica, accounts: AccountsHeld): void {
    this.#demand.update(replica, accounts, Date.now());
    this.#replan();
    this.#fetchAhead();
  }

  /** @returns undefined where no ACTIVE strategy of ours holds or watches the contract, nor the watch class has it */
  quoteOf(conId: number): Quote | undefined {
    return this.#lines.get(conId)?.quote();
  }

  /** @returns the quote of a line that lives, for whoever would otherwise ask for the same contract again */
  streamedQuote(conId: number): Quote | undefined {
    const line = this.#lines.get(conId);
    return line?.request?.isConfirmed ? line.quote() : undefined;
  }

  /** Contracts that ACTIVE strategies want and the budget did not grant, in the order of service. */
  get degraded(): ReadonlySet<number> {
    return this.#demand.degraded;
  }

  /** Prices, sizes and greeks received on lines since the start. */
  get ticks(): number {
    return this.#ticks;
  }

  status(): Pick<
    BridgeStatus['lines'],
    'streaming' | 'stale' | 'watching' | 'refused' | 'requestedAgain' | 'rows' | 'strategies'
  > {
    const { contracts, contractOf } = this.#options;
    const lines = [...this.#lines.values()];
    const rows = lines.map((line) => {
      const contract = contracts.peek(line.conId)?.contract ?? contractOf?.(line.conId);
      return describeLine(line, contract, this.#demand.whyWatched(line.conId));
    });
    return {
      streaming: lines.filter((line) => line.request?.isConfirmed).length,
      stale: lines.filter((line) => line.state === 'stale').length,
      watching: rows.filter((row) => row.watch && row.state === 'confirmed').length,
      refused: lines.filter((line) => line.refusal).length,
      requestedAgain: this.#watchdog.requestedAgain,
      rows,
      strategies: this.#demand.describe((conId) => this.#lines.get(conId)),
    };
  }

  #onEvent(event: GatewayEvent): void {
    this.#watchdog.onEvent(event);
    switch (event.type) {
      case 'ready':
        this.#onReady();
        break;
      case 'lost':
        this.#onLost(event.reason);
        break;
      case 'linkDown':
        this.#isLinkDown = true;
        break;
      case 'linkUp':
        this.#onLinkUp(event.linesKept);
        break;
      case 'price':
      case 'size':
      case 'greeks':
      case 'marketDataType':
      case 'pulse':
      case 'requestNotice':
        this.#onLineEvent(event);
        break;
      default:
        break;
    }
  }

  /** A fresh connection: nothing is requested yet, and what was refused may be granted today. */
  #onReady(): void {
    this.#isLinkDown = false;
    this.#linkSettledTick = 0;
    this.#options.gateway.requests.requestMarketDataType(this.#options.marketDataType);
    this.#retryAll({ refusedToo: true });
    this.#fetchAhead();
  }

  #onLost(reason: string): void {
    this.#requests.forget(this.#lines.values());
    for (const line of this.#lines.values()) {
      if (line.isGranted) line.enter('wanted', Date.now(), `the connection was lost: ${reason}`);
      this.#forgetUnowned(line);
    }
    this.#prefetch.reset();
  }

  /** 1101: the requests are dead, and are cancelled so that no count of the gateway has them twice. 1102: they live. */
  #onLinkUp(linesKept: boolean): void {
    this.#isLinkDown = false;
    this.#linkSettledTick = performance.now() + LINES.linkGraceMs;
    if (!linesKept) {
      for (const line of [...this.#lines.values()]) {
        this.#requests.cancel(line, 'IB lost the lines with its link (1101): requested again');
      }
    }
    this.#retryAll({ refusedToo: !linesKept });
  }

  #retryAll({ refusedToo }: { readonly refusedToo: boolean }): void {
    for (const line of this.#lines.values()) {
      if (!line.request) line.clearTimers();
      line.failedAttempts = 0;
      if (refusedToo && line.refusal) {
        line.refusal = undefined;
        line.enter('wanted', Date.now(), 'to be requested again');
      }
    }
    this.#replan();
  }

  #onRoom(): void {
    if (this.#options.ledger.streamCap === this.#demand.cap) this.#pump();
    else this.#replan();
  }

  #fetchAhead(): void {
    if (!this.#options.gateway.isReady) return;
    const conIds = this.#demand.openConIds();
    this.#prefetch.want(conIds.filter((conId) => !this.#lines.get(conId)?.resolving));
  }

  #replan(): void {
    const { ledger } = this.#options;
    const refused = new Set(
      [...this.#lines.values()].filter((line) => line.refusal).map((line) => line.conId),
    );
    this.#assign(this.#demand.plan({ cap: ledger.streamCap, refused, now: Date.now() }));
    ledger.demand(this.#demand.conIds.size);
    this.#pump();
  }

  #assign(owners: ReadonlyMap<number, readonly string[]>): void {
    for (const conId of owners.keys()) {
      if (!this.#lines.has(conId)) this.#lines.set(conId, new Line(conId, Date.now()));
    }
    for (const line of [...this.#lines.values()]) {
      line.owners = owners.get(line.conId) ?? [];
      line.isGranted = this.#demand.conIds.has(line.conId);
      if (line.isGranted) this.#keep(line);
      else if (line.request) this.#letGo(line);
      else {
        line.clearTimers();
        if (line.owners.length === 0) this.#lines.delete(line.conId);
        else if (!line.refusal) line.enter('wanted', Date.now(), this.#demand.whyNot(line.owners));
      }
    }
  }

  /** A line that was about to be cancelled and is wanted again keeps its request. */
  #keep(line: Line): void {
    if (!line.request) {
      if (line.state === 'ended') line.enter('wanted', Date.now(), 'to be requested');
      return;
    }
    line.clearTimers();
    const now = Date.now();
    if (line.request.isConfirmed) line.enter('confirmed', now, whyStreaming(line));
    else if (line.state === 'ended') {
      line.enter(line.doubt ? 'stale' : 'sent', now, line.doubt ?? 'requested, no message yet');
    }
  }

  #letGo(line: Line): void {
    if (line.state === 'ended') return;
    const isUnowned = line.owners.length === 0;
    this.#requests.letGo(
      line,
      isUnowned ? 'no ACTIVE strategy wants it any more' : this.#demand.whyNot(line.owners),
    );
  }

  #forgetUnowned(line: Line): void {
    if (line.owners.length === 0) this.#lines.delete(line.conId);
  }

  /** Sends what is granted and not requested, in the order of service, as far as the ledger has room. */
  #pump(): void {
    for (const conId of this.#demand.conIds) {
      const line = this.#lines.get(conId);
      if (line) this.#requests.send(line);
    }
  }

  #onLineEvent(event: LineEvent): void {
    const line = this.#requests.lineOf(event.reqId);
    if (!line?.request) return;
    line.hear(event);
    if (event.type === 'requestNotice') {
      const { meaning, code, message } = event;
      if (meaning === 'competing-session') this.#watchdog.compete(line, `${message} (code ${code})`);
      else this.#requests.onNotice(line, event);
      return;
    }
    if (!line.request.isConfirmed) this.#confirm(line, line.request);
    if (event.type === 'pulse') return;
    if (event.type !== 'marketDataType') this.#ticks += 1;
    if (line.isGranted) this.#options.onQuote(line.conId);
  }

  /** By any message; a line that is doubted only by a tick. */
  #confirm(line: Line, request: LineRequest): void {
    line.failedAttempts = 0;
    if (line.suspicion) {
      if (!line.hasSpoken) {
        if (line.state === 'sent') line.enter('stale', Date.now(), `${line.doubt}, answered without a tick`);
        return;
      }
      this.#watchdog.trust(line);
    }
    request.isConfirmed = true;
    if (line.isGranted) line.enter('confirmed', Date.now(), whyStreaming(line));
  }

  /** After 1100 the gateway refuses valid contracts: until the link has settled no refusal is believed. */
  #refuse(line: Line, refusal: Refusal): void {
    if (!this.#lines.has(line.conId)) return;
    if (this.#isLinkDown || performance.now() < this.#linkSettledTick) {
      this.#requests.tryLater(line, refusal.text);
      return;
    }
    line.refusal = refusal;
    line.enter('refused', Date.now(), refusal.text);
    this.#options.log.warn('line-refused', { conId: line.conId, ...refusal });
    this.#options.onQuote(line.conId);
    this.#replan();
  }
}

function whyStreaming(line: Line): string {
  return `streams for ${line.owners.join(', ')}`;
}
