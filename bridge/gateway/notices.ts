import type { RequestMeaning } from './events.ts';
import type { SessionFault } from './faults.ts';

/**
 * What IB's message codes mean for us: one table, read top to bottom.
 * Codes and texts: https://interactivebrokers.github.io/tws-api/message_codes.html; 2157, 10167, 10168 and 10190 are
 * missing there and were seen on live gateways.
 */
export type Notice =
  /** Says something about the request that it came for. */
  | { readonly kind: 'request'; readonly meaning: RequestMeaning }
  | { readonly kind: 'linkDown' }
  | { readonly kind: 'linkUp'; readonly linesKept: boolean }
  | { readonly kind: 'farm'; readonly up: boolean; readonly farm: string }
  /** The attempt, or the session, is over. */
  | { readonly kind: 'session'; readonly fault: SessionFault }
  /** We send too fast, said of the session as a whole. */
  | { readonly kind: 'pacing' }
  /** The client library could not read a message. */
  | { readonly kind: 'unreadable'; readonly list?: 'positions' | 'account-positions' | 'portfolio' }
  /** The one subscription of account updates ended, or never began. */
  | { readonly kind: 'portfolio' }
  /** Worth a line in the log, nothing to do. */
  | { readonly kind: 'information' };

export interface Message {
  readonly code: number;
  readonly message: string;
  /** Absent where IB sends -1. */
  readonly reqId?: number;
}

const REQUESTS: Readonly<Record<RequestMeaning, readonly number[]>> = {
  // 101 alone means that the account's lines are used up; it is the truth that corrects the cap.
  'no-line': [101],
  // 100 pacing, 309 depth requests, 420 pacing by another name, 10190 tick-by-tick requests; 504 and 10182 found no
  // connection, 10225 wants the request again.
  shed: [100, 309, 420, 504, 10182, 10190, 10225],
  // 102 id in use, 200 unknown or ambiguous contract, 320 to 322 invalid, 414 generic ticks on a snapshot,
  // 430 no fundamentals, 435 account missing.
  refused: [102, 200, 320, 321, 322, 414, 430, 435],
  'no-permission': [354, 10089, 10091, 10168, 10186, 10187, 10189],
  'competing-session': [10197],
  // 300, 310 and 366 cancelled what was gone already; 10090 part of the ticks, 10167 delayed instead of live.
  harmless: [300, 310, 366, 10090, 10167],
};

const FARMS: Readonly<Record<number, boolean>> = {
  2103: false,
  2104: true,
  2105: false,
  2106: true,
  2157: false,
  2158: true,
};

const MEANINGS: ReadonlyMap<number, RequestMeaning> = new Map(
  Object.entries(REQUESTS).flatMap(([meaning, codes]) =>
    codes.map((code) => [code, meaning as RequestMeaning] as const),
  ),
);

/**
 * @param message as received, on whichever of the client library's events (`info` for id -1, else `error`)
 * @returns what it means; never throws, whatever the code
 */
export function classify(message: Message): Notice {
  const { code } = message;
  switch (code) {
    case 1100:
    case 2110:
      return { kind: 'linkDown' };
    case 1101:
      return { kind: 'linkUp', linesKept: false };
    case 1102:
      return { kind: 'linkUp', linesKept: true };
    case 1300:
      return { kind: 'session', fault: { kind: 'port-moved', detail: message.message, ...portOf(message) } };
    case 326:
      return { kind: 'session', fault: { kind: 'client-id-in-use' } };
    case 503:
    case 506:
      return { kind: 'session', fault: { kind: 'version', detail: message.message } };
    case 505:
      return unreadable(message);
    case 2100:
    case 2101:
      return { kind: 'portfolio' };
  }
  const up = FARMS[code];
  if (up !== undefined) return { kind: 'farm', up, farm: farmOf(message.message) };
  if (message.reqId !== undefined) return { kind: 'request', meaning: meaningOf(message) };
  if (code === 100) return { kind: 'pacing' };
  // 504, 507, 509: not connected, bad length, read failed. 502 is the library's name for every socket fault, which
  // the connection tells apart by its text.
  if (code === 504 || code === 507 || code === 509) {
    return { kind: 'session', fault: { kind: 'socket', detail: message.message } };
  }
  return { kind: 'information' };
}

/**
 * A code that the table does not have, on a request's own id. 1000 to 2999 are system messages and warnings and say
 * nothing about a request; the client's own 5xx mean that it was not sent. Everything else IB documents as errors,
 * after which the request is dead: taking one for harmless would count a line as streaming that never ticks again,
 * while taking a remark for a refusal costs a reason on the page and one more request.
 */
function meaningOf({ code, message }: Message): RequestMeaning {
  const known = MEANINGS.get(code);
  if (known !== undefined) return known;
  if (code >= 1000 && code <= 2999) return 'harmless';
  if (/^warning\b/i.test(message)) return 'harmless';
  if (code >= 500 && code <= 599) return 'shed';
  return 'refused';
}

/** "Underrun error on POSITION: ..." */
function unreadable({ message }: Message): Notice {
  if (/\bon POSITION\b/.test(message)) return { kind: 'unreadable', list: 'positions' };
  if (/\bon POSITION_MULTI\b/.test(message)) return { kind: 'unreadable', list: 'account-positions' };
  if (/\bon PORTFOLIO_VALUE\b/.test(message)) return { kind: 'unreadable', list: 'portfolio' };
  return { kind: 'unreadable' };
}

/** "... Please reconnect on the new port - 4005", the last number of the text */
function portOf({ message }: Message): { port?: number } {
  const port = Number(/(\d+)\D*$/.exec(message)?.[1]);
  return port >= 1 && port <= 65_535 ? { port } : {};
}

/** "Market data farm connection is OK:usfarm" */
function farmOf(message: string): string {
  const name = message.slice(message.lastIndexOf(':') + 1).trim();
  return message.includes(':') && name !== '' ? name : 'unnamed';
}

/** @returns whether the table has the code: what it has not is logged with its text */
export function isKnownCode(code: number): boolean {
  return MEANINGS.has(code) || FARMS[code] !== undefined || OTHERS.has(code);
}

/** Handled above by name, and 2107, 2108, 2119: a farm rests until it is needed, or is on its way. */
const OTHERS: ReadonlySet<number> = new Set([
  326, 502, 503, 504, 505, 506, 507, 509, 1100, 1101, 1102, 1300, 2100, 2101, 2107, 2108, 2110, 2119,
]);
