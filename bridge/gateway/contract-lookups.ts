import { LINES } from '../../shared/limits.ts';
import type { Log } from '../log.ts';
import type { ContractDetails, Gateway, GatewayEvent, RequestContract } from './events.ts';

export interface LookupLimits {
  /** Requests under way at a time: few, so that they never fill the pacer's queue. */
  readonly concurrency: number;
  /** Of one request, waiting for its turn in the pacer included. */
  readonly deadlineMs: number;
  /** Requests without an answer before whoever waits is told. */
  readonly attemptsMax: number;
  /** After a request that was shed. */
  readonly restMs: number;
  /** Lookups that may wait; above it they are refused at once with `retry`. */
  readonly waitingMax: number;
  /** After 1100 queued 200s arrive for valid contracts: until so long after the link is up none is believed. */
  readonly linkGraceMs: number;
  /** A contract that the broker refused is not asked for again before. */
  readonly refusalMs: number;
}

const LIMITS: LookupLimits = {
  concurrency: 8,
  deadlineMs: 20_000,
  attemptsMax: 3,
  restMs: 1_000,
  waitingMax: 10_000,
  linkGraceMs: LINES.linkGraceMs,
  refusalMs: 600_000,
};

/** Refusals remembered; the oldest goes first, which costs one more request. */
const REFUSALS_MAX = 1_000;

/** A contract could not be resolved. `drop`: the broker does not know it. `retry`: no answer, ask again later. */
export class ContractFault extends Error {
  override readonly name = 'ContractFault';
  readonly disposition: 'retry' | 'drop';

  constructor(disposition: 'retry' | 'drop', message: string) {
    super(message);
    this.disposition = disposition;
  }
}

export interface Question {
  readonly key: string;
  readonly contract: RequestContract | { readonly conId: number };
}

interface Waiter {
  readonly resolve: (details: ContractDetails) => void;
  readonly reject: (cause: unknown) => void;
}

interface Lookup extends Question {
  readonly waiters: Set<Waiter>;
  readonly rows: Map<number, ContractDetails>;
  attempts: number;
  timer?: NodeJS.Timeout;
}

/** reqContractDetails, bounded and deduplicated: one request per key, however many wait for its answer. */
export class ContractLookups {
  readonly #gateway: Gateway;
  readonly #log: Log;
  readonly #limits: LookupLimits;
  readonly #answered: (details: ContractDetails) => void;
  readonly #lookups = new Map<string, Lookup>();
  readonly #queue = new Set<Lookup>();
  readonly #asked = new Map<number, Lookup>();
  readonly #refusals = new Map<string, { readonly untilMs: number; readonly message: string }>();
  #unsubscribe: (() => void) | undefined;
  #linkUp = true;
  #suspectUntilMs = 0;

  constructor(options: {
    readonly gateway: Gateway;
    readonly log: Log;
    readonly limits: Partial<LookupLimits>;
    /** Each answer once, also when nobody waits for it any more. */
    readonly answered: (details: ContractDetails) => void;
  }) {
    this.#answered = options.answered;
    this.#gateway = options.gateway;
    this.#log = options.log;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  get waiting(): number {
    return this.#lookups.size;
  }

  get refused(): number {
    return this.#refusals.size;
  }

  start(): void {
    this.#unsubscribe ??= this.#gateway.subscribe((event) => this.#receive(event));
  }

  stop(): void {
    this.#unsubscribe?.();
    for (const lookup of [...this.#lookups.values()]) {
      this.#reject(lookup, new ContractFault('retry', 'the contract book was stopped'));
    }
    this.#asked.clear();
  }

  /** @throws ContractFault, or the signal's reason; a lookup that nobody waits for any more is given up */
  ask(question: Question, signal: AbortSignal): Promise<ContractDetails> {
    const answer = Promise.withResolvers<ContractDetails>();
    const refusal = this.#refusals.get(question.key);
    if (refusal !== undefined && refusal.untilMs > Date.now()) {
      return Promise.reject(new ContractFault('drop', refusal.message));
    }
    const lookup = this.#find(question);
    if (lookup === undefined) {
      const message = `not asked: ${this.#lookups.size} contracts are waited for already`;
      return Promise.reject(new ContractFault('retry', message));
    }
    const abort = () => {
      answer.reject(signal.reason);
      this.#leave(lookup, waiter);
    };
    const waiter: Waiter = {
      resolve: (details) => {
        signal.removeEventListener('abort', abort);
        answer.resolve(details);
      },
      reject: (cause) => {
        signal.removeEventListener('abort', abort);
        answer.reject(cause);
      },
    };
    signal.addEventListener('abort', abort, { once: true });
    lookup.waiters.add(waiter);
    this.#pump();
    return answer.promise;
  }

  /** For who has an answer already and wants a newer one: nobody waits, a fault is only logged. */
  askQuietly(question: Question): void {
    if (this.#lookups.has(question.key)) return;
    this.ask(question, new AbortController().signal).catch((cause: unknown) => {
      if (!(cause instanceof ContractFault)) throw cause;
      this.#log.warn('contract-not-refreshed', { key: question.key, cause: cause.message });
    });
  }

  #find(question: Question): Lookup | undefined {
    const present = this.#lookups.get(question.key);
    if (present !== undefined) return present;
    if (this.#lookups.size >= this.#limits.waitingMax) return undefined;
    const lookup: Lookup = { ...question, waiters: new Set(), rows: new Map(), attempts: 0 };
    this.#lookups.set(question.key, lookup);
    this.#queue.add(lookup);
    return lookup;
  }

  #pump(): void {
    if (!this.#gateway.isReady || !this.#linkUp) return;
    for (const lookup of this.#queue) {
      if (this.#asked.size >= this.#limits.concurrency) return;
      this.#queue.delete(lookup);
      lookup.rows.clear();
      const reqId = this.#gateway.requests.requestContractDetails(lookup.contract);
      this.#asked.set(reqId, lookup);
      lookup.timer = setTimeout(() => {
        this.#asked.delete(reqId);
        this.#retry(lookup, `no answer within ${this.#limits.deadlineMs} ms`, 0);
        this.#pump();
      }, this.#limits.deadlineMs);
    }
  }

  #receive(event: GatewayEvent): void {
    switch (event.type) {
      case 'ready':
        this.#linkUp = true;
        this.#refusals.clear();
        this.#pump();
        break;
      case 'lost':
        // Not the contract's fault: no attempt is counted.
        for (const lookup of this.#asked.values()) this.#enqueue(lookup);
        this.#asked.clear();
        break;
      case 'linkDown':
        this.#linkUp = false;
        break;
      case 'linkUp':
        this.#linkUp = true;
        this.#suspectUntilMs = Date.now() + this.#limits.linkGraceMs;
        this.#pump();
        break;
      case 'contractDetails':
        this.#asked.get(event.reqId)?.rows.set(event.details.contract.conId, event.details);
        break;
      case 'contractDetailsEnd':
        this.#take(event.reqId, (lookup) => this.#ended(lookup));
        break;
      case 'requestNotice':
        if (event.meaning === 'harmless') break;
        this.#take(event.reqId, (lookup) => this.#refuse(lookup, event));
        break;
    }
  }

  #take(reqId: number, then: (lookup: Lookup) => void): void {
    const lookup = this.#asked.get(reqId);
    if (lookup === undefined) return;
    this.#asked.delete(reqId);
    clearTimeout(lookup.timer);
    then(lookup);
    this.#pump();
  }

  #ended(lookup: Lookup): void {
    const wanted = lookup.rows.get(lookup.contract.conId);
    const [details] = wanted === undefined ? lookup.rows.values() : [wanted];
    if (details === undefined) {
      this.#retry(lookup, 'the answer was empty', this.#limits.restMs);
    } else if (wanted === undefined && (lookup.contract.conId !== 0 || lookup.rows.size > 1)) {
      const found = [...lookup.rows.keys()].join(', ');
      this.#drop(lookup, `${lookup.key} is ambiguous: the broker answered with conIds ${found}`);
    } else {
      this.#lookups.delete(lookup.key);
      this.#answered(details);
      for (const waiter of lookup.waiters) waiter.resolve(details);
    }
  }

  #refuse(lookup: Lookup, notice: Extract<GatewayEvent, { type: 'requestNotice' }>): void {
    const text = `${notice.message} (${notice.code})`;
    const suspectMs = this.#linkUp ? this.#suspectUntilMs - Date.now() : 0;
    if (!this.#linkUp || suspectMs > 0) {
      // The link speaks here, not the broker's list of contracts: ask again when it has settled.
      this.#rest(lookup, suspectMs);
    } else if (notice.meaning === 'refused' || notice.meaning === 'no-permission') {
      this.#drop(lookup, `the broker refused contract ${lookup.key}: ${text}`);
    } else {
      this.#retry(lookup, text, this.#limits.restMs);
    }
  }

  #retry(lookup: Lookup, cause: string, restMs: number): void {
    lookup.attempts += 1;
    if (lookup.attempts < this.#limits.attemptsMax) {
      this.#rest(lookup, restMs);
      return;
    }
    const message = `contract ${lookup.key} was asked for ${lookup.attempts} times: ${cause}`;
    this.#reject(lookup, new ContractFault('retry', message));
  }

  #rest(lookup: Lookup, restMs: number): void {
    if (restMs <= 0) {
      this.#enqueue(lookup);
      return;
    }
    lookup.timer = setTimeout(() => {
      this.#enqueue(lookup);
      this.#pump();
    }, restMs);
  }

  #enqueue(lookup: Lookup): void {
    clearTimeout(lookup.timer);
    if (lookup.waiters.size === 0) this.#lookups.delete(lookup.key);
    else this.#queue.add(lookup);
  }

  #drop(lookup: Lookup, message: string): void {
    this.#refusals.set(lookup.key, { untilMs: Date.now() + this.#limits.refusalMs, message });
    for (const [oldest] of this.#refusals) {
      if (this.#refusals.size <= REFUSALS_MAX) break;
      this.#refusals.delete(oldest);
    }
    this.#log.warn('contract-refused', { key: lookup.key, message });
    this.#reject(lookup, new ContractFault('drop', message));
  }

  #reject(lookup: Lookup, fault: ContractFault): void {
    clearTimeout(lookup.timer);
    this.#queue.delete(lookup);
    this.#lookups.delete(lookup.key);
    for (const waiter of lookup.waiters) waiter.reject(fault);
  }

  /** The last one to leave takes a lookup along that was not asked yet. */
  #leave(lookup: Lookup, waiter: Waiter): void {
    lookup.waiters.delete(waiter);
    if (lookup.waiters.size > 0 || !this.#queue.delete(lookup)) return;
    this.#lookups.delete(lookup.key);
  }
}
