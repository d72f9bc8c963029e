import { LINES } from '../../shared/limits.ts';

/**
 * Whether a line that has been requested still speaks. Pure. An open socket proves nothing, and neither does a line
 * that was confirmed once: feeds stay silent for hours after a blip of seconds (nautilus_trader#3968, #3001).
 */
export interface LivenessLimits {
  /** From a request to its first message of any kind. */
  readonly answerDeadlineMs: number;
  /** From the end of a disturbance to the next tick of a line that was fed before it. */
  readonly verifyDeadlineMs: number;
  /** Without any message while its market is open, and while no sibling speaks either. */
  readonly silenceMs: number;
}

/** Times in epoch milliseconds. */
export interface LineFacts {
  readonly sentAt: number;
  /** Any message on any request of the line; 0 before the first. */
  readonly heardAt: number;
  /** After a disturbance: by when it has to tick. Undefined while there is none, or once it has ticked. */
  readonly verifyBy: number | undefined;
  /** When the present session of its market began; undefined while it is closed, and where its hours are not known. */
  readonly openSince: number | undefined;
  /** The newest message of the lines of the same underlying and type, its own included. */
  readonly siblingsHeardAt: number;
  /** Requests in vain since it last ticked by itself. */
  readonly fruitless: number;
}

/** `unanswered`: no message at all. `unverified`: fed before a disturbance, not since. `silent`: too old. */
export type Liveness = 'alive' | 'unanswered' | 'unverified' | 'silent';

export function judgeLiveness(facts: LineFacts, limits: LivenessLimits, now: number): Liveness {
  const { sentAt, heardAt, verifyBy, openSince } = facts;
  if (heardAt < sentAt) return now - sentAt >= limits.answerDeadlineMs ? 'unanswered' : 'alive';
  if (verifyBy !== undefined) return now >= verifyBy ? 'unverified' : 'alive';
  if (openSince === undefined) return 'alive';
  const quietSince = Math.max(heardAt, openSince);
  return now - quietSince >= patienceMs(facts, limits, now) ? 'silent' : 'alive';
}

/**
 * A wing that nobody trades is silent for good reasons: siblings that speak make it likely and are waited for longer.
 * Likely is not certain (a feed may lose nearly all of its lines and keep a few), so it is asked again all the same:
 * a fresh request brings the standing quote. Each time that it was and the line stayed silent doubles the pause.
 */
function patienceMs({ siblingsHeardAt, fruitless }: LineFacts, limits: LivenessLimits, now: number): number {
  const { silenceMs } = limits;
  const isSiblingAlive = now - siblingsHeardAt < silenceMs;
  const firstMs = isSiblingAlive ? silenceMs * LINES.siblingPatience : silenceMs;
  return Math.min(firstMs * 2 ** fruitless, silenceMs * LINES.silencePauseMax);
}
