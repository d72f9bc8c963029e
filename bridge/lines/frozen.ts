import type { MarketDataType } from '../gateway/events.ts';
import type { Line } from './line.ts';
import type { MarketHours } from './market-hours.ts';
import { isOpenAt } from './trading-hours.ts';

/** @returns the type that has the values of the close */
export function frozenOf(typeWhileOpen: MarketDataType): MarketDataType {
  return typeWhileOpen === 1 ? 2 : 4;
}

/**
 * Which type of market data a line asks for. After the close bid and ask are said to be gone: what they were at the
 * end is frozen data, which is asked for per request, so that each contract follows its own market.
 * https://interactivebrokers.github.io/tws-api/market_data_type.html
 */
export class FrozenData {
  readonly #hours: MarketHours;
  readonly #typeWhileOpen: MarketDataType;
  readonly #graceMs: number;

  constructor(options: {
    readonly hours: MarketHours;
    readonly typeWhileOpen: MarketDataType;
    /** How long after its opening or close a contract's type is changed. */
    readonly graceMs: number;
  }) {
    this.#hours = options.hours;
    this.#typeWhileOpen = options.typeWhileOpen;
    this.#graceMs = options.graceMs;
  }

  /** @returns undefined for the usual type; frozen, or delayed-frozen, while the market of the line is closed */
  typeFor(line: Line): MarketDataType | undefined {
    if (!this.#isClosed(line, Date.now())) return undefined;
    return frozenOf(this.#typeWhileOpen);
  }

  /**
   * TWS goes back to live data by itself after the opening: only what has not is asked for again.
   * @returns why an answered line has to be requested again; undefined where it has not
   */
  whyOfWrongType(line: Line, now: number): string | undefined {
    const { request } = line;
    if (!request || line.heardAt < request.sentAt) return undefined;
    const wantsFrozen = this.#isClosed(line, now);
    if (!wantsFrozen && !line.isFrozen) request.isFrozen = false;
    if (wantsFrozen === request.isFrozen) {
      request.wrongTypeSince = undefined;
      return undefined;
    }
    request.wrongTypeSince ??= now;
    if (now - request.wrongTypeSince < this.#graceMs) return undefined;
    return wantsFrozen
      ? 'its market has closed: frozen data is asked for'
      : 'its market has opened: live data is asked for';
  }

  #isClosed(line: Line, now: number): boolean {
    const hours = this.#hours.of(line.conId);
    return hours !== undefined && isOpenAt(hours, now) === false;
  }
}
