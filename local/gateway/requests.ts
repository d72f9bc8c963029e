import { messageName } from './message-names.ts';

/** The contract fields of a request. conId 0 asks by the others; absent is not asked for. */
export interface ContractQuery {
  readonly conId: number;
  readonly symbol?: string;
  readonly secType?: string;
  readonly lastTradeDate?: string;
  readonly strike?: number;
  readonly right?: string;
  readonly multiplier?: number;
  readonly exchange?: string;
  readonly primaryExchange?: string;
  readonly currency?: string;
  readonly localSymbol?: string;
  readonly tradingClass?: string;
}

export type Request =
  | { readonly name: 'startApi'; readonly clientId: number }
  | {
      readonly name: 'reqMktData';
      readonly reqId: number;
      readonly contract: ContractQuery;
      readonly genericTicks: string;
      readonly snapshot: boolean;
    }
  | { readonly name: 'cancelMktData'; readonly reqId: number }
  | { readonly name: 'reqContractDetails'; readonly reqId: number; readonly contract: ContractQuery }
  | { readonly name: 'reqAccountUpdates'; readonly subscribe: boolean; readonly account: string }
  | {
      readonly name: 'reqPositionsMulti';
      readonly reqId: number;
      readonly account: string;
      readonly modelCode: string;
    }
  | { readonly name: 'cancelPositionsMulti'; readonly reqId: number }
  | { readonly name: 'reqMarketDataType'; readonly type: number }
  | { readonly name: 'reqPositions' | 'cancelPositions' | 'reqIds' | 'reqManagedAccts' | 'reqCurrentTime' }
  /** Anything that could place, change or cancel an order. */
  | { readonly name: 'order'; readonly orderId: number }
  /** TWS knows it, this gateway does not. */
  | { readonly name: 'other' }
  | { readonly name: 'unknown' };

/** A frame that is shorter than its message, or has text where a number belongs. */
export class UnreadableRequest extends Error {
  override readonly name = 'UnreadableRequest';
}

/**
 * @param fields a frame, message id first
 * @throws UnreadableRequest
 */
export function decodeRequest(fields: readonly string[]): Request {
  const name = messageName(fields[0] ?? '');
  const reader = new FieldReader(fields, 1);
  switch (name) {
    case 'unknown':
      return { name };
    case 'startApi':
      reader.skip(1);
      return { name, clientId: reader.int('clientId') };
    case 'reqMktData':
      return decodeMarketData(reader);
    case 'cancelMktData':
      reader.skip(1);
      return { name, reqId: reader.int('reqId') };
    case 'reqContractDetails':
      reader.skip(1);
      return { name, reqId: reader.int('reqId'), contract: decodeContract(reader) };
    case 'reqAccountUpdates':
      reader.skip(1);
      return { name, subscribe: reader.flag(), account: reader.text() ?? '' };
    case 'reqPositionsMulti':
      reader.skip(1);
      return {
        name,
        reqId: reader.int('reqId'),
        account: reader.text() ?? '',
        modelCode: reader.text() ?? '',
      };
    case 'cancelPositionsMulti':
      reader.skip(1);
      return { name, reqId: reader.int('reqId') };
    case 'reqMarketDataType':
      reader.skip(1);
      return { name, type: reader.int('marketDataType') };
    case 'reqPositions':
    case 'cancelPositions':
    case 'reqIds':
    case 'reqManagedAccts':
    case 'reqCurrentTime':
      return { name };
    case 'placeOrder':
    case 'cancelOrder':
    case 'exerciseOptions':
    case 'reqGlobalCancel':
      return { name: 'order', orderId: orderIdOf(name, fields) };
    default:
      return { name: 'other' };
  }
}

function decodeMarketData(reader: FieldReader): Request {
  reader.skip(1);
  const reqId = reader.int('reqId');
  const contract = decodeContract(reader);
  if (contract.secType === 'BAG') reader.skip(4 * reader.int('comboLegs', 0));
  if (reader.flag()) reader.skip(3);
  const genericTicks = reader.text() ?? '';
  return { name: 'reqMktData', reqId, contract, genericTicks, snapshot: reader.flag() };
}

function decodeContract(reader: FieldReader): ContractQuery {
  const conId = reader.int('conId', 0);
  const asked = {
    symbol: reader.text(),
    secType: reader.text(),
    lastTradeDate: reader.text(),
    strike: reader.positive('strike'),
    right: reader.text()?.charAt(0),
    multiplier: reader.positive('multiplier'),
    exchange: reader.text(),
    primaryExchange: reader.text(),
    currency: reader.text(),
    localSymbol: reader.text(),
    tradingClass: reader.text(),
  };
  if (asked.right === '0' || asked.right === '?') asked.right = undefined;
  return { conId, ...withoutAbsent(asked) };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutAbsent<T extends object>(record: T): Present<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Present<T>;
}

/** Where the id stands depends on the version; -1 where there is none. cancelOrder lost its version field at 192. */
function orderIdOf(name: string, fields: readonly string[]): number {
  if (name === 'reqGlobalCancel') return -1;
  const beforeVersion192 = name === 'cancelOrder' && fields[1] === '1' && fields.length <= 4;
  const id = Number(fields[name === 'exerciseOptions' || beforeVersion192 ? 2 : 1]);
  return Number.isSafeInteger(id) ? id : -1;
}

class FieldReader {
  readonly #fields: readonly string[];
  #next: number;

  constructor(fields: readonly string[], start: number) {
    this.#fields = fields;
    this.#next = start;
  }

  /** Fields at the end may be missing: older clients know fewer. */
  text(): string | undefined {
    const field = this.#fields[this.#next++];
    return field === '' ? undefined : field;
  }

  skip(count: number): void {
    this.#next += count;
  }

  flag(): boolean {
    const text = this.text();
    return text === '1' || text === 'true';
  }

  int(what: string, absent?: number): number {
    const text = this.text();
    if (text === undefined && absent !== undefined) return absent;
    const value = Number(text);
    if (text === undefined || !Number.isSafeInteger(value)) {
      throw new UnreadableRequest(`${what} is ${JSON.stringify(text ?? '')}, not an integer`);
    }
    return value;
  }

  /** 0 and Java's largest double stand for absent. */
  positive(what: string): number | undefined {
    const text = this.text();
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isNaN(value)) throw new UnreadableRequest(`${what} is ${JSON.stringify(text)}, not a number`);
    return value > 0 && value < Number.MAX_VALUE ? value : undefined;
  }
}
