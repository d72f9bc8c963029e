import { addDays, compactDay, type Day, weekday } from './calendar.ts';
import type { Instrument } from './portfolio.ts';

const DAYS_SHOWN = 6;

/** `around-the-clock`: as the simulated market really trades. `exchange`: as the real ones say. */
export type MarketHours = 'around-the-clock' | 'exchange';

export interface Hours {
  readonly trading: string;
  readonly liquid: string;
}

/**
 * Trading hours as contract details bring them: one entry per day in the instrument's own time zone,
 * `20260405:CLOSED;20260406:0400-20260406:2000`.
 */
export function hoursOf(secType: string, today: Day): Hours {
  if (secType === 'FUT' || secType === 'FOP') {
    return { trading: overnight(today), liquid: daily(today, '0830', '1600') };
  }
  const liquid = daily(today, '0930', '1600');
  return { trading: secType === 'STK' ? daily(today, '0400', '2000') : liquid, liquid };
}

/** What an instrument of the portfolio says itself, else those of the market. */
export function shownHours(
  { contract, tradingHours, liquidHours }: Instrument,
  market: { readonly today: Day; readonly hours: MarketHours },
): Hours {
  const { today, hours } = market;
  const usual = hours === 'exchange' ? hoursOf(contract.secType, today) : aroundTheClock(today);
  return { trading: tradingHours ?? usual.trading, liquid: liquidHours ?? usual.liquid };
}

/** From yesterday on: in New York it may be that still. */
function aroundTheClock(today: Day): Hours {
  const days = Array.from({ length: DAYS_SHOWN + 1 }, (_, index) => addDays(today, index - 1));
  const text = days.map((day) => `${compactDay(day)}:0000-${compactDay(addDays(day, 1))}:0000`).join(';');
  return { trading: text, liquid: text };
}

function daily(today: Day, open: string, close: string): string {
  return entries(today, (day) => `${compactDay(day)}:${open}-${compactDay(day)}:${close}`);
}

/** CME opens the evening before. */
function overnight(today: Day): string {
  return entries(today, (day) => `${compactDay(addDays(day, -1))}:1700-${compactDay(day)}:1600`);
}

function entries(today: Day, session: (day: Day) => string): string {
  const days = Array.from({ length: DAYS_SHOWN }, (_, index) => addDays(today, index));
  return days
    .map((day) => (weekday(day) === 0 || weekday(day) === 6 ? `${compactDay(day)}:CLOSED` : session(day)))
    .join(';');
}
