import { readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMPACT_METRICS, DRAIN_METRICS, HEARTBEAT_METRICS } from '../../shared/metrics.ts';
import { type Synthesized, synthesized } from '../support/synthesized.ts';

const BRIDGES = ['home', 'cloud'];

let app: Synthesized;
let alarms: readonly Alarm[];
let widgets: readonly Widget[];

beforeAll(() => {
  app = synthesized({ bridges: BRIDGES });
  const { observability } = app;
  alarms = Object.values(observability.findResources('AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties as Alarm,
  );
  const [dashboard] = Object.values(observability.findResources('AWS::CloudWatch::Dashboard'));
  widgets = (JSON.parse(plain(dashboard?.Properties.DashboardBody)) as { widgets: Widget[] }).widgets;
}, 60_000);

afterAll(() => app[Symbol.dispose]());

interface Stat {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

interface Widget {
  readonly type: string;
  readonly properties: {
    readonly title: string;
    readonly metrics?: readonly (readonly unknown[])[];
    readonly alarms?: readonly string[];
  };
}

interface Alarm {
  readonly AlarmDescription: string;
  readonly AlarmActions?: readonly unknown[];
  readonly OKActions?: readonly unknown[];
  readonly TreatMissingData: string;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly Metrics?: readonly { readonly Expression?: string; readonly MetricStat?: unknown }[];
}

describe('the dashboard', () => {
  it('shows every metric of our own, of every bridge', () => {
    const shown = new Set(widgets.flatMap(statsOfWidget).map((stat) => JSON.stringify(stat)));
    const own = [
      ...BRIDGES.flatMap((Bridge) => HEARTBEAT_METRICS.map(({ name }) => ({ name, dimensions: { Bridge } }))),
      ...DRAIN_METRICS.map(({ name }) => ({ name, dimensions: { Function: 'drain' } })),
      ...COMPACT_METRICS.map(({ name }) => ({ name, dimensions: { Function: 'compact' } })),
    ];
    const missing = own.filter((stat) => !shown.has(JSON.stringify({ namespace: 'slotwise', ...stat })));
    expect(missing).toEqual([]);
  });
});

describe('the metrics of our own', () => {
  it('are ten at most, and none has a dimension of its own', () => {
    const names = [...HEARTBEAT_METRICS, ...DRAIN_METRICS, ...COMPACT_METRICS].map(({ name }) => name);
    expect(new Set(names).size).toBeLessThanOrEqual(10);
  });
});

describe('each alarm', () => {
  it('tells somebody, of its end as well, and says what a gap means', () => {
    expect(alarms).toHaveLength(8 + 5 * BRIDGES.length);
    for (const alarm of alarms) {
      expect(alarm.AlarmActions, alarm.AlarmDescription).toHaveLength(1);
      expect(alarm.OKActions, alarm.AlarmDescription).toHaveLength(1);
      expect(['breaching', 'notBreaching']).toContain(alarm.TreatMissingData);
    }
  });

  it('over a formula that fills gaps bears minutes whose values have not come yet', () => {
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html (FILL)
    const formulas = alarms.filter(({ Metrics }) => Metrics !== undefined);
    expect(formulas.length).toBeGreaterThan(5);
    for (const { AlarmDescription, EvaluationPeriods, DatapointsToAlarm, TreatMissingData } of formulas) {
      if (TreatMissingData === 'breaching') continue;
      expect(EvaluationPeriods, AlarmDescription).toBeGreaterThan(DatapointsToAlarm);
    }
  });

  it('looks at ten metrics at most, which is all that CloudWatch allows a formula', () => {
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
    for (const { AlarmDescription, Metrics = [] } of alarms) {
      const metrics = Metrics.filter(({ MetricStat }) => MetricStat !== undefined);
      expect(metrics.length, AlarmDescription).toBeLessThanOrEqual(10);
    }
  });

  it('names a section of the runbook that is there', () => {
    const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const anchors = new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading)));
    const named = alarms.map(
      ({ AlarmDescription }) => /Runbook: docs\/operations\.md#([a-z-]+)$/.exec(AlarmDescription)?.[1],
    );
    expect(named).not.toContain(undefined);
    expect(named.filter((anchor) => !anchors.has(anchor ?? ''))).toEqual([]);
  });

  it('holds no bridge back from leaving the list: nothing of it is an import', () => {
    expect(JSON.stringify(app.observability.toJSON())).not.toContain('Fn::ImportValue');
  });

  it('is on the dashboard', () => {
    const shown = widgets.find(({ type }) => type === 'alarm')?.properties.alarms ?? [];
    expect(shown).toHaveLength(alarms.length);
  });

  it('takes the silence of a bridge, and of nothing else, for a fault', () => {
    const silent = alarms.filter(({ TreatMissingData }) => TreatMissingData === 'breaching');
    expect(
      silent.map(({ AlarmDescription }) => /of the bridge (\w+) for three/.exec(AlarmDescription)?.[1]),
    ).toEqual(expect.arrayContaining(BRIDGES));
    expect(silent).toHaveLength(BRIDGES.length);
  });
});

describe('the topic of the alarms', () => {
  it('has the reader that cdk.json names, and none where it names none', () => {
    app.observability.resourceCountIs('AWS::SNS::Subscription', 0);
    using told = synthesized({ overrides: { alarmEmail: 'trader@example.com' } });
    told.observability.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'trader@example.com',
    });
  });

  it('takes messages by TLS only, and from the alarms of its account', () => {
    app.observability.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      },
    });
  });
});

/** `[namespace, name, dimension, value, ..., options]` */
function statsOfWidget({ properties }: Widget): Stat[] {
  return (properties.metrics ?? []).map((metric) => {
    const [namespace = '', name = '', ...rest] = metric.filter((part) => typeof part === 'string');
    const pairs = rest.flatMap((part, index) => (index % 2 === 0 ? [[part, rest[index + 1] ?? '']] : []));
    return { namespace, name, dimensions: Object.fromEntries(pairs) };
  });
}

/** A text with the names of what CloudFormation puts into it. */
function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  const {
    'Fn::Join': join,
    'Fn::GetStackOutput': output,
    'Fn::GetAtt': attribute,
    Ref: ref,
  } = value as Partial<Record<string, unknown>>;
  if (Array.isArray(join)) return (join[1] as unknown[]).map(plain).join(String(join[0]));
  if (Array.isArray(attribute)) return attribute.join('.');
  if (typeof ref === 'string') return ref;
  if (typeof output === 'object' && output !== null) {
    const { StackName, OutputName } = output as Record<string, unknown>;
    return `${StackName}.${OutputName}`;
  }
  throw new Error(`not understood: ${JSON.stringify(value)}`);
}

/** As the forge makes anchors of headings. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');
}
