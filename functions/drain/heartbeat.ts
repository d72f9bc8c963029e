import type { Heartbeat } from '../../shared/message.ts';
import { HEARTBEAT_METRICS } from '../../shared/metrics.ts';
import { embeddedMetrics } from '../metrics.ts';

type Values = Readonly<Record<(typeof HEARTBEAT_METRICS)[number]['name'], number | undefined>>;

/** Gauges at the heartbeat's own time: one that comes late or twice changes no graph. The rest rides along. */
export function heartbeatMetrics(heartbeat: Heartbeat): Record<string, unknown> {
  const { gauges } = heartbeat;
  const values: Values = {
    GatewayReady: gauges.gatewayReady,
    LinesInUse: gauges.linesInUse,
    LinesRefused: gauges.linesRefused,
    StrategiesDegraded: gauges.strategiesDegraded,
    OutboxDepth: gauges.outboxDepth,
    OutboxAge: gauges.outboxOldestMs,
    RegistryLag: gauges.registryLag,
    KeyframeAge: gauges.keyframeAgeMs,
  };
  return embeddedMetrics({
    event: 'heartbeat',
    at: Date.parse(heartbeat.at),
    dimension: 'bridge',
    dimensionValue: heartbeat.bridge,
    metrics: HEARTBEAT_METRICS,
    values,
    properties: { epoch: heartbeat.epoch, at: heartbeat.at, gauges },
  });
}

/** @returns of each bridge the newest: older ones have nothing to say about a lease */
export function newestHeartbeats(heartbeats: readonly Heartbeat[]): Heartbeat[] {
  const newest = new Map<string, Heartbeat>();
  for (const heartbeat of heartbeats) {
    const present = newest.get(heartbeat.bridge);
    if (present === undefined || heartbeat.at > present.at) newest.set(heartbeat.bridge, heartbeat);
  }
  return [...newest.values()];
}
