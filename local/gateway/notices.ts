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
  clientIdInUse: {
    code: 326,
    text: 'Unable to connect as the client id is already in use. Retry with a unique client id.',
  },
  notSubscribed: {
    code: 354,
    text: 'Requested market data is not subscribed.Delayed market data is available.',
  },
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
