import { describe, expect, it } from 'vitest';
import { heartbeatMetrics } from '../../../../functions/drain/heartbeat.ts';
import { MACHINE_CLOCK } from '../../../../local/aws/metrics/clock.ts';
import { embeddedValues } from '../../../../local/aws/metrics/embedded-metrics.ts';
import { HEARTBEAT_METRICS } from '../../../../shared/metrics.ts';
import { heartbeat } from '../../../support/messages.ts';

const AT = Date.parse('2026-11-20T15:00:00.000Z');
const clock = { ...MACHINE_CLOCK, now: () => AT + 60_000 };

function line(overrides: object = {}, at = AT): string {
  return JSON.stringify({
    _aws: {
      Timestamp: at,
      CloudWatchMetrics: [
        {
          Namespace: 'n',
          Dimensions: [['A'], ['A', 'B'], []],
          Metrics: [{ Name: 'One', Unit: 'Count' }, { Name: 'Two' }],
        },
      ],
    },
    A: 'a',
    B: 'b',
    One: 1,
    Two: [2, 3],
    ...overrides,
  });
}

describe("a line of a function's log", () => {
  it('is a value of each metric for each set of its dimensions, at its own time', () => {
    const values = embeddedValues(line(), clock);
    expect(values).toHaveLength(9);
    expect(new Set(values.map(({ at }) => at))).toEqual(new Set([AT]));
    expect(values.filter(({ metric }) => metric.name === 'Two').map(({ value }) => value)).toEqual([
      2, 3, 2, 3, 2, 3,
    ]);
    expect(values.map(({ metric }) => metric.dimensions)).toEqual(
      expect.arrayContaining([{ A: 'a' }, { A: 'a', B: 'b' }, {}]),
    );
  });

  it('is nothing without its dimension or value, or when it is no document at all', () => {
    expect(embeddedValues(line({ B: undefined, Two: 'many' }), clock)).toHaveLength(2);
    expect(embeddedValues('{"level":"INFO","event":"_aws"}', clock)).toEqual([]);
    expect(embeddedValues('{"_aws":', clock)).toEqual([]);
  });

  it('is of a time that CloudWatch takes: two weeks back, two hours ahead', () => {
    const hour = 3_600_000;
    const taken = [-14 * 24, -13 * 24, 2, 3].map(
      (hours) => embeddedValues(line({}, AT + hours * hour), clock).length > 0,
    );
    expect(taken).toEqual([false, true, true, false]);
  });

  it('of a heartbeat is every gauge of the bridge', () => {
    const values = embeddedValues(JSON.stringify(heartbeatMetrics(heartbeat())), clock);
    expect(values.map(({ metric }) => metric.name)).toEqual(HEARTBEAT_METRICS.map(({ name }) => name));
    expect(values.every(({ metric }) => metric.dimensions.Bridge === 'home')).toBe(true);
  });
});
