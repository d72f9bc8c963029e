import { generatePortfolio } from '../../../../local/gateway/generator.ts';
import type { Instrument, Portfolio, Position } from '../../../../local/gateway/portfolio.ts';

export const TODAY = '2026-11-20';

/** 40 rows, of which 8 are legs of two condors: SPY, and QQQ with wings that nobody bids for. */
export function smallPortfolio(): Portfolio {
  return generatePortfolio({ seed: 7, positions: 40, condors: 2, today: TODAY });
}

export function instrumentOf(portfolio: Portfolio, conId: number): Instrument {
  const found = portfolio.instruments.find(({ contract }) => contract.conId === conId);
  if (found === undefined) throw new Error(`no instrument ${conId}`);
  return found;
}

/** @returns the conId of a condor's leg: 0 long put, 1 short put, 2 short call, 3 long call */
export function legOf(portfolio: Portfolio, condor: number, leg: number): number {
  const conId = portfolio.condors[condor]?.legs[leg]?.conId;
  if (conId === undefined) throw new Error(`no leg ${leg} of condor ${condor}`);
  return conId;
}

/** @returns a held position of that type */
export function positionIn(portfolio: Portfolio, secType: string): Position {
  const found = portfolio.positions.find(
    ({ conId }) => instrumentOf(portfolio, conId).contract.secType === secType,
  );
  if (found === undefined) throw new Error(`no position in ${secType}`);
  return found;
}
