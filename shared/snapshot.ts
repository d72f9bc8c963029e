import * as z from 'zod';
import { contractSchema } from './contract.ts';
import { decimalSchema } from './decimal.ts';

/** ISO 8601 in UTC with milliseconds, so that text order is time order. */
export const instantSchema = z.iso.datetime({ precision: 3 });

/** Lower-case words joined by dashes: travels in ids, queue names and object keys. */
export const bridgeIdSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,30}$/,
    'must be lower-case letters, digits and dashes, at most 31, such as "home"',
  );

/** How far a mark can be trusted. */
export const qualitySchema = z.enum([
  /** two-sided and streaming */
  'live',
  /** the venue's delayed feed (types 3 and 4), or a value of the account window, up to three minutes old when read */
  'delayed',
  /** the last values before the close (type 2) */
  'frozen',
  /** the line is silent for longer than it should be, a poll is overdue, or the link is down */
  'stale',
  /** an ask without a bid: a wing that nobody bids for, worth 0 to a seller */
  'no-bid',
  /** wanted, but no market data line was free */
  'no-line',
  /** the account has no subscription for it */
  'no-permission',
  /** another session of the same user has the data (10197) */
  'competing-session',
  /** never asked for, or nothing came yet */
  'none',
]);

export type Quality = z.infer<typeof qualitySchema>;

/**
 * Every field is optional: what is unknown is absent, never 0, -1 or NaN. Prices, and the greeks that are amounts of
 * them, are in the contract's currency, never in cents or pence, whatever the venue quotes: price x multiplier is
 * comparable with averageCost.
 */
export const markSchema = z.object({
  bid: z.number().optional(),
  ask: z.number().optional(),
  last: z.number().optional(),
  /** What a reader should value the position at: the middle of a two-sided quote, else model, else last. */
  price: z.number().optional(),
  /** Implied volatility as a fraction: 0.25 is 25 %. */
  iv: z.number().optional(),
  delta: z.number().optional(),
  gamma: z.number().optional(),
  vega: z.number().optional(),
  theta: z.number().optional(),
  /** The underlying's price that the model used; it costs no line of its own. */
  underlying: z.number().optional(),
  /** When the newest price in here was received. */
  at: instantSchema.optional(),
  /** When the newest greeks in here were received. */
  greeksAt: instantSchema.optional(),
});

export type Mark = z.infer<typeof markSchema>;

/** `<13-digit ms>-<random>`: text order is age order within one bridge. */
export const epochSchema = z.string().regex(/^\d{13}-[0-9a-z]{6,16}$/, 'must be "<13-digit ms>-<random>"');

export const snapshotSchema = z
  .object({
    schema: z.literal(1),
    kind: z.literal('snapshot'),
    /** `<bridge>:<epoch>:<seq>`, given by the outbox and by nobody else. */
    id: z.string(),
    bridge: bridgeIdSchema,
    epoch: epochSchema,
    /** Counts from 1 within an epoch, without a gap. */
    seq: z.int().positive(),
    /** The sweep that showed it; absent on snapshots of the recorder and of pushes between sweeps. */
    sweepId: z.string().min(1).optional(),
    lane: z.enum(['stream', 'poll']),
    /** 1 streamed, 2 polled. */
    priority: z.union([z.literal(1), z.literal(2)]),
    reason: z.enum(['opened', 'changed', 'closed', 'keyframe']),
    account: z.string().min(1),
    /** The model of an advisor's account that holds it; absent is the account itself. */
    modelCode: z.string().min(1).optional(),
    contract: contractSchema,
    quantity: decimalSchema,
    /**
     * IB's own figure per unit of quantity. Of options and futures it already contains the multiplier
     * (https://interactivebrokers.github.io/tws-api/positions.html): never multiply it again.
     */
    averageCost: decimalSchema,
    mark: markSchema.optional(),
    quality: qualitySchema,
    /** Open strategies of the account that hold or watch the contract, in text order. */
    strategyIds: z.array(z.string().min(1)),
    /** The replica's version when this was made: 0 is a bridge that has seen no registry yet. */
    registryVersion: z.int().nonnegative(),
    observedAt: instantSchema,
  })
  .refine((snapshot) => snapshot.id === snapshotId(snapshot), {
    path: ['id'],
    message: 'must be "<bridge>:<epoch>:<seq>" of the same message',
  });

export type Snapshot = z.infer<typeof snapshotSchema>;

export function snapshotId(of: {
  readonly bridge: string;
  readonly epoch: string;
  readonly seq: number;
}): string {
  return `${of.bridge}:${of.epoch}:${of.seq}`;
}

/**
 * Which of two snapshots of one (account, conId) is the newer state. Within a bridge the sequence decides, so a
 * clock that jumps does no harm; across bridges only the time of observation can.
 * @returns true when `candidate` replaces `present`
 */
export function isNewer(candidate: Position, present: Position): boolean {
  if (candidate.bridge === present.bridge) {
    if (candidate.epoch !== present.epoch) return candidate.epoch > present.epoch;
    return candidate.seq > present.seq;
  }
  if (candidate.observedAt !== present.observedAt) return candidate.observedAt > present.observedAt;
  return candidate.bridge > present.bridge;
}

type Position = Pick<Snapshot, 'bridge' | 'epoch' | 'seq' | 'observedAt'>;
