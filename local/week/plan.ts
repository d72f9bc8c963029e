import type { Portfolio } from '../gateway/portfolio.ts';
import { createRandom, type Random } from '../gateway/random.ts';
import { DEAD_LINES, shuffledDeck } from './deck.ts';
import type { Deed, Phase, Step } from './deeds.ts';
import { Desk } from './desk.ts';
import type { Timing } from './profile.ts';
import { shuffled } from './shuffled.ts';

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'] as const;
export const SESSIONS_MAX = DAYS.length;

const SESSION_MS = 32_000;
const NIGHT_MS = 12_000;
const WEEKEND_MS = 18_000;
/** The end of a session, when nobody kills any more: the bridge itself has to mend what the last fault leaves. */
const AFTERMATH_MS = 4000;
const KILLS_PER_DAY = 2;
/** Of the positions, while the gateway loads: enough for each account to miss some. */
const MISSING_MIN = 0.1;
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
  readonly #desk: Desk;
  readonly #deck: (Deed & { do: 'fault' })[];
  readonly #outageDays: ReadonlySet<number>;
  readonly #diskDay: number;

  constructor(options: Parameters<typeof planWeek>[0]) {
    const { seed, sessions, portfolio, timing } = options;
    this.#random = createRandom(seed);
    this.#timing = timing;
    this.#sessions = sessions;
    this.#desk = new Desk(portfolio, this.#random);
    this.#deck = shuffledDeck({ linesGranted: options.linesGranted, world: timing.world }, this.#random);
    const days = shuffled(
      Array.from({ length: sessions }, (_, nth) => nth),
      this.#random,
    );
    const outages = Math.max(1, Math.round((OUTAGES_PER_WEEK * sessions) / SESSIONS_MAX));
    this.#outageDays = new Set(days.slice(0, outages));
    this.#diskDay = days[outages % days.length] ?? 0;
  }

  session(nth: number): Phase {
    const outage = this.#outage(nth);
    const steps: Step[] = [...this.#faults(nth), ...outage, ...this.#fullDisk(nth)];
    for (let kill = 0; kill < this.#killsByDay(nth); kill += 1) {
      // A bridge that starts while AWS is away has nothing but its disk.
      const [away] = kill === 0 ? outage : [];
      const atMs =
        away === undefined ? this.#moment(SESSION_MS - AFTERMATH_MS) : away.atMs + this.#moment(away.forMs);
      steps.push({ atMs, do: 'kill' });
    }
    const draws = [
      ...Array.from({ length: TRADES_PER_SESSION }, () => () => this.#desk.trade()),
      ...Array.from({ length: SWITCHES_PER_SESSION }, () => () => this.#desk.switch()),
      () => this.#desk.roll(),
    ];
    const times = draws
      .map(() => this.#moment(SESSION_MS - AFTERMATH_MS))
      .sort((left, right) => left - right);
    for (const [index, draw] of shuffled(draws, this.#random).entries()) {
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
    const steps: Step[] = [{ atMs: 0, ...this.#restart(nth) }];
    if (isWeekend) {
      const { loginMs } = this.#timing.world;
      steps.push({ atMs: 0, do: 'login', refusedMs: loginMs, muteMs: loginMs / 2 });
    }
    for (let kill = 0; kill < this.#killsByNight(nth); kill += 1) {
      steps.push({ atMs: this.#moment(durationMs), do: 'kill' });
    }
    return {
      name: isWeekend ? 'weekend' : `${DAYS[nth] ?? `day ${nth + 1}`} night`,
      kind: isWeekend ? 'weekend' : 'night',
      durationMs,
      steps: byTime(steps),
    };
  }

  #faults(nth: number): Step[] {
    const slotMs = (SESSION_MS - AFTERMATH_MS) / FAULTS_PER_SESSION;
    const dealt = Array.from({ length: FAULTS_PER_SESSION }, (_, slot): Step => {
      const deed = this.#deck.shift();
      if (deed === undefined) throw new RangeError('the deck of faults is too small');
      this.#deck.push(deed);
      return { atMs: Math.round(slot * slotMs + this.#random.next() * (slotMs / 2)), ...deed };
    });
    return [...dealt, { atMs: SESSION_MS - AFTERMATH_MS, ...DEAD_LINES[nth % 2 === 0 ? 0 : 1] }];
  }

  /** At any moment; on every second day one of them is at night, and on one day on the full disk. */
  #killsByDay(nth: number): number {
    return KILLS_PER_DAY - this.#killsByNight(nth) - (nth === this.#diskDay ? 1 : 0);
  }

  #killsByNight(nth: number): number {
    return nth % 2;
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
        untilBound: isFirst,
      },
    ];
  }

  #fullDisk(nth: number): Step[] {
    if (nth !== this.#diskDay) return [];
    return [{ atMs: SESSION_MS / 2 + this.#moment(SESSION_MS / 4), do: 'disk-full' }];
  }

  /** The list of positions is not whole yet when the gateway is there, and what was settled is not in it either. */
  #restart(nth: number): Deed {
    const { downMs, lingerMs, loadingMs } = this.#timing.world;
    const restart = { do: 'restart', downMs, lingerMs, settled: this.#desk.settle() } as const;
    const share = this.#random.next() / 3;
    switch (nth % 3) {
      case 0:
        // Less than half is missing: by itself nothing about such a list looks wrong.
        return {
          ...restart,
          loading: {
            answer: 'partial',
            share: 1 - MISSING_MIN - share,
            holdings: this.#random.pick(['not-ready', 'never-end']),
            forMs: loadingMs,
          },
        };
      case 1:
        return { ...restart, loading: { answer: 'empty', share: 0, forMs: loadingMs } };
      default:
        return { ...restart, loading: { answer: 'partial', share, forMs: loadingMs } };
    }
  }

  #moment(belowMs: number): number {
    return this.#random.below(Math.max(1, Math.round(belowMs)));
  }
}

function byTime(steps: readonly Step[]): Step[] {
  return steps.toSorted((left, right) => left.atMs - right.atMs);
}
