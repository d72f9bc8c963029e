import { WATCH } from '../../shared/limits.ts';

/**
 * The watch class: held short options that no strategy streams and that are near their end or near the money. Pure;
 * what it gets are lines that nobody else needs.
 */

/** A held short option, and what is known of its danger. */
export interface ShortOption {
  readonly conId: number;
  /** Open strategies that hold it short, in text order. */
  readonly strategyIds: readonly string[];
  /** YYYYMMDD */
  readonly lastTradeDate: string;
  /** Trading days after the present one. */
  readonly tradingDaysLeft: number;
  /** Between the underlying's price and the strike, as a share of the strike; undefined where no price is known. */
  readonly distance: number | undefined;
}

/** One that has a line of the watch class. */
interface Watched {
  readonly sinceMs: number;
  /** Came within `nearRatio` and has not been seen beyond `releaseRatio` since. */
  readonly isNear: boolean;
}

/** conId -> what is watched, in the order of service. */
export type WatchState = ReadonlyMap<number, Watched>;

export const NOTHING_WATCHED: WatchState = new Map();

/** In the order of service. `held`: neither is true any more, and its quarter of an hour is not over. */
const URGENCIES = ['expiring and near', 'expiring', 'near', 'held'] as const;

type Urgency = (typeof URGENCIES)[number];

interface Placed extends Watched {
  readonly conId: number;
  readonly urgency: Urgency;
}

/**
 * Who has a line now. One that has a line keeps it for at least `holdMs`, and afterwards for as long as it qualifies,
 * unless a more urgent one has none. Only a lack of lines, the end of the position or a strategy that streams it itself
 * ends it sooner.
 * @param options held short options that no strategy streams, each conId once; `capacity` in lines that nobody else
 *   needs; `now` in epoch milliseconds
 */
export function nextWatch(
  state: WatchState,
  options: {
    readonly shorts: readonly ShortOption[];
    readonly capacity: number;
    readonly now: number;
  },
): WatchState {
  const { shorts, now } = options;
  const capacity = Math.min(WATCH.linesMax, Math.max(0, options.capacity));
  const [present, waiting]: [Placed[], Placed[]] = [[], []];
  for (const short of shorts) {
    const watched = state.get(short.conId);
    const placed = place(short, watched, now);
    if (placed) (watched ? present : waiting).push(placed);
  }
  const watched = present.sort(byService).slice(0, capacity);
  for (const candidate of waiting.sort(byService)) {
    if (watched.length < capacity) watched.push(candidate);
    else displace(watched, candidate, now);
  }
  return new Map(watched.sort(byService).map(({ conId, sinceMs, isNear }) => [conId, { sinceMs, isNear }]));
}

/** A sentence's end: why it is watched, or why it is not. */
export function describeWatch(state: WatchState, short: ShortOption): string {
  const watched = state.get(short.conId);
  const urgency = urgencyOf(short, watched?.isNear ?? isWithin(short, WATCH.nearRatio));
  const facts = `${lastDayOf(short)}, ${distanceOf(short)}`;
  if (watched && urgency === undefined) return `a while longer in the watch class: ${facts}`;
  if (watched) return `in the watch class: ${facts}`;
  if (urgency !== undefined) return `due for the watch class, but no line is left for it: ${facts}`;
  return `not in the watch class: ${facts}`;
}

function place(short: ShortOption, watched: Watched | undefined, now: number): Placed | undefined {
  const { conId } = short;
  if (!watched) {
    const isNear = isWithin(short, WATCH.nearRatio);
    const urgency = urgencyOf(short, isNear);
    return urgency && { conId, sinceMs: now, isNear, urgency };
  }
  // Where no price is known any more, nothing says that it has moved away.
  const isNear =
    isWithin(short, WATCH.nearRatio) ||
    (watched.isNear && (short.distance === undefined || isWithin(short, WATCH.releaseRatio)));
  const urgency = urgencyOf(short, isNear) ?? (isHeld(watched, now) ? 'held' : undefined);
  return urgency && { conId, sinceMs: watched.sinceMs, isNear, urgency };
}

function urgencyOf({ tradingDaysLeft }: ShortOption, isNear: boolean): Urgency | undefined {
  const isExpiring = tradingDaysLeft <= WATCH.tradingDaysLeftMax;
  if (isExpiring) return isNear ? 'expiring and near' : 'expiring';
  return isNear ? 'near' : undefined;
}

/** Takes the place of the least urgent one whose hold is over, if that is less urgent than itself. */
function displace(watched: Placed[], candidate: Placed, now: number): void {
  const last = watched.findLastIndex((each) => !isHeld(each, now));
  const weakest = watched[last];
  if (weakest && rank(weakest) > rank(candidate)) watched.splice(last, 1, candidate);
  watched.sort(byService);
}

function isHeld({ sinceMs }: Watched, now: number): boolean {
  return now - sinceMs < WATCH.holdMs;
}

function isWithin({ distance }: ShortOption, ratio: number): boolean {
  return distance !== undefined && distance <= ratio;
}

function rank({ urgency }: Placed): number {
  return URGENCIES.indexOf(urgency);
}

function byService(left: Placed, right: Placed): number {
  return rank(left) - rank(right) || left.sinceMs - right.sinceMs || left.conId - right.conId;
}

function lastDayOf({ tradingDaysLeft, lastTradeDate }: ShortOption): string {
  if (tradingDaysLeft <= 0) return 'its last trading day has come';
  if (tradingDaysLeft === 1) return 'its last trading day is the next one';
  return `it trades until ${lastTradeDate.replace(/^(....)(..)(..)$/, '$1-$2-$3')}`;
}

function distanceOf({ distance }: ShortOption): string {
  if (distance === undefined) return 'no price of its underlying is known';
  return `its underlying is ${(100 * distance).toFixed(1)} % from the strike`;
}
