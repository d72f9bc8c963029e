import type { AlarmDefinition } from '../../shared/local-metrics.ts';
import { type AlarmState, type StateAt, stateHistory } from '../cloudwatch/alarm.ts';
import type { MetricStore } from '../cloudwatch/series.ts';

export interface AlarmView {
  readonly name: string;
  readonly description: string;
  readonly state: AlarmState;
  /** Epoch milliseconds: since when it is in this state, as far as the metrics reach. */
  readonly since: number | undefined;
  /** How often it went off. */
  readonly fired: number;
  /** Of its last time: over by `until`, or still on. */
  readonly lastFired: { readonly from: number; readonly until: number | undefined } | undefined;
}

export function alarmView(
  alarm: AlarmDefinition,
  store: MetricStore,
  span: { readonly from: number; readonly to: number },
): AlarmView {
  const changes = stateHistory(alarm, store, span).filter(
    ({ state }, index, all) => state !== all[index - 1]?.state,
  );
  const last = changes.at(-1);
  return {
    name: shortName(alarm.name),
    description: alarm.description,
    state: last?.state ?? 'INSUFFICIENT_DATA',
    since: last?.at,
    fired: changes.filter(({ state }) => state === 'ALARM').length,
    lastFired: lastFired(changes),
  };
}

function lastFired(changes: readonly StateAt[]): AlarmView['lastFired'] {
  const index = changes.findLastIndex(({ state }) => state === 'ALARM');
  const begin = changes[index];
  return begin === undefined ? undefined : { from: begin.at, until: changes[index + 1]?.at };
}

/** Without what CloudFormation's names have of the stack and the construct around it, and their hash. */
function shortName(name: string): string {
  return name.replace(/^\w+-(?:Alarms)?/, '').replace(/[0-9A-F]{8}$/, '');
}
