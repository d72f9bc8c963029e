import type { ContractDetails } from '../../gateway/events.ts';
import { isOpenAt, parseTradingHours } from '../trading-hours.ts';

/** @returns true when the contract's own hours say that nobody trades it now; what they do not say is no */
export function isClosed({ tradingHours, timeZoneId }: ContractDetails, nowMs: number): boolean {
  if (tradingHours === undefined || timeZoneId === undefined) return false;
  const hours = parseTradingHours(tradingHours, timeZoneId);
  return hours.ok && isOpenAt(hours.value, nowMs) === false;
}
