import { describe, expect, it } from 'vitest';
import type { ContractDetails } from '../../../bridge/gateway/events.ts';
import { ContractHours } from '../../../bridge/lines/market-hours.ts';
import { recordingLog } from '../../support/log.ts';
import { details } from '../scripted-gateway.ts';

const TRADING = '20261123:0400-20261123:2000';
const LIQUID = '20261123:0930-20261123:1600';

describe('the hours of a contract', () => {
  const known = new Map<number, ContractDetails>();
  const contracts = { peek: (conId: number) => known.get(conId) };

  it('are its trading hours, else its liquid ones, as its details say now', () => {
    const hours = new ContractHours({ contracts, log: recordingLog() });
    const opensAt = () => new Date(hours.of(1)?.sessions[0]?.opensAt ?? 0).toISOString();
    expect(hours.of(1)).toBeUndefined();
    known.set(1, { ...details(1), tradingHours: TRADING, liquidHours: LIQUID, timeZoneId: 'US/Eastern' });
    expect(opensAt()).toBe('2026-11-23T09:00:00.000Z');
    expect(hours.of(1)).toBe(hours.of(1));
    known.set(1, { ...details(1), liquidHours: LIQUID, timeZoneId: 'US/Eastern' });
    expect(opensAt()).toBe('2026-11-23T14:30:00.000Z');
  });

  it('are not known where nothing readable is said, which is told once per reason', () => {
    const log = recordingLog();
    const hours = new ContractHours({ contracts, log });
    for (const conId of [1, 2]) {
      known.set(conId, { ...details(conId), tradingHours: TRADING, timeZoneId: 'Mars/Olympus' });
      expect(hours.of(conId)).toBeUndefined();
    }
    for (const conId of [3, 4]) {
      known.set(conId, { ...details(conId), tradingHours: TRADING });
      expect(hours.of(conId)).toBeUndefined();
    }
    expect(log.entries).toMatchObject([
      {
        event: 'trading-hours-unknown',
        fields: { conId: 1, fault: 'time zone "Mars/Olympus" is not known' },
      },
      { event: 'trading-hours-unknown', fields: { conId: 3, fault: 'its contract details have none' } },
    ]);
  });
});
