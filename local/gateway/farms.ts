import type { FaultOf } from './faults.ts';
import { type Notice, noticeOf } from './notices.ts';
import type { Instrument } from './portfolio.ts';
import type { StandingFaults } from './standing-faults.ts';

/** The market data farm that feeds an instrument, by IB's names for those of the US. */
function farmOf({ contract }: Instrument): string {
  switch (contract.secType) {
    case 'OPT':
      return 'usopt';
    case 'FUT':
    case 'FOP':
      return 'usfuture';
    default:
      return 'usfarm';
  }
}

/** @returns the fault that keeps ticks from this instrument's lines, undefined where it is fed */
export function starvedBy(
  faults: StandingFaults,
  instrument: Instrument,
): FaultOf<'silence' | 'link-lost' | 'competing-session' | 'farm-broken'> | undefined {
  return (
    faults.of('silence', ({ what }) => what !== 'answers') ??
    faults.of('link-lost') ??
    faults.of('competing-session') ??
    faults.of('farm-broken', (fault) => isFedBy(instrument, fault))
  );
}

export function isFedBy(instrument: Instrument, { service, farm }: FaultOf<'farm-broken'>): boolean {
  return service === 'market-data' && farm === farmOf(instrument);
}

const CODES = {
  'market-data': { down: 2103, up: 2104 },
  historical: { down: 2105, up: 2106 },
  definitions: { down: 2157, up: 2158 },
} as const;

/** `Market data farm connection is broken:usopt` */
export function farmNotice({ service, farm }: FaultOf<'farm-broken'>, isUp: boolean): Notice {
  const code = CODES[service][isUp ? 'up' : 'down'];
  return { code, text: `${noticeOf(code).text}:${farm}` };
}
