import type { ContractDetails } from '../../gateway/events.ts';
import { readHours } from '../market-hours.ts';
import { isOpenAt } from '../trading-hours.ts';

/** @returns true when the contract's own hours say that nobody trades it now; what they do not say is no */
export function isClosed(details: ContractDetails, nowMs: number): boolean {
  const hours = readHours(details);
  return hours.ok && isOpenAt(hours.value, nowMs) === false;
}
