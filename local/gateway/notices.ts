/**
 * The codes that this gateway sends, with IB's own words.
 * https://interactivebrokers.github.io/tws-api/message_codes.html
 */
export interface Notice {
  readonly code: number;
  readonly text: string;
}

export const NOTICES = {
  tooFast: (max: number, received: number, times: number): Notice => ({
    code: 100,
    text: `Max rate of messages per second has been exceeded:max=${max} rec=${received} (${times})`,
  }),
  noLine: { code: 101, text: 'Max number of tickers has been reached' },
  duplicateTicker: { code: 102, text: 'Duplicate ticker ID' },
  noDefinition: { code: 200, text: 'No security definition has been found for the request' },
  ambiguous: { code: 200, text: 'The contract description specified is ambiguous' },
  unknownTicker: (reqId: number): Notice => ({ code: 300, text: `Can't find EId with tickerId:${reqId}` }),
  unreadable: (cause: string): Notice => ({
    code: 320,
    text: `Server error when reading an API client request: ${cause}`,
  }),
  noExchange: {
    code: 321,
    text: "Error validating request.-'bN' : cause - Please enter exchange",
  },
  badMarketDataType: (type: number): Notice => ({
    code: 321,
    text: `Error validating request.-'bN' : cause - Market data type ${type} is not supported`,
  }),
  /** What a gateway answers to anything about orders while its Read-Only API is ticked. */
  readOnly: {
    code: 321,
    text: "Error validating request.-'bO' : cause - The API interface is currently in Read-Only mode.",
  },
  notSimulated: (name: string): Notice => ({
    code: 321,
    text: `Error validating request.-'bN' : cause - ${name} is not simulated`,
  }),
  unknownAccount: {
    code: 321,
    text: "Error validating request.-'bN' : cause - Invalid account code",
  },
  tooManyAccounts: {
    code: 321,
    text: "Error validating request.-'bN' : cause - Positions of more than 50 accounts are not available",
  },
  clientIdInUse: {
    code: 326,
    text: 'Unable to connect as the client id is already in use. Retry with a unique client id.',
  },
  portMoved: (port: number): Notice => ({
    code: 1300,
    text: `TWS socket port has been reset and this connection is being dropped. Please reconnect on the new port - ${port}`,
  }),
  notSubscribed: {
    code: 354,
    text: 'Requested market data is not subscribed.Delayed market data is available.',
  },
  accountUpdatesReplaced: {
    code: 2100,
    text: 'New account data requested from TWS. API client has been unsubscribed from account data.',
  },
  accountUpdatesElsewhere: (clientIds: readonly number[]): Notice => ({
    code: 2101,
    text: `Unable to subscribe to account as the following clients are subscribed to a different account: ${clientIds.join(', ')}`,
  }),
  snapshotGenericTicks: {
    code: 414,
    text: 'Snapshot market data subscription is not applicable to generic ticks',
  },
  unknownMessage: { code: 505, text: 'Fatal Error: Unknown message id.' },
  unsupportedVersion: { code: 506, text: 'Unsupported version' },
  delayed: {
    code: 10167,
    text: 'Requested market data is not subscribed. Displaying delayed market data.',
  },
} as const;

/** What every session begins with. */
export const FARMS_ARE_UP: readonly Notice[] = [
  { code: 2104, text: 'Market data farm connection is OK:usfarm' },
  { code: 2104, text: 'Market data farm connection is OK:usopt' },
  { code: 2106, text: 'HMDS data farm connection is OK:ushmds' },
  { code: 2158, text: 'Sec-def data farm connection is OK:secdefnj' },
];

/** IB's words for codes that this gateway sends only as faults. */
const TEXTS: Readonly<Record<number, string>> = {
  1100: 'Connectivity between IBKR and Trader Workstation has been lost.',
  1101: 'Connectivity between IBKR and Trader Workstation has been restored - data lost. *Data and account information may be lost.',
  1102: 'Connectivity between IBKR and Trader Workstation has been restored - data maintained.',
  1300: 'TWS socket port has been reset and this connection is being dropped. Please reconnect on the new port',
  2103: 'Market data farm connection is broken',
  2104: 'Market data farm connection is OK',
  2105: 'HMDS data farm connection is broken',
  2106: 'HMDS data farm connection is OK',
  2107: 'HMDS data farm connection is inactive but should be available upon demand.ushmds',
  2108: 'Market data farm connection is inactive but should be available upon demand.usfarm',
  2110: 'Connectivity between Trader Workstation and server is broken. It will be restored automatically.',
  2119: 'Market data farm is connecting:usfarm',
  2157: 'Sec-def data farm connection is broken',
  2158: 'Sec-def data farm connection is OK',
  10089:
    'Requested market data requires additional subscription for API. See link in Market Data Connections dialog for more details.',
  10090: 'Part of requested market data is not subscribed.',
  10091:
    'Part of requested market data requires additional subscription for API. See link in Market Data Connections dialog for more details.',
  10168: 'Requested market data is not subscribed. Delayed market data is not enabled.',
  10186: 'Requested market data is not subscribed. Delayed market data is not enabled.',
  10189: 'Failed to request tick-by-tick data:BidAsk tick-by-tick requests are not supported',
  10190: 'Max number of tick-by-tick requests has been reached',
  10197: 'No market data during competing live session',
};

/** @param text instead of IB's own words */
export function noticeOf(code: number, text?: string): Notice {
  if (text !== undefined) return { code, text };
  const own = Object.values(NOTICES).find((notice) => typeof notice === 'object' && notice.code === code);
  return { code, text: TEXTS[code] ?? (typeof own === 'object' ? own.text : `Message code ${code}`) };
}

/** What an error on a line's own id does to the line. */
export function effectOf(code: number): 'none' | 'starves' | 'ends' {
  if (code === 10197) return 'starves';
  const isRemark = [300, 310, 366, 10090, 10167].includes(code) || (code >= 1000 && code <= 2999);
  return isRemark ? 'none' : 'ends';
}
