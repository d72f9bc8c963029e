import type { Contract } from '../../shared/contract.ts';
import type { Decimal } from '../../shared/decimal.ts';

/**
 * The border between the connection and everything behind it. What comes over the wire is decoded and checked once,
 * in connection.ts; behind this border types are trusted: missing is `undefined`, never 0, -1 or NaN.
 */

/** A contract as requests name it. conId 0 asks by symbol, as configured indices are. */
export type RequestContract = Omit<Partial<Contract>, 'conId'> & {
  readonly conId: number;
  readonly exchange: string;
};

export interface ContractDetails {
  readonly contract: Contract;
  readonly validExchanges: readonly string[];
  /** In the contract's currency, also where quotes are not: corn, quoted in cents, has 0.0025. */
  readonly minTick: number;
  /** What the gateway quotes per unit of the currency: 100 where that is cents or pence. */
  readonly priceMagnifier: number;
  readonly underConId?: number;
  readonly timeZoneId?: string;
  readonly tradingHours?: string;
  readonly liquidHours?: string;
}

/** 1 live, 2 frozen, 3 delayed, 4 delayed-frozen. */
export type MarketDataType = 1 | 2 | 3 | 4;

/** Which of a line's four computations: tick types 10 to 13 (delayed 80 to 83). */
export type GreeksSource = 'bid' | 'ask' | 'last' | 'model';

export interface Greeks {
  readonly iv?: number;
  readonly price?: number;
  readonly delta?: number;
  readonly gamma?: number;
  readonly vega?: number;
  readonly theta?: number;
  readonly underlying?: number;
}

/**
 * One holding as the account window shows it, refreshed every three minutes and when the position changes
 * (https://interactivebrokers.github.io/tws-api/account_updates.html). Contracts come without an exchange.
 */
export interface PortfolioRow {
  readonly account: string;
  readonly contract: Contract;
  /** "0" where it closed today. */
  readonly quantity: Decimal;
  /** In the unit in which the contract is quoted: cents where its priceMagnifier is 100. */
  readonly marketPrice?: number;
  /** Of the whole holding in the contract's currency, multiplier included. */
  readonly marketValue?: number;
  /** As in the positions feed: of options and futures it contains the multiplier. */
  readonly averageCost: Decimal;
}

/** What the link to the gateway, and of the gateway to IB, did. `at` is receipt time in epoch milliseconds. */
export type GatewayEvent =
  /** After nextValidId and managedAccounts: requests may be sent. Nothing of an earlier connection is alive. */
  | {
      readonly type: 'ready';
      readonly at: number;
      readonly serverVersion: number;
      readonly accounts: readonly string[];
    }
  /** The connection is gone: every request of it is dead. */
  | { readonly type: 'lost'; readonly at: number; readonly reason: string }
  /** 1100, 2110: the gateway stays, its link to IB is down: marks are stale. */
  | { readonly type: 'linkDown'; readonly at: number; readonly code: number }
  /** 1101 (`linesKept` false: request every line again) or 1102 (kept, to be verified). */
  | { readonly type: 'linkUp'; readonly at: number; readonly linesKept: boolean }
  /** 2103, 2105, 2157 and 2104, 2106, 2158 with the farm's name. */
  | {
      readonly type: 'farm';
      readonly at: number;
      readonly code: number;
      readonly farm: string;
      readonly up: boolean;
    }
  | {
      readonly type: 'position';
      readonly at: number;
      readonly account: string;
      readonly contract: Contract;
      readonly quantity: Decimal;
      readonly averageCost: Decimal;
    }
  /** A row that could not be decoded: the sweep that has it is a failure, never a portfolio that lacks a row. */
  | { readonly type: 'positionMalformed'; readonly at: number; readonly fault: string }
  | { readonly type: 'positionEnd'; readonly at: number }
  /** A row of one account's own list of positions, by the id of the request. */
  | {
      readonly type: 'accountPosition';
      readonly at: number;
      readonly reqId: number;
      readonly account: string;
      /** Absent is the account itself, not one of its models. */
      readonly modelCode?: string;
      readonly contract: Contract;
      readonly quantity: Decimal;
      readonly averageCost: Decimal;
    }
  /** Without the id where not even that could be read: it may be any list's. */
  | {
      readonly type: 'accountPositionMalformed';
      readonly at: number;
      readonly reqId?: number;
      readonly fault: string;
    }
  | { readonly type: 'accountPositionEnd'; readonly at: number; readonly reqId: number }
  /** One holding of the account whose updates are subscribed. */
  | ({ readonly type: 'portfolioRow'; readonly at: number } & PortfolioRow)
  /**
   * The list is none: a row could not be decoded, the account is not ready, or its subscription was refused or taken
   * over (2100, 2101).
   */
  | { readonly type: 'portfolioFailed'; readonly at: number; readonly fault: string }
  /** accountDownloadEnd: the list of that account is complete. */
  | { readonly type: 'portfolioEnd'; readonly at: number; readonly account: string }
  | LineEvent
  | {
      readonly type: 'contractDetails';
      readonly at: number;
      readonly reqId: number;
      readonly details: ContractDetails;
    }
  | { readonly type: 'contractDetailsEnd'; readonly at: number; readonly reqId: number };

/** Events of one market data request, streaming or snapshot. */
export type LineEvent =
  /** `price` undefined: this side has no data any more (-1 on the wire). */
  | {
      readonly type: 'price';
      readonly at: number;
      readonly reqId: number;
      readonly field: PriceField;
      readonly price: number | undefined;
    }
  | {
      readonly type: 'size';
      readonly at: number;
      readonly reqId: number;
      readonly field: SizeField;
      readonly size: number;
    }
  | {
      readonly type: 'greeks';
      readonly at: number;
      readonly reqId: number;
      readonly source: GreeksSource;
      readonly greeks: Greeks;
    }
  | {
      readonly type: 'marketDataType';
      readonly at: number;
      readonly reqId: number;
      readonly marketDataType: MarketDataType;
    }
  /** tickReqParams, generic and string ticks: nothing to keep, but a sign of life of the line. */
  | { readonly type: 'pulse'; readonly at: number; readonly reqId: number }
  | { readonly type: 'snapshotEnd'; readonly at: number; readonly reqId: number }
  /** An error on this request's own id. What the code means is decided once, in notices.ts. */
  | {
      readonly type: 'requestNotice';
      readonly at: number;
      readonly reqId: number;
      readonly code: number;
      readonly message: string;
      readonly meaning: RequestMeaning;
    };

/** Delayed ticks (66 to 76) arrive as the same fields: the line's marketDataType says that they are delayed. */
export type PriceField = 'bid' | 'ask' | 'last' | 'close' | 'open' | 'high' | 'low' | 'mark';
export type SizeField = 'bid' | 'ask' | 'last' | 'volume';

/** What a message code says about the request that it came for. */
export type RequestMeaning =
  /** 101: no line was free. The request is dead, the learned cap falls. */
  | 'no-line'
  /** 100, 309, 420, 10190: too much or too fast; the request is dead, may be sent again later. */
  | 'shed'
  /** 200, 321, 322 and the like: this request can never work as it stands. */
  | 'refused'
  /** 354, 10089, 10091, 10168, 10186, 10189 and the like: the account may not see it. */
  | 'no-permission'
  /** 10197: the line stays, data stops. */
  | 'competing-session'
  /** 300, 10167, 10090: the request lives on. */
  | 'harmless';

/**
 * What the bridge may send: the whole list. There is no order code; test/bridge/gateway/requests.test.ts holds it.
 * Each call is paced, never sent before `ready`, and dropped when the connection is gone: whoever asked learns of
 * that by `lost` and asks again.
 */
export interface GatewayRequests {
  requestPositions(): void;
  cancelPositions(): void;
  /** The positions of one account with those of its models. @returns the request's id */
  requestAccountPositions(account: string): number;
  cancelAccountPositions(reqId: number): void;
  /** The holdings of one account: the gateway knows one such subscription at a time. */
  requestAccountUpdates(account: string): void;
  cancelAccountUpdates(account: string): void;
  /**
   * @param type in which this one is requested; that of `requestMarketDataType` when left out
   * @returns the request's id; generic ticks are always empty
   */
  requestMarketData(contract: RequestContract, mode: 'stream' | 'snapshot', type?: MarketDataType): number;
  cancelMarketData(reqId: number): void;
  /** For every later market data request of this connection that names none. */
  requestMarketDataType(type: MarketDataType): void;
  /** @returns the request's id */
  requestContractDetails(contract: RequestContract | { readonly conId: number }): number;
}

export interface Gateway {
  readonly requests: GatewayRequests;
  /** True between `ready` and `lost`. */
  readonly isReady: boolean;
  /** @returns unsubscribe. A listener that throws is a fault of ours: it is logged and counted, others still run. */
  subscribe(listener: (event: GatewayEvent) => void): () => void;
}
