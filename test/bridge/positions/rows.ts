import type { DiffOptions, PositionRow, Sweep } from '../../../bridge/positions/differ.ts';
import { type Testimony, testimonyOf } from '../../../bridge/positions/testimony.ts';
import { VANISH } from '../../../bridge/positions/vanish.ts';
import type { Contract } from '../../../shared/contract.ts';

export const ACCOUNT = 'DU1234567';
export const OTHER = 'DU7654321';
export const START = Date.parse('2026-11-20T14:30:00.000Z');

export const OPTIONS: DiffOptions = {
  accounts: new Set([ACCOUNT, OTHER]),
  keyframePeriodMs: 15 * 60_000,
  vanish: VANISH,
  testimonies: new Map(),
};

export function contract(conId: number, fields: Partial<Contract> = {}): Contract {
  return {
    conId,
    symbol: 'QQQ',
    secType: 'OPT',
    lastTradeDate: '20270115',
    strike: '500',
    right: 'P',
    multiplier: '100',
    currency: 'USD',
    ...fields,
  };
}

export function row(
  conId: number,
  quantity = '-3',
  fields: Partial<PositionRow> & { readonly contract?: Contract } = {},
): PositionRow {
  return {
    account: ACCOUNT,
    contract: contract(conId),
    quantity,
    averageCost: '2100.6321',
    at: START,
    ...fields,
  };
}

/** What the accounts' own windows show, asked for `seconds` after the start. */
export function testimonies(
  seconds: number,
  rows: readonly PositionRow[],
  accounts: readonly string[] = [ACCOUNT, OTHER],
): ReadonlyMap<string, Testimony> {
  return new Map(
    accounts.map((account) => [
      account,
      testimonyOf(
        rows.filter((each) => each.account === account),
        seconds * 1000,
      ),
    ]),
  );
}

/** A complete sweep, `seconds` after the start. */
export function sweep(seconds: number, rows: readonly PositionRow[]): Sweep {
  const at = START + seconds * 1000;
  return {
    sweepId: `sweep-${seconds}`,
    startedAt: new Date(at - 500).toISOString(),
    completedAt: new Date(at).toISOString(),
    completedTick: seconds * 1000,
    durationMs: 500,
    rows,
  };
}
