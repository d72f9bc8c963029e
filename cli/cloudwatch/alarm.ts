import type { AlarmDefinition } from '../../shared/local-metrics.ts';
import { parseExpression } from './expression.ts';
import { evaluateExpression } from './metric-math.ts';
import type { MetricStore, Series, Span } from './series.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** Points beyond those that it evaluates: CloudWatch asks for more, and its own examples have five where three count. */
const FURTHER_POINTS = 2;

/** Alarms over metrics of this namespace keep their state where values are missing, whatever they ask for. */
const KEEPS_STATE = 'AWS/DynamoDB';

/**
 * Decides the state of an alarm from the points of its evaluation range.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 * @param points oldest first, undefined where the metric has no value
 * @param before its state until now
 */
export function decide(
  alarm: Pick<
    AlarmDefinition,
    'comparison' | 'threshold' | 'datapointsToAlarm' | 'evaluationPeriods' | 'treatMissing'
  >,
  points: readonly (number | undefined)[],
  before: AlarmState,
): AlarmState {
  const { datapointsToAlarm, evaluationPeriods, treatMissing } = alarm;
  const isBreaching = points.map((point) => (point === undefined ? undefined : breaches(alarm, point)));
  const existing = isBreaching.filter((each) => each !== undefined);
  // Real points count before missing ones are made up, however old they are.
  const latest = existing.slice(-evaluationPeriods);
  const breaching = latest.filter(Boolean).length;
  if (breaching >= datapointsToAlarm) return 'ALARM';
  const missing = evaluationPeriods - latest.length;
  if (missing === 0 || treatMissing === 'notBreaching') return 'OK';
  if (treatMissing === 'breaching') return breaching + missing >= datapointsToAlarm ? 'ALARM' : 'OK';
  if (latest.includes(false)) return 'OK';
  if (treatMissing === 'ignore') return before;
  // What breaches for long enough with nothing against it since is an alarm, few as its points are.
  const oldest = isBreaching.indexOf(true);
  return oldest >= 0 && isBreaching.length - oldest >= datapointsToAlarm ? 'ALARM' : 'INSUFFICIENT_DATA';
}

function breaches(
  { comparison, threshold }: Pick<AlarmDefinition, 'comparison' | 'threshold'>,
  value: number,
): boolean {
  switch (comparison) {
    case 'GreaterThanThreshold':
      return value > threshold;
    case 'GreaterThanOrEqualToThreshold':
      return value >= threshold;
    case 'LessThanThreshold':
      return value < threshold;
    case 'LessThanOrEqualToThreshold':
      return value <= threshold;
  }
}

export interface StateAt {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly state: AlarmState;
}

/**
 * The state of an alarm at the end of each of its periods.
 * @param options.delayMs how late values come to CloudWatch: those of the newest periods are not there yet
 * @throws SyntaxError or RangeError for an expression that is not understood
 */
export function stateHistory(
  alarm: AlarmDefinition,
  store: MetricStore,
  options: { readonly from: number; readonly to: number; readonly delayMs?: number },
): readonly StateAt[] {
  const periodMs = alarm.periodS * 1000;
  const reach = (alarm.evaluationPeriods + FURTHER_POINTS) * periodMs;
  const keepsState = alarm.queries.some(({ metric }) => metric?.namespace === KEEPS_STATE);
  const treatMissing = keepsState ? 'ignore' : alarm.treatMissing;
  const states: StateAt[] = [];
  let state: AlarmState = 'INSUFFICIENT_DATA';
  const first = Math.floor(options.from / periodMs) * periodMs + periodMs;
  for (let at = first; at <= options.to; at += periodMs) {
    const span = { from: at - reach, to: at, periodMs };
    const series = watchedSeries(alarm, store, span, at - (options.delayMs ?? 0));
    const points: (number | undefined)[] = [];
    for (let point = span.from; point < span.to; point += periodMs) points.push(series.get(point));
    state = decide({ ...alarm, treatMissing }, points, state);
    states.push({ at, state });
  }
  return states;
}

/** What is compared with the threshold. */
function watchedSeries(alarm: AlarmDefinition, store: MetricStore, span: Span, visibleTo: number): Series {
  const byId = new Map<string, Series>();
  for (const { id, metric } of alarm.queries) {
    if (metric !== undefined) byId.set(id, store.series(metric, span, visibleTo));
  }
  const watched = alarm.queries.find(({ returnsData }) => returnsData);
  if (watched === undefined) throw new RangeError(`${alarm.name} watches nothing`);
  if (watched.expression === undefined) return byId.get(watched.id) ?? new Map();
  return evaluateExpression(parseExpression(watched.expression), byId, span);
}
