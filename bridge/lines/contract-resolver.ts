import type { ContractDetails } from '../gateway/events.ts';

/** conId -> contract details, whose `contract.exchange` is what to ask for. */
export interface ContractResolver {
  /**
   * @throws an Error with a numeric `code` when the gateway refused the contract; any other error may pass
   */
  resolve(conId: number, signal: AbortSignal): Promise<ContractDetails>;
  /** What is cached, without asking. */
  peek(conId: number): ContractDetails | undefined;
}

/** IB's message codes begin at 100; below are DOMException codes, such as an AbortError's 20. */
const CODE_MIN = 100;

/** @returns the gateway's message code when the error is its refusal of the contract */
export function refusalCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'number' && error.code >= CODE_MIN ? error.code : undefined;
}
