import { starvedBy } from './farms.ts';
import type { Quote } from './market.ts';
import { NOTICES, type Notice, noticeOf } from './notices.ts';
import type { Instrument } from './portfolio.ts';
import type { StandingFaults } from './standing-faults.ts';

/** What the standing faults mean for market data; each answer that spoils something is written down as exercised. */
export class LineFaults {
  readonly #standing: StandingFaults;

  constructor(standing: StandingFaults) {
    this.#standing = standing;
  }

  get isSilent(): boolean {
    return this.#standing.of('silence', ({ what }) => what === 'everything') !== undefined;
  }

  get isCompeting(): boolean {
    return this.#standing.of('competing-session') !== undefined;
  }

  /** @returns what a request for this contract is answered by, undefined where it is well */
  errorFor(conId: number): Notice | undefined {
    const lost = this.#standing.of('link-lost');
    if (lost !== undefined) {
      this.#standing.exercise(lost, 'a request was answered by 200');
      return NOTICES.noDefinition;
    }
    const fault = this.#standing.of('request-errors', ({ conIds }) => conIds?.includes(conId) ?? true);
    if (fault !== undefined) {
      this.#standing.use(fault);
      this.#standing.exercise(fault, `a request was answered by ${fault.code}`);
      return noticeOf(fault.code, fault.text);
    }
    const competing = this.#standing.of('competing-session');
    if (competing === undefined) return undefined;
    this.#standing.exercise(competing, 'a request was answered by 10197');
    return noticeOf(10197);
  }

  /** @returns whether nothing is ever to be said on this request */
  isUnanswered(conId: number): boolean {
    const fault = this.#standing.of('unanswered', ({ conIds }) => conIds?.includes(conId) ?? true);
    if (fault === undefined) return false;
    this.#standing.exercise(fault, 'a request was taken without a word');
    this.#standing.use(fault);
    return true;
  }

  isClosed({ contract }: Instrument): boolean {
    const fault = this.#standing.of(
      'market-closed',
      ({ secTypes }) => secTypes?.includes(contract.secType) ?? true,
    );
    if (fault !== undefined) this.#standing.exerciseOnce(fault, 'a line was without a market');
    return fault !== undefined;
  }

  /** A request met 101: a fault, if somebody's TWS has lines. */
  refusedForLines(): void {
    const taken = this.#standing.of('lines-taken');
    if (taken !== undefined) this.#standing.exercise(taken, 'a request was answered by 101');
  }

  isStarved(instrument: Instrument): boolean {
    const fault = starvedBy(this.#standing, instrument);
    if (fault !== undefined) this.#standing.exerciseOnce(fault, 'ticks were held back');
    return fault !== undefined;
  }

  /** @param type as it was asked for */
  typeNow(type: 1 | 2 | 3): 1 | 2 | 3 {
    const fault = this.#standing.of('delayed-data');
    if (fault === undefined) return type;
    this.#standing.exerciseOnce(fault, 'delayed ticks were sent');
    return 3;
  }

  areGreeksUnset({ computations }: Quote): boolean {
    const fault = this.#standing.of('unset-greeks');
    if (fault === undefined || computations === undefined) return false;
    this.#standing.exerciseOnce(fault, 'greeks were sent as not computed');
    return true;
  }
}
