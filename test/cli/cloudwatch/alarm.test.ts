import { describe, expect, it } from 'vitest';
import { type AlarmState, decide, stateHistory } from '../../../cli/cloudwatch/alarm.ts';
import { MetricStore } from '../../../cli/cloudwatch/series.ts';
import { type AlarmDefinition, COMPARISONS, MISSING_TREATMENTS } from '../../../shared/local-metrics.ts';

const MINUTE_MS = 60_000;
/** A Friday. */
const START = Date.parse('2026-11-20T12:00:00Z');

const METRIC = { namespace: 'test', name: 'Depth', dimensions: { Queue: 'q' } };

function alarm(overrides: Partial<AlarmDefinition> = {}): AlarmDefinition {
  return {
    name: 'Test',
    arn: 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:Test',
    description: '',
    queries: [{ id: 'm', returnsData: true, metric: { ...METRIC, statistic: 'Maximum', periodS: 60 } }],
    periodS: 60,
    comparison: 'GreaterThanThreshold',
    threshold: 0,
    datapointsToAlarm: 3,
    evaluationPeriods: 3,
    treatMissing: 'missing',
    ...overrides,
  };
}

/** 0 is within the threshold, X breaches it, - is missing; the newest comes last. */
function pointsOf(picture: string): (number | undefined)[] {
  return picture.split(' ').map((each) => (each === '-' ? undefined : each === 'X' ? 1 : 0));
}

/** The tables of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html */
const RETAIN = 'retain';
const TABLES = [
  // 3 of 3
  [3, '0 - X - X', 'OK', 'OK', 'OK', 'OK'],
  [3, '0 - - - -', 'OK', 'OK', 'OK', 'OK'],
  [3, '- - - - -', 'INSUFFICIENT_DATA', RETAIN, 'ALARM', 'OK'],
  [3, '0 X X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
  [3, '- - - - X', 'INSUFFICIENT_DATA', RETAIN, 'ALARM', 'OK'],
  [3, 'X - - - -', 'ALARM', RETAIN, 'ALARM', 'OK'],
  // 2 of 3
  [2, '0 - X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
  [2, '0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
  [2, '0 - X - -', 'OK', 'OK', 'ALARM', 'OK'],
  [2, '- - - - 0', 'OK', 'OK', 'ALARM', 'OK'],
  [2, '- - - - X', 'INSUFFICIENT_DATA', RETAIN, 'ALARM', 'OK'],
] as const;

describe('an alarm over five points of which three count', () => {
  it.each(TABLES)(
    '%i of 3 over %s: as the tables of AWS have it',
    (datapointsToAlarm, picture, ...expected) => {
      const [missing, ignore, breaching, notBreaching] = expected;
      const byTreatment = { missing, ignore, breaching, notBreaching };
      for (const treatMissing of MISSING_TREATMENTS) {
        for (const before of ['OK', 'ALARM', 'INSUFFICIENT_DATA'] satisfies AlarmState[]) {
          const state = decide(alarm({ datapointsToAlarm, treatMissing }), pointsOf(picture), before);
          const wanted = byTreatment[treatMissing] === RETAIN ? before : byTreatment[treatMissing];
          expect(state, `${treatMissing}, before ${before}`).toBe(wanted);
        }
      }
    },
  );

  it.each([
    ['GreaterThanThreshold', [false, false, true]],
    ['GreaterThanOrEqualToThreshold', [false, true, true]],
    ['LessThanThreshold', [true, false, false]],
    ['LessThanOrEqualToThreshold', [true, true, false]],
  ] as const)('%s compares below, at and above the threshold', (comparison, breaches) => {
    expect(COMPARISONS).toContain(comparison);
    const one = alarm({ comparison, threshold: 5, datapointsToAlarm: 1, evaluationPeriods: 1 });
    expect([4, 5, 6].map((value) => decide(one, [value], 'OK') === 'ALARM')).toEqual(breaches);
  });
});

describe('the history of an alarm', () => {
  const store = new MetricStore(
    [0, 0, 4, 4, 4, 2, 0, 0, 4, 0].map((value, minute) => ({
      ...METRIC,
      at: START + minute * MINUTE_MS,
      values: [[value, 1]],
    })),
  );
  const whole = { from: START, to: START + 10 * MINUTE_MS };

  /** The figure of "Evaluating an alarm": three units, 3 of 3; it fires in the fifth period, and is over in the sixth. */
  it('is that of the figure in the documentation', () => {
    const states = stateHistory(alarm({ threshold: 3 }), store, whole);
    const expected = Array.from({ length: 10 }, (_, period) => (period === 4 ? 'ALARM' : 'OK'));
    expect(states.map(({ state }) => state)).toEqual(expected);
    expect(states.map(({ at }) => at)).toEqual(states.map((_, index) => START + (index + 1) * MINUTE_MS));
  });

  it('goes off after five silent minutes where three are asked for, as long as real points are in reach', () => {
    const silent = alarm({ comparison: 'LessThanThreshold', threshold: 0, treatMissing: 'breaching' });
    const states = stateHistory(silent, store, { from: START, to: START + 20 * MINUTE_MS });
    const first = states.find(({ state }) => state === 'ALARM');
    // The last value is of minute 9.
    expect(first?.at).toBe(START + 15 * MINUTE_MS);
  });

  it('keeps its state where a metric of DynamoDB is silent, whatever the alarm asks for', () => {
    const metric = { namespace: 'AWS/DynamoDB', name: 'WriteThrottleEvents', dimensions: { TableName: 't' } };
    const once = new MetricStore([{ ...metric, at: START, values: [[1, 1]] }]);
    const throttled = alarm({
      queries: [{ id: 'm', returnsData: true, metric: { ...metric, statistic: 'Sum', periodS: 60 } }],
      datapointsToAlarm: 1,
      evaluationPeriods: 1,
      treatMissing: 'notBreaching',
    });
    const states = stateHistory(throttled, once, whole);
    expect(new Set(states.map(({ state }) => state))).toEqual(new Set(['ALARM']));
  });

  it('is stuck where a formula fills the newest minute, unless some of its minutes may be without', () => {
    const filled = (evaluationPeriods: number) =>
      alarm({
        queries: [
          { id: 'e', returnsData: true, expression: 'FILL(m, 0)' },
          { id: 'm', returnsData: false, metric: { ...METRIC, statistic: 'Maximum', periodS: 60 } },
        ],
        datapointsToAlarm: 1,
        evaluationPeriods,
        treatMissing: 'notBreaching',
      });
    const fires = (one: AlarmDefinition) =>
      stateHistory(one, store, { ...whole, delayMs: MINUTE_MS }).some(({ state }) => state === 'ALARM');
    expect(fires(filled(1))).toBe(false);
    expect(fires(filled(2))).toBe(true);
  });
});
