import type { ContractDetails } from '../gateway/events.ts';

/** conId -> contract details. */
export interface ContractResolver {
  /**
   * @throws an Error with disposition `drop` when the broker does not know the contract; after any other error the
   *   same question may be asked again
   */
  resolve(conId: number, signal: AbortSignal): Promise<ContractDetails>;
  /** What is known without asking. */
  peek(conId: number): ContractDetails | undefined;
}

/** An instrument by name: VIX IND CBOE USD, SPY STK SMART USD. */
export interface InstrumentName {
  readonly symbol: string;
  readonly secType: string;
  readonly exchange: string;
  readonly currency: string;
}

export interface SymbolResolver {
  /** @throws as `ContractResolver.resolve`; `drop` also when the name is ambiguous */
  resolveSymbol(name: InstrumentName, signal: AbortSignal): Promise<ContractDetails>;
}

/** @returns true when the broker itself said that there is no such contract */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'disposition' in error && error.disposition === 'drop';
}
