import { readFileSync } from 'node:fs';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heartbeatMetrics } from '../../functions/drain/heartbeat.ts';
import { DRAIN_METRICS, HEARTBEAT_METRICS } from '../../shared/metrics.ts';
import { heartbeat } from '../support/messages.ts';
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
  readonly MetricName?: string;
  readonly Namespace?: string;
  readonly Dimensions?: readonly Dimension[];
  readonly Metrics?: readonly { readonly MetricStat?: { readonly Metric: AlarmMetric } }[];
}

interface Dimension {
  readonly Name: string;
  readonly Value: unknown;
}

interface AlarmMetric {
  readonly MetricName?: string;
  readonly Namespace?: string;
  readonly Dimensions?: readonly Dimension[];
}

/** What AWS's own services report, as far as it is used here, and the dimension that says of which resource. */
const OF_AWS: Readonly<Record<string, { readonly names: readonly string[]; readonly dimension: string }>> = {
  // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
  'AWS/Lambda': {
    names: ['Duration', 'Errors', 'Invocations', 'IteratorAge', 'Throttles'],
    dimension: 'FunctionName',
  },
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
  'AWS/SQS': {
    names: ['ApproximateAgeOfOldestMessage', 'ApproximateNumberOfMessagesVisible'],
    dimension: 'QueueName',
  },
  // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
  'AWS/DynamoDB': {
    names: ['ConsumedWriteCapacityUnits', 'ReadThrottleEvents', 'WriteThrottleEvents'],
    dimension: 'TableName',
  },
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
  'AWS/S3': { names: ['BucketSizeBytes'], dimension: 'BucketName' },
};

describe('the alarms and the dashboard', () => {
  it('look at nothing that nobody reports', () => {
    const used = [...alarms.flatMap(statsOfAlarm), ...widgets.flatMap(statsOfWidget)];
    expect(used.length).toBeGreaterThan(60);
    expect(used.filter((stat) => !isReported(stat))).toEqual([]);
  });

  it('show every metric of our own, of every bridge', () => {
    const shown = new Set(widgets.flatMap(statsOfWidget).map((stat) => JSON.stringify(stat)));
    const own = [
      ...BRIDGES.flatMap((Bridge) => HEARTBEAT_METRICS.map(({ name }) => ({ name, dimensions: { Bridge } }))),
      ...DRAIN_METRICS.map(({ name }) => ({ name, dimensions: { Function: 'drain' } })),
    ];
    const missing = own.filter((stat) => !shown.has(JSON.stringify({ namespace: 'slotwise', ...stat })));
    expect(missing).toEqual([]);
  });

  it('have names of our own metrics that a heartbeat really becomes', () => {
    const document = heartbeatMetrics(heartbeat());
    for (const { name } of HEARTBEAT_METRICS) expect(document).toHaveProperty(name, expect.any(Number));
  });
});

describe('the metrics of our own', () => {
  it('are ten at most, and none has a dimension of its own', () => {
    expect(HEARTBEAT_METRICS.length + DRAIN_METRICS.length).toBeLessThanOrEqual(10);
  });
});

describe('each alarm', () => {
  it('tells somebody, of its end as well, and says what a gap means', () => {
    expect(alarms).toHaveLength(7 + 5 * BRIDGES.length);
    for (const alarm of alarms) {
      expect(alarm.AlarmActions, alarm.AlarmDescription).toHaveLength(1);
      expect(alarm.OKActions, alarm.AlarmDescription).toHaveLength(1);
      expect(['breaching', 'notBreaching']).toContain(alarm.TreatMissingData);
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

function isReported({ namespace, name, dimensions }: Stat): boolean {
  if (namespace === 'slotwise') {
    const { Bridge, Function: of } = dimensions;
    const list = of === 'drain' ? DRAIN_METRICS : HEARTBEAT_METRICS;
    return list.some((metric) => metric.name === name) && (of === 'drain' || BRIDGES.includes(Bridge ?? ''));
  }
  const service = OF_AWS[namespace];
  return service?.names.includes(name) === true && isResource(dimensions[service.dimension]);
}

/** `<stack>.<output>`: exists because that stack has a resource of which the output speaks. */
function isResource(value: string | undefined): boolean {
  const [stack, output = ''] = value?.split('.') ?? [];
  const templates: Readonly<Record<string, Template>> = {
    SlotwiseState: app.state,
    SlotwiseIngest: app.ingest,
    SlotwiseFeed: app.feed,
  };
  const template = templates[stack ?? ''];
  if (template === undefined) return false;
  const { Outputs, Resources } = template.toJSON() as {
    readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
    readonly Resources: Readonly<Record<string, unknown>>;
  };
  const [logicalId = ''] = plain(Outputs[output]?.Value ?? '').split('.');
  return logicalId in Resources;
}

function statsOfAlarm({ Metrics, ...single }: Alarm): Stat[] {
  const metrics: AlarmMetric[] = Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []) ?? [single];
  return metrics.map(({ MetricName = '', Namespace = '', Dimensions = [] }) => ({
    namespace: Namespace,
    name: MetricName,
    dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, plain(Value)])),
  }));
}

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
