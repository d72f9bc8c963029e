import type { ContractDetails, MarketDataType } from '../../../bridge/gateway/events.ts';
import type { Contract } from '../../../shared/contract.ts';
import type { Decimal } from '../../../shared/decimal.ts';

/** What happened at a gateway, in order. `atMs` counts from the first attempt to connect. */
export type Happening =
  /** nextValidId and managedAccounts came. */
  | { readonly type: 'ready'; readonly atMs: number }
  /** An attempt reached the port. */
  | { readonly type: 'accepted'; readonly atMs: number }
  /** The session is over. */
  | { readonly type: 'away'; readonly atMs: number; readonly how: 'end' | 'reset' }
  /** A message of any code; with a conId it came on that contract's line, before its first tick or after. */
  | {
      readonly type: 'message';
      readonly atMs: number;
      readonly code: number;
      readonly text: string;
      readonly line?: { readonly conId: number; readonly hasTicked: boolean };
    }
  /** A complete cycle of reqPositions, or one that never ended. */
  | { readonly type: 'sweep'; readonly atMs: number; readonly rows: number; readonly hasEnded: boolean }
  /** No line said anything for a while, though the session stood. */
  | { readonly type: 'quiet'; readonly atMs: number; readonly forMs: number }
  /** A message that no client knows. */
  | { readonly type: 'unknown-message'; readonly atMs: number };

export interface ObservedPosition {
  readonly account: string;
  readonly contract: Contract;
  readonly quantity: Decimal;
  readonly averageCost: Decimal;
}

/** What a contract's line showed; absent is what it did not. */
export interface ObservedLine {
  price?: number;
  iv?: number;
  /** Of its model ticks: the underlying's price. */
  underlying?: number;
  marketDataType?: MarketDataType;
  /** Computations came, and whether one of them had a value. */
  greeks?: 'computed' | 'unset';
}

/** Everything that was seen of a gateway, as it came: account numbers in the clear. */
export interface Observed {
  readonly happenings: readonly Happening[];
  /** As managedAccounts listed them. */
  readonly accounts: readonly string[];
  /** Of the fullest sweep. */
  readonly positions: readonly ObservedPosition[];
  /** Of what is held and of its underlyings. */
  readonly details: ReadonlyMap<number, ContractDetails>;
  readonly lines: ReadonlyMap<number, ObservedLine>;
}

export function isOption(secType: string): boolean {
  return secType === 'OPT' || secType === 'FOP';
}
