import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MetricStore } from '../../../cli/cloudwatch/series.ts';
import { renderPage } from '../../../cli/dashboard/page.ts';
import type { Monitoring } from '../../../shared/local-metrics.ts';

const MINUTE_MS = 60_000;
const START = Date.parse('2026-11-20T12:00:00Z');
const METRIC = { namespace: 'AWS/SQS', name: 'Age', dimensions: { QueueName: 'q' } };
const ARN = 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:SlotwiseObservability-AlarmsLate0AB12CD3';

function monitoring(widgets: readonly object[]): Monitoring {
  return {
    schema: 1,
    alarms: [
      {
        name: 'SlotwiseObservability-AlarmsLate0AB12CD3',
        arn: ARN,
        description: 'messages of <DU1234567> wait',
        queries: [{ id: 'm', returnsData: true, metric: { ...METRIC, statistic: 'Maximum', periodS: 60 } }],
        periodS: 60,
        comparison: 'GreaterThanThreshold',
        threshold: 5,
        datapointsToAlarm: 2,
        evaluationPeriods: 2,
        treatMissing: 'notBreaching',
      },
    ],
    dashboards: [{ name: 'Overview', body: JSON.stringify({ start: '-PT3H', widgets }) }],
  };
}

const GRAPH = {
  type: 'metric',
  x: 8,
  y: 4,
  width: 8,
  height: 6,
  properties: {
    title: 'Oldest & newest, s',
    view: 'timeSeries',
    metrics: [
      ['AWS/SQS', 'Age', 'QueueName', 'q', { label: 'of DU1234567', stat: 'Maximum', period: 60 }],
      ['AWS/SQS', 'Age', 'QueueName', 'other', { stat: 'Maximum', period: 60, yAxis: 'right' }],
    ],
    yAxis: { left: { min: 0 } },
    annotations: { horizontal: [{ value: 5, label: 'limit', color: '#ff0000' }] },
  },
};

function page(...widgets: readonly object[]): string {
  const values = [1, 1, 9, 9, 9, 1, 1];
  const store = new MetricStore(
    values.map((value, minute) => ({ ...METRIC, at: START + minute * MINUTE_MS, values: [[value, 1]] })),
  );
  return renderPage({
    monitoring: monitoring(widgets),
    store,
    source: 'local run of account 123456789012',
    to: START + values.length * MINUTE_MS,
  });
}

describe('the page of a dashboard', () => {
  const { TZ } = process.env;
  beforeAll(() => {
    process.env.TZ = 'America/Chicago';
  });
  afterAll(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });

  it('draws each graph in its place, with its limit, its newest values and the time in UTC', () => {
    const html = page(GRAPH);
    expect(html).toContain('grid-column:9/span 8;grid-row:5/span 6');
    expect(html).toContain('<h2>Oldest &amp; newest, s</h2>');
    expect(html.match(/<svg /g)).toHaveLength(1);
    expect(html).toContain('limit</text>');
    expect(html).toMatch(/12:0\d<\/text>/);
    expect(html).toContain('2026-11-20 12:00 to 12:07 UTC');
    expect(html).toMatch(/<b>1<\/b>/);
    expect(html).toMatch(/Age other \(right\)<\/span><b>no data<\/b>/);
  });

  it('says of each alarm how it is, when it went off and when it was over', () => {
    const html = page({
      type: 'alarm',
      x: 0,
      y: 0,
      width: 24,
      height: 4,
      properties: { title: 'All', alarms: [ARN] },
    });
    expect(html).toMatch(/<li class="ok"[^>]*><b>Late<\/b><span>OK<\/span>/);
    expect(html).toContain('went off 12:04 to 12:06');
  });

  it('renders texts, and says of the logs that they need an account', () => {
    const text = {
      type: 'text',
      properties: { markdown: '# Head\n\n**bold** `code` [docs](https://a.b/c) <b>' },
    };
    const html = page(text, { type: 'log', properties: { title: 'Failures', query: 'fields x' } });
    expect(html).toContain('<h3>Head</h3>');
    expect(html).toContain(
      '<strong>bold</strong> <code>code</code> <a href="https://a.b/c">docs</a> &lt;b&gt;',
    );
    expect(html).toContain('needs an account');
  });

  it('masks account numbers, of IB and of AWS, and runs no script', () => {
    const html = page(GRAPH, { type: 'alarm', properties: { alarms: [ARN] } });
    expect(html).not.toMatch(/DU1234567|123456789012/);
    expect(html).toContain('DU***67');
    expect(html).not.toContain('<script');
    expect(html).toContain('&lt;DU***67&gt;');
  });

  it('refuses what it could not draw as CloudWatch would', () => {
    expect(() => page({ ...GRAPH, properties: { ...GRAPH.properties, view: 'pie' } })).toThrow(/view/);
    expect(() => page({ ...GRAPH, type: 'explorer' })).toThrow(/type/);
  });
});
