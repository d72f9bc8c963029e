import type { Quality } from '../../../shared/snapshot.ts';
import type { LaneClassStatus, PolledStatus } from '../../../shared/status.ts';
import type { RequestMeaning } from '../../gateway/events.ts';
import type { InstrumentName } from '../contract-resolver.ts';
import { type Quote, type QuoteState, quoteOf } from '../quote.ts';
import type { PollClass } from './schedule.ts';

/** One contract that is polled, with what its last poll said. */
export interface Poll {
  readonly pollClass: PollClass;
  /** A conId, or a configured instrument, which is asked for by name until its conId is known. */
  readonly wanted: number | InstrumentName;
  conId: number | undefined;
  quote: Quote;
  /** Epoch milliseconds. */
  answeredAt?: number;
  /** On the clock of `performance.now()`. */
  answeredTick?: number;
  /** A request of the lane's own, or a line that streams the contract anyway. */
  source?: 'snapshot' | 'stream';
  /** It was asked for last while nobody traded the contract: until somebody does, nothing is new. */
  isOfTheClose?: boolean;
  /** What was logged of it last: told once, until it answers again. */
  fault?: string;
}

/** Of these the values are worth something. */
const CURRENT: ReadonlySet<Quality> = new Set<Quality>(['live', 'delayed', 'frozen', 'no-bid']);

/** @param last of the same contract in another class: what it said is taken over */
export function newPoll(pollClass: PollClass, wanted: number | InstrumentName, last?: Poll): Poll {
  const conId = typeof wanted === 'number' ? wanted : undefined;
  return { quote: { quality: 'none' }, ...last, pollClass, wanted, conId };
}

/** How the log and the status call it. */
export function nameOf({ wanted }: Poll): string {
  return typeof wanted === 'number' ? String(wanted) : wanted.symbol;
}

/** So many periods may pass before a quote is called old: one poll may fail. */
const OVERDUE_PERIODS = 2;

/** @returns its quote; a quote that its period has overtaken is none of now, whatever its quality was then */
export function quoteNow(
  { quote, answeredTick }: Poll,
  context: { readonly nowTick: number; readonly periodMs: number; readonly isStarved: boolean },
): Quote {
  const { nowTick, periodMs, isStarved } = context;
  const isOverdue = answeredTick === undefined || nowTick - answeredTick > OVERDUE_PERIODS * periodMs;
  if (!isOverdue || !(CURRENT.has(quote.quality) || quote.quality === 'none')) return quote;
  if (isStarved) return { ...quote, quality: 'no-line' };
  return quote.mark === undefined ? quote : { ...quote, quality: 'stale' };
}

/** What an answer makes of the last quote: one without any value leaves the old ones, and says that they are old. */
export function answered(last: Quote, heard: QuoteState): Quote {
  const quote = quoteOf(heard);
  if (quote.mark !== undefined || last.mark === undefined) return quote;
  return { ...last, quality: heard.silence ?? 'stale' };
}

/** What is known is not of now; what is not known is nothing. */
export function stale(quote: Quote): Quote {
  return quote.mark === undefined ? { quality: 'none' } : { ...quote, quality: 'stale' };
}

/** @returns the first that is worth something now, else the first that has any value, else the first */
export function bestOf(quotes: readonly Quote[]): Quote | undefined {
  const known = quotes.filter(({ mark }) => mark !== undefined);
  return known.find(({ quality }) => CURRENT.has(quality)) ?? known[0] ?? quotes[0];
}

/** What a refusal makes of it: the values stay, and what they are worth is said. */
export function refused(quote: Quote, meaning: RequestMeaning): Quote {
  if (meaning === 'no-line' || meaning === 'no-permission') return { ...quote, quality: meaning };
  return stale(quote);
}

/** @param quote as it is now */
export function describePoll(poll: Poll, quote: Quote): PolledStatus {
  const { conId, answeredAt, source } = poll;
  return {
    name: nameOf(poll),
    ...(conId === undefined ? {} : { conId }),
    ...(quote.mark === undefined ? {} : { mark: quote.mark }),
    quality: quote.quality,
    ...(answeredAt === undefined ? {} : { lastAt: new Date(answeredAt).toISOString() }),
    ...(source === undefined ? {} : { source }),
  };
}

/** How many have answered, and how old the oldest answer is. */
export function describeAnswers(
  polls: Iterable<Poll>,
  nowTick: number,
): Pick<LaneClassStatus, 'quoted' | 'oldestMs'> {
  let quoted = 0;
  let oldestMs = 0;
  for (const { answeredTick } of polls) {
    if (answeredTick === undefined) continue;
    quoted += 1;
    oldestMs = Math.max(oldestMs, nowTick - answeredTick);
  }
  return { quoted, ...(quoted === 0 ? {} : { oldestMs }) };
}
