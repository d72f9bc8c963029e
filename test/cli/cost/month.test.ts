import { describe, expect, it } from 'vitest';
import { costsOf } from '../../../cli/cost/bill.ts';
import { monthOf, TooShort } from '../../../cli/cost/month.ts';
import { BILLED_AS, PRICES } from '../../../cli/cost/prices.ts';
import { amountsOfCalls, unpriced } from '../../../cli/cost/rates.ts';
import { monthText } from '../../../cli/cost/view.ts';
import { callUsage, invocationUsage, phaseUsage, STANDING, usageOf } from './usages.ts';

const MINUTE_MS = 60_000;
const TRADING_HOURS = (24 * 365.25 * 5) / 12 / 7;

const send = (messages: number, requests: number) =>
  callUsage({ component: 'bridge-home', service: 'sqs', operation: 'SendMessageBatch', requests, messages });

/** A minute in which eleven legs and one position moved, beside a heartbeat. */
const minute = (times: number) =>
  phaseUsage({
    durationMs: times * MINUTE_MS,
    messages: { 'snapshot stream changed': 11 * times, 'snapshot poll changed': times, heartbeat: times },
    calls: [
      send(13 * times, 4 * times),
      callUsage({ service: 'sqs', operation: 'ReceiveMessage', requests: 2 * times, messages: 13 * times }),
      callUsage({ service: 'sqs', operation: 'DeleteMessageBatch', requests: 2 * times }),
      callUsage({
        service: 's3',
        operation: 'PutObject',
        resource: 'raw',
        requests: times,
        bytesIn: 10_000 * times,
      }),
      callUsage({ service: 'dynamodb', operation: 'PutItem', resource: 'Positions', writeUnits: 13 * times }),
      callUsage({ service: 'dynamodb', operation: 'UpdateItem', resource: 'Audit', writeUnits: 2 * times }),
      callUsage({ service: 'dynamodb', operation: 'BatchGetItem', resource: 'Audit', readUnits: 2 * times }),
    ],
    invocations: [
      invocationUsage({ invocations: times, records: 13 * times, cpuMs: 20 * times, logBytes: 500 * times }),
    ],
  });
const sweep = phaseUsage({
  durationMs: MINUTE_MS,
  times: 1,
  messages: { 'snapshot poll opened': 200 },
  calls: [
    send(200, 20),
    callUsage({ service: 'sqs', operation: 'ReceiveMessage', requests: 20, messages: 200 }),
    callUsage({ service: 'dynamodb', operation: 'PutItem', resource: 'Positions', writeUnits: 200 }),
    callUsage({ service: 's3', operation: 'PutObject', resource: 'raw', requests: 4, bytesIn: 40_000 }),
  ],
  invocations: [invocationUsage({ invocations: 4, records: 200, cpuMs: 100 })],
});
const usage = usageOf({ startup: sweep, steady: minute(2) });

const amountOf = (month: ReturnType<typeof monthOf>, driver: string) =>
  month.lines.find((line) => line.driver.startsWith(driver))?.amounts ?? {};

describe('a month by the counts of a run', () => {
  it('is the rate of the steady minutes for the hours in which the market trades', () => {
    const changes = amountOf(monthOf(usage), 'what changes');
    expect(changes.dynamodbWrite).toBeCloseTo(15 * 60 * TRADING_HOURS, 3);
    expect(changes.dynamodbRead).toBeCloseTo(2 * 60 * TRADING_HOURS, 3);
    // Sent 4, received 2, deleted 2 a minute.
    expect(changes.sqsRequest).toBeCloseTo(8 * 60 * TRADING_HOURS, 3);
    // A window of a minute opens with the next of four sends a minute.
    expect(changes.s3Write).toBeCloseTo((3600 / 75) * TRADING_HOURS, 3);
  });

  it('does not depend on how long the run was', () => {
    const long = monthOf(usageOf({ startup: sweep, steady: minute(30) }));
    expect(long.grossUsd).toBeCloseTo(monthOf(usage).grossUsd, 9);
  });

  it('takes the keyframes of the run where it had any, else its first sweep', () => {
    const keyframes = TRADING_HOURS * 4;
    expect(amountOf(monthOf(usage), 'keyframes').dynamodbWrite).toBeCloseTo(200 * keyframes, 3);
    const keyframe = { ...sweep, messages: { 'snapshot poll keyframe': 200 } };
    const heavier = {
      ...keyframe,
      calls: keyframe.calls.map((call) => ({ ...call, writeUnits: 2 * call.writeUnits })),
    };
    const month = monthOf(usageOf({ startup: sweep, steady: minute(2), keyframe: heavier }));
    expect(amountOf(month, 'keyframes').dynamodbWrite).toBeCloseTo(400 * keyframes, 3);
  });

  it('grows with the contracts in what is polled, and not in what streams', () => {
    const [one, five] = [monthOf(usage), monthOf(usage, 1000)];
    const ratio = (driver: string) =>
      (amountOf(five, driver).dynamodbWrite ?? 0) / (amountOf(one, driver).dynamodbWrite ?? 1);
    expect(ratio('keyframes')).toBeCloseTo(5, 9);
    // One of thirteen messages is of a position that changed.
    expect(ratio('what changes')).toBeCloseTo((12 + 5) / 13, 9);
    expect(ratio('heartbeats')).toBe(1);
  });

  it('replaces the empty receives of the local pollers by those of Lambda', () => {
    const polled = { ...minute(2) };
    const empty = callUsage({ service: 'sqs', operation: 'ReceiveMessage (empty)', requests: 10_000 });
    const month = monthOf(
      usageOf({ startup: sweep, steady: { ...polled, calls: [...polled.calls, empty] } }),
    );
    expect(month.grossUsd).toBe(monthOf(usage).grossUsd);
    expect(amountOf(month, "Lambda's polls of the snapshot").sqsRequest).toBeCloseTo(657_450, 0);
  });

  it('takes the always-free part off each service once, CloudWatch too', () => {
    const amounts = {
      sqsRequest: 1_500_000,
      cloudwatchAlarm: STANDING.alarmMetrics,
      dynamodbWrite: 1_000_000,
    };
    const [sqs, alarms, writes] = costsOf(amounts);
    expect(sqs?.grossUsd).toBeCloseTo(0.6, 9);
    expect(sqs?.netUsd).toBeCloseTo(0.2, 9);
    expect([alarms?.grossUsd, alarms?.netUsd]).toEqual([2, 1]);
    expect([writes?.grossUsd, writes?.netUsd]).toEqual([0.625, 0.625]);
    const month = monthOf(usage);
    const total = month.lines.reduce((sum, { grossUsd }) => sum + grossUsd, 0);
    expect(month.grossUsd).toBeCloseTo(total, 9);
    expect(month.netUsd).toBeLessThan(month.grossUsd);
  });

  it('refuses to say anything by a run that was too short', () => {
    expect(() => monthOf(usageOf({ startup: sweep }))).toThrow(TooShort);
    expect(() => monthOf(usageOf({ steady: minute(2) }, { contracts: 0 }))).toThrow(/no sweep/);
  });

  it('shows CloudWatch on a line of its own, and names what has no price', () => {
    const odd = callUsage({ service: 's3', operation: 'RestoreObject' });
    const steady = minute(2);
    const text = monthText(
      monthOf(usageOf({ startup: sweep, steady: { ...steady, calls: [...steady.calls, odd] } })),
    );
    expect(text).toMatch(/^CloudWatch {4}8\.\d\d before the free part, 1\.00 after it$/m);
    expect(text).toMatch(/^ingest path {3}\d\.\d\d before the free part$/m);
    expect(text).toContain('without a price, and missing above: s3:RestoreObject');
  });
});

describe('the price table', () => {
  it('has a source and a date in every row', () => {
    for (const [key, { source, checked, usd, free }] of Object.entries(PRICES)) {
      expect(source, key).toMatch(/^https:\/\/aws\.amazon\.com\//);
      expect(checked, key).toMatch(/^(?:\d{4}-\d{2}-\d{2}|recalled)$/);
      expect(usd, key).toBeGreaterThan(0);
      expect(free, key).toBeGreaterThanOrEqual(0);
    }
  });

  it('bills by it what is not free', () => {
    for (const billed of Object.values(BILLED_AS)) {
      if (billed !== 'units' && billed !== 'free') expect(PRICES).toHaveProperty(billed);
    }
    expect(amountsOfCalls([callUsage({ service: 's3', operation: 'DeleteObject' })])).toEqual({});
    expect(unpriced([minute(1), sweep])).toEqual([]);
  });
});
