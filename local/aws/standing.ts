import { DRAIN_METRICS, HEARTBEAT_METRICS } from '../../shared/metrics.ts';
import { bridgeOfPolicyPath } from '../../shared/names.ts';
import type { Standing } from '../../shared/usage.ts';
import type { Stack } from './assembly.ts';

type Properties = Readonly<Record<string, unknown>>;

/** What the templates cost by being there, whatever happens. */
export function standingOf(stacks: readonly Stack[]): Standing {
  const resources = stacks.flatMap(({ template }) => Object.values(template.Resources));
  const of = (type: string) =>
    resources.filter(({ Type }) => Type === type).map(({ Properties: own = {} }) => own as Properties);
  const bridges = of('AWS::IAM::ManagedPolicy').filter(
    ({ Path }) => typeof Path === 'string' && bridgeOfPolicyPath(Path) !== undefined,
  ).length;
  const alarms = of('AWS::CloudWatch::Alarm');
  const queues = of('AWS::Lambda::EventSourceMapping')
    .filter((mapping) => !('StartingPosition' in mapping))
    .map(({ BatchSize, MaximumBatchingWindowInSeconds }) => ({
      batchSize: Number(BatchSize ?? 10),
      windowMs: Number(MaximumBatchingWindowInSeconds ?? 0) * 1000,
    }));
  const [largest] = queues.toSorted((left, right) => right.batchSize - left.batchSize);
  return {
    bridges,
    customMetrics: bridges * HEARTBEAT_METRICS.length + DRAIN_METRICS.length,
    alarms: alarms.length,
    alarmMetrics: alarms.reduce((sum, alarm) => sum + metricsOf(alarm), 0),
    dashboards: of('AWS::CloudWatch::Dashboard').length,
    queueMappings: queues.length,
    batchSize: largest?.batchSize ?? 1,
    batchWindowMs: largest?.windowMs ?? 0,
  };
}

/** An expression counts by the metrics that go into it. https://aws.amazon.com/cloudwatch/pricing/ */
function metricsOf({ Metrics }: Properties): number {
  if (!Array.isArray(Metrics)) return 1;
  return Metrics.filter((one: Properties) => one.MetricStat !== undefined).length;
}
