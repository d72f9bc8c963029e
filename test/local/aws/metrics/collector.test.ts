import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MetricStore } from '../../../../cli/cloudwatch/series.ts';
import { MetricCollector } from '../../../../local/aws/metrics/collector.ts';
import { LOCAL_METRICS, parseMetricValues } from '../../../../shared/local-metrics.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MINUTE_MS = 60_000;
const START = Date.parse('2026-11-20T12:00:00Z');
const METRIC = { namespace: 'n', name: 'Depth', dimensions: { Queue: 'q' } };

function stored(dir: string): MetricStore {
  const text = readFileSync(join(dir, LOCAL_METRICS.valuesFile), 'utf8');
  return new MetricStore(text.split('\n').flatMap((line) => parseMetricValues(line) ?? []));
}

describe('the collector of metrics', () => {
  it('keeps every value under its minute, over several writes and starts', () => {
    using dir = temporaryDirectory();
    const span = { from: START, to: START + 2 * MINUTE_MS, periodMs: MINUTE_MS };
    for (const offset of [0, 1000]) {
      const collector = new MetricCollector(dir.path);
      collector.record(METRIC, 4, START + offset);
      collector.flush();
      collector.record(METRIC, 6, START + 59_999);
      collector.record(METRIC, 8, START + MINUTE_MS);
      collector.flush();
      collector.flush();
    }
    expect([...stored(dir.path).series({ ...METRIC, statistic: 'Sum' }, span)]).toEqual([
      [START, 20],
      [START + MINUTE_MS, 16],
    ]);
  });

  it('writes by itself what grows too large to wait, and loses nothing of it', () => {
    using dir = temporaryDirectory();
    const collector = new MetricCollector(dir.path);
    for (let value = 1; value <= 1000; value += 1) collector.record(METRIC, value, START);
    for (let minute = 1; minute <= 3000; minute += 1) collector.record(METRIC, 0, START + minute * MINUTE_MS);
    const before = readFileSync(join(dir.path, LOCAL_METRICS.valuesFile), 'utf8').trim().split('\n');
    expect(before.length).toBeGreaterThan(2000);
    expect(before.every((line) => (parseMetricValues(line)?.values.length ?? 999) <= 150)).toBe(true);
    collector.flush();
    const span = { from: START, to: START + 3001 * MINUTE_MS, periodMs: MINUTE_MS };
    const of = (statistic: string) => [
      ...stored(dir.path)
        .series({ ...METRIC, statistic }, span)
        .values(),
    ];
    expect(of('SampleCount').reduce((sum, count) => sum + count)).toBe(4000);
    expect(Math.max(...of('Maximum'))).toBe(1000);
  });

  it('begins a new file when one is full, and keeps the one before', () => {
    using dir = temporaryDirectory();
    const collector = new MetricCollector(dir.path);
    const long = { ...METRIC, dimensions: { Queue: 'q'.repeat(500_000) } };
    for (let minute = 0; minute < 20; minute += 1) {
      collector.record(long, 1, START + minute * MINUTE_MS);
      collector.flush();
    }
    const sizes = ['', '.1'].map(
      (end) => readFileSync(join(dir.path, `${LOCAL_METRICS.valuesFile}${end}`)).length,
    );
    expect(Math.max(...sizes)).toBeLessThan(9 * 1024 * 1024);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });
});
