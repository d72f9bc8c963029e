import type { z } from 'zod';
import type { AlarmDefinition, MetricQuery, Monitoring } from '../../../shared/local-metrics.ts';
import type { CloudTemplate, Resource } from '../template.ts';
import { TemplateFault } from '../template-fault.ts';
import { alarmProperties, dashboardProperties } from '../understood.ts';

/** The alarms and dashboards of the templates, with the names that metrics have in this run. @throws TemplateFault */
export function planMonitoring(template: CloudTemplate): Monitoring {
  return {
    schema: 1,
    alarms: template.resources('AWS::CloudWatch::Alarm').map((alarm) => planAlarm(template, alarm)),
    dashboards: template.resources('AWS::CloudWatch::Dashboard').map((dashboard) => ({
      name: template.physicalName(dashboard),
      body: template.properties(dashboard, dashboardProperties).DashboardBody,
    })),
  };
}

function planAlarm(template: CloudTemplate, resource: Resource): AlarmDefinition {
  const properties = template.properties(resource, alarmProperties);
  const name = template.physicalName(resource);
  const queries = properties.Metrics?.map(queryOf) ?? singleQuery(properties);
  const periodS = queries.find(({ metric }) => metric !== undefined)?.metric?.periodS;
  if (periodS === undefined || queries.filter(({ returnsData }) => returnsData).length !== 1) {
    const place = { stack: resource.stack.name, logicalId: resource.logicalId };
    throw new TemplateFault(place, 'an alarm has one metric, or several and one expression that is watched');
  }
  return {
    name,
    arn: template.arn(resource.type, name),
    description: properties.AlarmDescription,
    queries,
    periodS,
    comparison: properties.ComparisonOperator,
    threshold: properties.Threshold,
    datapointsToAlarm: properties.DatapointsToAlarm ?? properties.EvaluationPeriods,
    evaluationPeriods: properties.EvaluationPeriods,
    treatMissing: properties.TreatMissingData,
  };
}

type Alarm = z.infer<typeof alarmProperties>;

function singleQuery(alarm: Alarm): MetricQuery[] {
  const { Namespace, MetricName, Dimensions, Period } = alarm;
  const statistic = alarm.Statistic ?? alarm.ExtendedStatistic;
  if (Namespace === undefined || MetricName === undefined || Period === undefined || statistic === undefined)
    return [];
  const metric = {
    namespace: Namespace,
    name: MetricName,
    dimensions: plain(Dimensions),
    statistic,
    periodS: Period,
  };
  return [{ id: 'metric', returnsData: true, metric }];
}

function queryOf({
  Id,
  ReturnData,
  Expression,
  MetricStat,
}: NonNullable<Alarm['Metrics']>[number]): MetricQuery {
  return {
    id: Id,
    returnsData: ReturnData,
    ...(Expression !== undefined && { expression: Expression }),
    ...(MetricStat && {
      metric: {
        namespace: MetricStat.Metric.Namespace,
        name: MetricStat.Metric.MetricName,
        dimensions: plain(MetricStat.Metric.Dimensions),
        statistic: MetricStat.Stat,
        periodS: MetricStat.Period,
      },
    }),
  };
}

function plain(dimensions: Alarm['Dimensions']): Record<string, string> {
  return Object.fromEntries(dimensions.map(({ Name, Value }) => [Name, Value]));
}
