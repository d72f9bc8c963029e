import { z } from 'zod';
import { conIdSchema } from '../../shared/contract.ts';

/**
 * What the simulated gateway can do wrong, as one JSON object each: the argument of `inject` and the content of a
 * scenario file. Some happen at once, the others stand until they are ended.
 */

const code = z.int().min(1).max(99_999);
/** IB's own words for the code when left out. */
const text = z.string().min(1).optional();
/** All contracts when left out. */
const conIds = z.array(conIdSchema).min(1).optional();

/** At once. */
const momentary = [
  /** A message of any code that concerns the session (id -1), to every client. It changes nothing else. */
  z.strictObject({ kind: z.literal('notice'), code, text }),
  /**
   * An error on the ids of streaming lines, the newest first. 10197 and remarks (10090, 10167, 300 and the like)
   * leave the line, everything else ends it.
   */
  z.strictObject({
    kind: z.literal('line-errors'),
    code,
    text,
    conIds,
    /** All that fit when left out. */
    count: z.int().positive().optional(),
  }),
  /** Every connection ends: in order, or reset as a lost network does. */
  z.strictObject({ kind: z.literal('drop'), how: z.enum(['end', 'reset']).default('reset') }),
  /** 1300: it listens on another port from now on, and drops every connection. 0 takes a free one. */
  z.strictObject({ kind: z.literal('port-change'), port: z.int().min(0).max(65_535).default(0) }),
  /** One frame of these fields to every client, whatever they say. */
  z.strictObject({
    kind: z.literal('frame'),
    fields: z.array(z.union([z.string(), z.number(), z.boolean()])),
  }),
  /** One frame, or what should be one, that cannot be read. */
  z.strictObject({
    kind: z.literal('corrupt'),
    form: z.enum(['unknown-message', 'text-for-number', 'short-position', 'bad-json', 'negative-length']),
  }),
  /** Overnight: the option goes, its underlying comes at the strike, and nobody is told. */
  z.strictObject({ kind: z.literal('assignment'), account: z.string().min(1), conId: conIdSchema }),
  /** Overnight: the contract goes, and nobody is told. */
  z.strictObject({
    kind: z.literal('expiry'),
    account: z.string().min(1),
    modelCode: z.string().min(1).optional(),
    conId: conIdSchema,
  }),
  /**
   * The gateway's nightly restart: every connection ends, new ones are refused, then the client ids that were
   * connected linger (326), then it serves; its list of positions may still be loading.
   */
  z.strictObject({
    kind: z.literal('restart'),
    downMs: z.int().min(0).default(30_000),
    lingerMs: z.int().min(0).default(30_000),
    /** Counted from the moment at which connections are accepted again. */
    loading: z
      .strictObject({
        positions: z.enum(['empty', 'partial']),
        share: z.number().min(0).max(1).default(0.5),
        forMs: z.int().positive(),
      })
      .optional(),
  }),
] as const;

/** Until they are ended. */
const standing = [
  /**
   * The gateway's link to IB is down: no ticks, and requests are answered by 200. Its end is 1101, which takes every
   * line away without a word about any of them, or 1102, which keeps them.
   */
  z.strictObject({
    kind: z.literal('link-lost'),
    code: z.union([z.literal(1100), z.literal(2110)]).default(1100),
    restore: z.union([z.literal(1101), z.literal(1102)]).default(1102),
    /** After 1102: `dead` lines stay silent until they are requested anew. */
    ticks: z.enum(['resume', 'dead']).default('resume'),
    text,
    /** Of the message that ends it. */
    restoreText: text,
  }),
  /**
   * 2103, 2105 or 2157 at its beginning and 2104, 2106 or 2158 at its end. A market data farm that is broken feeds no
   * line: usfarm has stocks and indices, usopt options, usfuture futures and their options.
   */
  z.strictObject({
    kind: z.literal('farm-broken'),
    farm: z.string().min(1),
    service: z.enum(['market-data', 'historical', 'definitions']).default('market-data'),
    /** After its end: `dead` lines stay silent until they are requested anew. */
    ticks: z.enum(['resume', 'dead']).default('resume'),
  }),
  /**
   * After the close nothing ticks. A line that was asked for live loses its bid and its ask; one that was asked for
   * while type 2 or 4 was set says that it is frozen and keeps them. https://interactivebrokers.github.io/tws-api/market_data_type.html
   */
  z.strictObject({
    kind: z.literal('market-closed'),
    /** All of them when left out: stocks trade on when their options do not. */
    secTypes: z.array(z.string().min(1)).min(1).optional(),
  }),
  /** 10197 on every line and every new one: the line stays, data stops. */
  z.strictObject({ kind: z.literal('competing-session') }),
  /** Market data requests are answered by this code. 10090, 10167 and 10197 are told and served, all others refuse. */
  z.strictObject({
    kind: z.literal('request-errors'),
    code,
    text,
    conIds,
    /** Requests that it answers before it ends by itself. */
    times: z.int().positive().optional(),
  }),
  /** Market data requests are taken and counted, and nothing is ever said on them. */
  z.strictObject({
    kind: z.literal('unanswered'),
    conIds,
    /** Requests that it leaves so before it ends by itself. */
    times: z.int().positive().optional(),
  }),
  /** Somebody's TWS uses lines of the account. */
  z.strictObject({
    kind: z.literal('lines-taken'),
    count: z.int().positive(),
    /** More than are free: the newest lines of API clients end with 101. */
    evict: z.boolean().default(false),
  }),
  /** The socket stays open. `answers`: ticks go on. `everything` and `answers` leave requests without any answer. */
  z.strictObject({ kind: z.literal('silence'), what: z.enum(['everything', 'answers', 'ticks']) }),
  /** How reqPositions is answered. */
  z.strictObject({
    kind: z.literal('positions'),
    answer: z.enum(['never-end', 'empty', 'partial']),
    /** Of `partial`: how much of the list comes before its end. */
    share: z.number().min(0).max(1).default(0.5),
    /** The rows of this account alone are left out; of all when left out. */
    account: z.string().min(1).optional(),
    /** Requests that it answers before it ends by itself. */
    times: z.int().positive().optional(),
  }),
  /** What sessions begin with instead of the three farms of the US. */
  z.strictObject({
    kind: z.literal('greeting'),
    notices: z.array(z.strictObject({ code, text: z.string().min(1) })).max(100),
  }),
  /** How a subscription of account updates is answered; `not-ready` is whole, and says accountReady false. */
  z.strictObject({
    kind: z.literal('account-updates'),
    answer: z.enum(['never-end', 'empty', 'partial', 'not-ready']),
    share: z.number().min(0).max(1).default(0.5),
    times: z.int().positive().optional(),
  }),
  /** New connections are closed at once. */
  z.strictObject({ kind: z.literal('connections-refused') }),
  /** New connections are accepted, versions agreed, and then nothing: never nextValidId, no answer to anything. */
  z.strictObject({ kind: z.literal('mute-handshake') }),
  /** 326 for these client ids, for all of them when left out. */
  z.strictObject({
    kind: z.literal('client-ids-linger'),
    clientIds: z.array(z.int().min(0)).min(1).optional(),
  }),
  /** "Reject messages above maximum" is set: above the rate they are dropped, the third violation ends the session. */
  z.strictObject({ kind: z.literal('strict-pacing') }),
  /** Computations of options come as -1 and -2: not computed. */
  z.strictObject({ kind: z.literal('unset-greeks') }),
  /** 10167: every line brings delayed ticks, whatever type was asked for. */
  z.strictObject({ kind: z.literal('delayed-data') }),
  /** The connection ends in the middle of a frame; the first client that gets such a frame is the one. */
  z.strictObject({
    kind: z.literal('cut-frame'),
    /** Any message when left out; 61 is a position. */
    messageId: z.int().positive().optional(),
    /** Frames of that kind that pass before it. */
    after: z.int().min(0).default(0),
  }),
  /** What is sent travels in pieces of so many bytes. */
  z.strictObject({ kind: z.literal('fragmented'), bytes: z.int().positive().max(65_536) }),
  /** What is sent in so many milliseconds travels at once. */
  z.strictObject({ kind: z.literal('coalesced'), periodMs: z.int().positive().max(60_000) }),
] as const;

const momentarySchema = z.discriminatedUnion('kind', momentary);
const standingSchema = z.discriminatedUnion('kind', standing);
export const faultSchema = z.discriminatedUnion('kind', [...momentary, ...standing]);

export type MomentaryFault = z.infer<typeof momentarySchema>;
export type StandingFault = z.infer<typeof standingSchema>;
/** With every default in place. */
export type Fault = MomentaryFault | StandingFault;
export type FaultKind = Fault['kind'];
/** As a person writes it. */
export type FaultInput = z.input<typeof faultSchema>;
export type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>;

const STANDING_KINDS: ReadonlySet<string> = new Set(standing.map(({ shape }) => shape.kind.value));

export function isStanding(fault: Fault): fault is StandingFault {
  return STANDING_KINDS.has(fault.kind);
}
