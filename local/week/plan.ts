import { decimal } from '../../shared/decimal.ts';
import type { StrategyInput } from '../../shared/strategy.ts';
import type { Service, ServiceFault } from '../aws/service.ts';
import { Book } from '../gateway/book.ts';
import type { FaultInput, FaultOf } from '../gateway/faults.ts';
import type { Instrument, Portfolio, Position } from '../gateway/portfolio.ts';
import { createRandom, type Random } from '../gateway/random.ts';
import { strategiesOfCondors } from '../run/seed.ts';
import type { Timing } from './profile.ts';

/** What happens to the system, and when at the earliest: in milliseconds after its part of the week began. */
export type Step = { readonly atMs: number } & Deed;

export type Deed =
  | { readonly do: 'fault'; readonly name: string; readonly fault: FaultInput; readonly forMs?: number }
  /** The nightly restart. Settled before the bridge is back: who expired or was assigned. */
  | {
      readonly do: 'restart';
      readonly fault: FaultOf<'restart'>;
      readonly settled: readonly FaultOf<'assignment' | 'expiry'>[];
    }
  /** The weekly one: nobody listens, then somebody who says nothing. */
  | { readonly do: 'login'; readonly refusedMs: number; readonly muteMs: number }
  | { readonly do: 'kill' }
  | {
      readonly do: 'aws-away';
      readonly services: readonly Service[];
      readonly how: ServiceFault;
      readonly forMs: number;
    }
  | { readonly do: 'disk-full' }
  | { readonly do: 'trade'; readonly trade: Trade }
  | { readonly do: 'switch'; readonly id: string; readonly status: StrategyInput['status'] }
  /** One side of a condor to a later expiration: other positions, and a new version of the strategy. */
  | { readonly do: 'roll'; readonly strategy: StrategyInput; readonly trades: readonly Trade[] };

export type Trade =
  | { readonly type: 'open' | 'change'; readonly position: Position }
  | { readonly type: 'close'; readonly account: string; readonly conId: number };

export interface Phase {
  readonly name: string;
  readonly kind: 'session' | 'night' | 'weekend';
  readonly durationMs: number;
  /** By time. */
  readonly steps: readonly Step[];
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'] as const;
export const SESSIONS_MAX = DAYS.length;

const SESSION_MS = 32_000;
const NIGHT_MS = 12_000;
const WEEKEND_MS = 18_000;
const KILLS_PER_DAY = 2;
/** Of the positions, while the gateway loads. */
const HALF_LOADED = 0.3;
/** By a person's TWS. */
const LINES_LEFT = 12;
const OUTAGES_PER_WEEK = 2;
const FAULTS_PER_SESSION = 4;
const TRADES_PER_SESSION = 8;
const SWITCHES_PER_SESSION = 3;

/**
 * The same seed gives the same week: which fault at what time, which contracts are traded, when the bridge is killed.
 * A week of fewer sessions has its share of everything, at least one of each kind, and always a weekend at its end.
 */
export function planWeek(options: {
  readonly seed: number;
  readonly sessions: number;
  readonly portfolio: Portfolio;
  readonly timing: Timing;
  /** By the gateway; a person's TWS takes all of them but a few. */
  readonly linesGranted: number;
}): Phase[] {
  const planner = new Planner(options);
  const phases: Phase[] = [];
  for (let nth = 0; nth < options.sessions; nth += 1) {
    phases.push(planner.session(nth), planner.night(nth));
  }
  return phases;
}

class Planner {
  readonly #random: Random;
  readonly #timing: Timing;
  readonly #sessions: number;
  readonly #book: Book;
  readonly #instruments: ReadonlyMap<number, Instrument>;
  readonly #portfolio: Portfolio;
  readonly #strategies: Map<string, StrategyInput>;
  readonly #deck: (Deed & { do: 'fault' })[];
  readonly #outageDays: ReadonlySet<number>;
  readonly #diskDay: number;

  constructor(options: Parameters<typeof planWeek>[0]) {
    const { seed, sessions, portfolio, timing } = options;
    this.#random = createRandom(seed);
    this.#timing = timing;
    this.#sessions = sessions;
    this.#portfolio = portfolio;
    this.#instruments = new Map(portfolio.instruments.map((each) => [each.contract.conId, each]));
    this.#book = new Book({ ...portfolio, instruments: this.#instruments });
    this.#strategies = new Map(strategiesOfCondors(portfolio.condors).map((each) => [each.id, each]));
    this.#deck = this.#shuffledDeck(options.linesGranted);
    const days = this.#shuffled(Array.from({ length: sessions }, (_, nth) => nth));
    const outages = Math.max(1, Math.round((OUTAGES_PER_WEEK * sessions) / SESSIONS_MAX));
    this.#outageDays = new Set(days.slice(0, outages));
    this.#diskDay = days[outages % days.length] ?? 0;
  }

  session(nth: number): Phase {
    const outage = this.#outage(nth);
    const steps: Step[] = [...this.#faults(), ...outage, ...this.#fullDisk(nth)];
    for (let kill = 0; kill < this.#killsByDay(nth); kill += 1) {
      // A bridge that starts while AWS is away has nothing but its disk.
      const [away] = kill === 0 ? outage : [];
      const atMs = away === undefined ? this.#moment(SESSION_MS) : away.atMs + this.#moment(away.forMs);
      steps.push({ atMs, do: 'kill' });
    }
    // Drawn in the order of time: what is closed was open, what is switched on was off.
    const draws = [
      ...Array.from({ length: TRADES_PER_SESSION }, () => () => this.#trade()),
      ...Array.from({ length: SWITCHES_PER_SESSION }, () => () => this.#switch()),
      () => this.#roll(),
    ];
    const times = draws.map(() => this.#moment(SESSION_MS)).sort((left, right) => left - right);
    for (const [index, draw] of this.#shuffled(draws).entries()) {
      const deed = draw();
      if (deed !== undefined) steps.push({ atMs: times[index] ?? 0, ...deed });
    }
    return {
      name: DAYS[nth] ?? `day ${nth + 1}`,
      kind: 'session',
      durationMs: SESSION_MS,
      steps: byTime(steps),
    };
  }

  night(nth: number): Phase {
    const isWeekend = nth === this.#sessions - 1;
    const durationMs = isWeekend ? WEEKEND_MS : NIGHT_MS;
    const steps: Step[] = [{ atMs: 0, ...this.#restart(nth, isWeekend) }];
    if (isWeekend) {
      const { loginMs } = this.#timing.world;
      steps.push({ atMs: 0, do: 'login', refusedMs: loginMs, muteMs: loginMs / 2 });
    }
    for (let kill = this.#killsByDay(nth); kill < KILLS_PER_DAY; kill += 1) {
      steps.push({ atMs: this.#moment(durationMs), do: 'kill' });
    }
    return {
      name: isWeekend ? 'weekend' : `${DAYS[nth] ?? `day ${nth + 1}`} night`,
      kind: isWeekend ? 'weekend' : 'night',
      durationMs,
      steps: byTime(steps),
    };
  }

  #faults(): Step[] {
    const slotMs = SESSION_MS / FAULTS_PER_SESSION;
    return Array.from({ length: FAULTS_PER_SESSION }, (_, slot): Step => {
      const deed = this.#deck.shift();
      if (deed === undefined) throw new RangeError('the deck of faults is too small');
      this.#deck.push(deed);
      return { atMs: Math.round(slot * slotMs + this.#random.next() * (slotMs / 2)), ...deed };
    });
  }

  /** The first ones are those that every week has; the rest comes in the order of chance. */
  #shuffledDeck(linesGranted: number): (Deed & { do: 'fault' })[] {
    const { silenceMs } = this.#timing.world;
    const always = [
      fault('farm blip, ticks come back', { kind: 'farm-broken', farm: 'usopt' }, 2000),
      fault('1100, then 1101', { kind: 'link-lost', restore: 1101 }, 2500),
      fault('1100, then 1102', { kind: 'link-lost', restore: 1102 }, 2500),
      fault(
        "a person's TWS takes lines (101)",
        { kind: 'lines-taken', count: linesGranted - LINES_LEFT, evict: true },
        3000,
      ),
    ];
    const others = [
      fault('competing session (10197)', { kind: 'competing-session' }, 3000),
      fault('2110, then 1102', { kind: 'link-lost', code: 2110, restore: 1102 }, 1500),
      fault('silence with an open socket', { kind: 'silence', what: 'everything' }, silenceMs),
      fault('connection reset', { kind: 'drop', how: 'reset' }),
      fault('positions that never end', { kind: 'positions', answer: 'never-end', times: 2 }),
      fault('farm blip of stocks', { kind: 'farm-broken', farm: 'usfarm' }, 2000),
      fault('delayed data', { kind: 'delayed-data' }, 2500),
      fault('greeks not computed', { kind: 'unset-greeks' }, 2500),
      fault('packets in pieces', { kind: 'fragmented', bytes: 7 }, 2500),
      fault('a frame cut in the middle', { kind: 'cut-frame', messageId: 61, after: 5 }),
      fault('an unknown message', { kind: 'corrupt', form: 'unknown-message' }),
      fault('historical farm blip', { kind: 'farm-broken', farm: 'ushmds', service: 'historical' }, 1000),
    ];
    return [...this.#shuffled(always), ...this.#shuffled(others)];
  }

  /** At any moment; on every second day the second one is at night. */
  #killsByDay(nth: number): number {
    return KILLS_PER_DAY - (nth % 2);
  }

  #outage(nth: number): (Step & { do: 'aws-away' })[] {
    if (!this.#outageDays.has(nth)) return [];
    const { outageMs } = this.#timing.world;
    const isFirst = Math.min(...this.#outageDays) === nth;
    return [
      {
        atMs: this.#moment(SESSION_MS / 2 - outageMs),
        do: 'aws-away',
        // Once nothing answers at all, once the queue takes messages that nobody can store.
        services: isFirst ? ['sqs', 's3', 'dynamodb'] : ['s3', 'dynamodb'],
        how: isFirst ? 'refused' : 'unavailable',
        forMs: outageMs,
      },
    ];
  }

  #fullDisk(nth: number): Step[] {
    if (nth !== this.#diskDay) return [];
    return [{ atMs: SESSION_MS / 2 + this.#moment(SESSION_MS / 4), do: 'disk-full' }];
  }

  /** What is off at the end of a day stays off overnight. */
  #switch(): Deed {
    const strategies = [...this.#strategies.values()];
    const off = strategies.filter(({ status }) => status === 'INACTIVE');
    const strategy = this.#random.pick(off.length > 0 && this.#random.next() < 0.6 ? off : strategies);
    const status = strategy.status === 'ACTIVE' ? 'INACTIVE' : 'ACTIVE';
    this.#strategies.set(strategy.id, { ...strategy, status });
    return { do: 'switch', id: strategy.id, status };
  }

  /** Every other night, and the last one, the list of positions is not there yet when the gateway is. */
  #restart(nth: number, isWeekend: boolean): Deed {
    const { downMs, lingerMs, loadingMs } = this.#timing.world;
    if (nth % 2 === 1 && !isWeekend) {
      return { do: 'restart', fault: { kind: 'restart', downMs, lingerMs }, settled: this.#settle() };
    }
    const positions = nth % 4 === 0 ? 'empty' : 'partial';
    const loading = { positions, share: HALF_LOADED, forMs: loadingMs } as const;
    return { do: 'restart', fault: { kind: 'restart', downMs, lingerMs, loading }, settled: [] };
  }

  /** Two short options are gone in the morning, one of them for its underlying. */
  #settle(): FaultOf<'assignment' | 'expiry'>[] {
    return (['assignment', 'expiry'] as const).flatMap((kind) => {
      const row = this.#pickHeld(({ contract }) => contract.secType === 'OPT');
      if (row === undefined) return [];
      const { account, conId } = row;
      if (kind === 'assignment') this.#book.assign({ account, conId });
      else this.#book.expire({ account, conId });
      return [{ kind, account, conId }];
    });
  }

  #trade(): Deed {
    for (;;) {
      const deed = this.#anyTrade();
      if (deed !== undefined) return deed;
    }
  }

  #anyTrade(): Deed | undefined {
    const draw = this.#random.next();
    if (draw < 0.35) {
      const free = this.#portfolio.instruments.filter(({ contract }) => this.#isFree(contract));
      const { contract } = this.#random.pick(free);
      const account = this.#random.pick(this.#portfolio.accounts);
      const isHeld = this.#book.positions.some(
        (row) => row.account === account && row.conId === contract.conId,
      );
      if (isHeld) return undefined;
      const averageCost = decimal(1 + this.#random.below(500));
      const quantity = decimal(this.#random.below(2) === 0 ? 1 : -2);
      return this.#does({
        type: 'open',
        position: { account, conId: contract.conId, quantity, averageCost },
      });
    }
    const row = this.#pickHeld(() => true);
    if (row === undefined) return undefined;
    if (draw < 0.6) return this.#does({ type: 'close', account: row.account, conId: row.conId });
    const quantity = Number(row.quantity) + 1;
    if (quantity === 0) return undefined;
    return this.#does({ type: 'change', position: { ...row, quantity: decimal(quantity) } });
  }

  #roll(): Deed | undefined {
    for (const strategy of this.#shuffled([...this.#strategies.values()])) {
      const side = this.#random.next() < 0.5 ? 'P' : 'C';
      const targets = strategy.legs.map(({ conId }) => this.#rollTarget(conId, side, strategy.account));
      const trades: Trade[] = [];
      const legs = strategy.legs.map((leg, index) => {
        const target = targets[index];
        const held = this.#held(strategy.account, leg.conId);
        if (target === undefined || held === undefined) return leg;
        trades.push(
          { type: 'close', account: strategy.account, conId: leg.conId },
          { type: 'open', position: { ...held, conId: target, quantity: leg.quantity } },
        );
        return { ...leg, conId: target };
      });
      if (trades.length === 0) continue;
      const rolled = { ...strategy, legs };
      this.#strategies.set(strategy.id, rolled);
      for (const trade of trades) applyTrade(this.#book, trade);
      return { do: 'roll', strategy: rolled, trades };
    }
    return undefined;
  }

  /** The same strike later, if it can be asked for and nobody has it. */
  #rollTarget(conId: number, side: 'P' | 'C', account: string): number | undefined {
    const from = this.#instruments.get(conId);
    if (from?.contract.right !== side) return undefined;
    const { strike, lastTradeDate = '' } = from.contract;
    const isWanted = (wanted: number) =>
      [...this.#strategies.values()].some(({ legs }) => legs.some((leg) => leg.conId === wanted));
    return this.#portfolio.instruments.find(
      ({ contract, underConId }) =>
        underConId === from.underConId &&
        contract.right === side &&
        contract.strike === strike &&
        (contract.lastTradeDate ?? '') > lastTradeDate &&
        !isWanted(contract.conId) &&
        this.#held(account, contract.conId) === undefined,
    )?.contract.conId;
  }

  #does(trade: Trade): Deed {
    applyTrade(this.#book, trade);
    return { do: 'trade', trade };
  }

  #held(account: string, conId: number): Position | undefined {
    return this.#book.positions.find((row) => row.account === account && row.conId === conId);
  }

  /** Of what no strategy has. */
  #pickHeld(fits: (instrument: Instrument) => boolean): Position | undefined {
    const rows = this.#book.positions.filter(({ conId }) => {
      const instrument = this.#instruments.get(conId);
      return instrument !== undefined && this.#isFree(instrument.contract) && fits(instrument);
    });
    return rows.length === 0 ? undefined : this.#random.pick(rows);
  }

  #isFree({ conId, secType }: Instrument['contract']): boolean {
    if (secType === 'IND') return false;
    return ![...this.#strategies.values()].some(({ legs }) => legs.some((leg) => leg.conId === conId));
  }

  #moment(belowMs: number): number {
    return this.#random.below(Math.max(1, Math.round(belowMs)));
  }

  /** Fisher and Yates. */
  #shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    const shuffled: T[] = [];
    while (rest.length > 0) shuffled.push(...rest.splice(this.#random.below(rest.length), 1));
    return shuffled;
  }
}

/** What a trade does to a book: the planner's own, or the gateway's. */
export function applyTrade(book: Pick<Book, 'open' | 'change' | 'close'>, trade: Trade): void {
  if (trade.type === 'close') book.close(trade);
  else book[trade.type](trade.position);
}

function fault(name: string, input: FaultInput, forMs?: number): Deed & { do: 'fault' } {
  return { do: 'fault', name, fault: input, ...(forMs === undefined ? {} : { forMs }) };
}

function byTime(steps: readonly Step[]): Step[] {
  return steps.toSorted((left, right) => left.atMs - right.atMs);
}
