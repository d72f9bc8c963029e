import type { CallUsage, InvocationUsage, PhaseUsage, Standing, Usage } from '../../../shared/usage.ts';

export const STANDING: Standing = {
  bridges: 1,
  customMetrics: 10,
  alarms: 12,
  alarmMetrics: 20,
  dashboards: 1,
  queueMappings: 2,
  batchSize: 50,
  batchWindowMs: 60_000,
};

export function callUsage(of: Partial<CallUsage> & Pick<CallUsage, 'service' | 'operation'>): CallUsage {
  return {
    component: 'drain',
    resource: 'q',
    calls: of.requests ?? 1,
    requests: 1,
    writeUnits: 0,
    readUnits: 0,
    bytesIn: 0,
    bytesOut: 0,
    messages: 0,
    ...of,
  };
}

export function invocationUsage(of: Partial<InvocationUsage>): InvocationUsage {
  return { component: 'drain', invocations: 1, records: 0, cpuMs: 0, memoryMb: 512, logBytes: 0, ...of };
}

export function phaseUsage(of: Partial<PhaseUsage> = {}): PhaseUsage {
  return { durationMs: 0, times: 0, calls: [], invocations: [], messages: {}, ...of };
}

export function usageOf(phases: Partial<Usage['phases']>, of: Partial<Omit<Usage, 'phases'>> = {}): Usage {
  return {
    schema: 1,
    startedAt: '2026-11-20T15:00:00.000Z',
    updatedAt: '2026-11-20T15:03:00.000Z',
    contracts: 200,
    standing: STANDING,
    ...of,
    phases: { startup: phaseUsage(), steady: phaseUsage(), keyframe: phaseUsage(), ...phases },
  };
}
