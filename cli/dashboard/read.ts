import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  LOCAL_METRICS,
  type Monitoring,
  parseMetricValues,
  parseMonitoring,
} from '../../shared/local-metrics.ts';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { MetricStore } from '../cloudwatch/series.ts';
import { CommandFailure, EXIT } from '../failure.ts';
import { stillStarting, type Target } from '../target.ts';

export interface RunMetrics {
  readonly monitoring: Monitoring;
  readonly store: MetricStore;
}

/**
 * What a local run reported so far; a run that lives may be asked as well.
 * @throws CommandFailure when there is nothing to look at yet
 */
export function readMetrics(target: Target & { kind: 'local' }): RunMetrics {
  const file = (name: string) => join(target.dir, LOCAL_RUN.awsDirectory, name);
  const { monitoringFile, valuesFile } = LOCAL_METRICS;
  if (!existsSync(file(monitoringFile)) || !existsSync(file(valuesFile))) {
    throw new CommandFailure(
      EXIT.noTarget,
      `the local run in ${target.dir} has no metrics: ${stillStarting(target)}`,
    );
  }
  const texts = [`${valuesFile}.1`, valuesFile].map((name) =>
    existsSync(file(name)) ? readFileSync(file(name), 'utf8') : '',
  );
  const lines = texts.flatMap((text) => text.split('\n')).flatMap((line) => parseMetricValues(line) ?? []);
  return {
    monitoring: parseMonitoring(readFileSync(file(monitoringFile), 'utf8')),
    store: new MetricStore(lines),
  };
}
