import type { Book } from './book.ts';
import { corruption } from './corruption.ts';
import { farmNotice, isFedBy } from './farms.ts';
import {
  type Fault,
  type FaultInput,
  type FaultOf,
  faultSchema,
  isStanding,
  type MomentaryFault,
  type StandingFault,
} from './faults.ts';
import type { LineLedger } from './lines.ts';
import type { LineInUse, MarketData } from './market-data.ts';
import { effectOf, NOTICES, type Notice, noticeOf } from './notices.ts';
import type { Session } from './session.ts';
import type { StandingFaults } from './standing-faults.ts';

/** A fault that was injected. */
export interface Injection {
  /** Ends what stands; what happened at once is over already. A second call does nothing. */
  end(): void;
  /** It did something to somebody. */
  readonly isExercised: boolean;
}

/** What faults do to the gateway as a whole. */
export interface GatewayControl {
  sessions(): readonly Session[];
  /** @returns connections that ended */
  drop(how: 'end' | 'reset'): number;
  /** Listens on another port, says so to every client by 1300, and drops them. */
  movePort(fault: FaultOf<'port-change'>): void;
}

/** Makes faults happen: the ones that do something at once here, the others by what they leave in `standing`. */
export class Injector {
  readonly #standing: StandingFaults;
  readonly #marketData: MarketData;
  readonly #ledger: LineLedger;
  readonly #book: Book;
  readonly #control: GatewayControl;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: {
    readonly standing: StandingFaults;
    readonly marketData: MarketData;
    readonly ledger: LineLedger;
    readonly book: Book;
    readonly control: GatewayControl;
  }) {
    this.#standing = options.standing;
    this.#marketData = options.marketData;
    this.#ledger = options.ledger;
    this.#book = options.book;
    this.#control = options.control;
  }

  /**
   * @param forMs after which a standing fault ends by itself
   * @throws ZodError on what is no fault, RangeError on a position that does not exist
   */
  inject(input: FaultInput, forMs?: number): Injection {
    const fault: Fault = faultSchema.parse(input);
    const standing = this.#standing;
    if (!isStanding(fault)) {
      this.#happen(fault);
      return injectionOf(() => {});
    }
    standing.add(fault);
    this.#begin(fault);
    const end = () => {
      if (standing.remove(fault)) this.#over(fault);
    };
    if (forMs !== undefined) this.#later(forMs, end);
    return injectionOf(end);

    function injectionOf(ended: () => void): Injection {
      return {
        end: ended,
        get isExercised() {
          return standing.isExercised(fault);
        },
      };
    }
  }

  /** What would happen later does not. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #later(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
  }

  #happen(fault: MomentaryFault): void {
    switch (fault.kind) {
      case 'notice':
        this.#tellAll(fault, noticeOf(fault.code, fault.text));
        break;
      case 'line-errors':
        this.#errLines(fault);
        break;
      case 'drop':
        this.#standing.exercise(fault, `connections ended: ${fault.how}`, this.#control.drop(fault.how));
        break;
      case 'port-change':
        this.#control.movePort(fault);
        break;
      case 'frame':
        this.#sendAll(fault, 'a frame of choice', (session) => session.send([fault.fields]));
        break;
      case 'corrupt':
        this.#sendAll(fault, fault.form, (session) =>
          corruption(fault.form, session, this.#marketData.inUse()),
        );
        break;
      case 'assignment':
        this.#book.assign(fault);
        this.#standing.exercise(fault, `option ${fault.conId} became its underlying`);
        break;
      case 'expiry':
        this.#book.expire(fault);
        this.#standing.exercise(fault, `${fault.conId} is gone`);
        break;
      case 'restart':
        this.#restart(fault);
        break;
      default:
        fault satisfies never;
    }
  }

  #begin(fault: StandingFault): void {
    switch (fault.kind) {
      case 'link-lost':
        this.#tellAll(fault, noticeOf(fault.code, fault.text));
        break;
      case 'farm-broken':
        this.#tellAll(fault, farmNotice(fault, false));
        break;
      case 'competing-session':
        for (const { client, reqId } of this.#marketData.inUse()) client.notify(reqId, noticeOf(10197));
        this.#standing.exercise(fault, '10197 on lines', this.#marketData.inUse().length);
        break;
      case 'lines-taken':
        this.#ledger.takeElsewhere(fault.count);
        if (fault.evict) this.#evict(fault);
        break;
      default:
        // The others act when somebody asks for what they spoil.
        break;
    }
  }

  #over(fault: StandingFault): void {
    switch (fault.kind) {
      case 'link-lost':
        if (fault.restore === 1101) for (const line of this.#marketData.inUse()) this.#marketData.lose(line);
        else if (fault.ticks === 'dead') this.#deaden(() => true);
        this.#tellAll(fault, noticeOf(fault.restore, fault.restoreText));
        break;
      case 'farm-broken':
        if (fault.ticks === 'dead') this.#deaden(({ instrument }) => isFedBy(instrument, fault));
        this.#tellAll(fault, farmNotice(fault, true));
        break;
      case 'lines-taken':
        this.#ledger.takeElsewhere(-fault.count);
        break;
      default:
        break;
    }
  }

  #errLines(fault: FaultOf<'line-errors'>): void {
    const { code, text, conIds, count = Number.POSITIVE_INFINITY } = fault;
    const hit = this.#marketData
      .inUse()
      .filter(({ instrument }) => conIds?.includes(instrument.contract.conId) ?? true)
      .slice(0, count);
    for (const line of hit) {
      line.client.notify(line.reqId, noticeOf(code, text));
      const effect = effectOf(code);
      if (effect === 'ends') this.#marketData.lose(line);
      else if (effect === 'starves') this.#marketData.deaden(line);
    }
    this.#standing.exercise(fault, `${code} on lines`, hit.length);
  }

  #evict(fault: StandingFault): void {
    const evicted = this.#marketData.inUse().slice(0, this.#ledger.excess);
    for (const line of evicted) {
      line.client.notify(line.reqId, NOTICES.noLine);
      this.#marketData.lose(line);
    }
    this.#standing.exercise(fault, '101 on lines', evicted.length);
  }

  #deaden(fits: (line: LineInUse) => boolean): void {
    for (const line of this.#marketData.inUse().filter(fits)) this.#marketData.deaden(line);
  }

  #restart(fault: FaultOf<'restart'>): void {
    const { downMs, lingerMs, loading } = fault;
    const clientIds = this.#control.sessions().map(({ clientId }) => clientId);
    const refusal = this.inject({ kind: 'connections-refused' });
    this.#standing.exercise(fault, 'clients were sent away', this.#control.drop('end'));
    this.#later(downMs, () => {
      refusal.end();
      if (clientIds.length > 0 && lingerMs > 0)
        this.inject({ kind: 'client-ids-linger', clientIds }, lingerMs);
      if (loading !== undefined) {
        const { positions: answer, share, forMs } = loading;
        this.inject({ kind: 'positions', answer, share }, forMs);
      }
    });
  }

  #tellAll(fault: Fault, notice: Notice): void {
    this.#sendAll(fault, String(notice.code), (session) => session.notify(-1, notice));
  }

  #sendAll(fault: Fault, detail: string, send: (session: Session) => void): void {
    const sessions = this.#control.sessions();
    for (const session of sessions) send(session);
    this.#standing.exercise(fault, detail, sessions.length);
  }
}
