/**
 * Every custom metric, with its unit and its meaning; all else that a line of the log carries is a property, which
 * costs nothing. CloudWatch bills each metric and dimension value: there are ten, and none per contract.
 */
export interface Metric {
  readonly name: string;
  readonly unit: 'Count' | 'Milliseconds' | 'None';
  readonly meaning: string;
}

/** Gauges of the bridge, by dimension Bridge, stamped with the heartbeat's own time. */
export const HEARTBEAT_METRICS = [
  { name: 'GatewayReady', unit: 'None', meaning: '1 while the session with the gateway is ready, else 0' },
  { name: 'LinesInUse', unit: 'Count', meaning: 'market data lines in use' },
  { name: 'LinesRefused', unit: 'Count', meaning: 'lines that the gateway or the budget refused' },
  { name: 'StrategiesDegraded', unit: 'Count', meaning: 'active strategies without all of their lines' },
  { name: 'OutboxDepth', unit: 'Count', meaning: 'messages on local disk that SQS has not acknowledged' },
  { name: 'OutboxAge', unit: 'Milliseconds', meaning: 'age of the oldest of them' },
  {
    name: 'RegistryLag',
    unit: 'Count',
    meaning: 'versions of the registry that the bridge knows of and lacks',
  },
  { name: 'KeyframeAge', unit: 'Milliseconds', meaning: 'time since every position was last recorded' },
] as const satisfies readonly Metric[];

/** Counts of one batch, by dimension Function. */
export const DRAIN_METRICS = [
  { name: 'RecordsStored', unit: 'Count', meaning: 'snapshots that became a row of the lake' },
  { name: 'RecordsFailed', unit: 'Count', meaning: 'messages that go back to the queue' },
] as const satisfies readonly Metric[];

/**
 * Of one pass, by dimension Function, under a name that is there already; reported only when it is not 0, so that
 * CloudWatch bills an eleventh metric for the hours of a fault alone.
 */
export const COMPACT_METRICS = [
  {
    name: 'RecordsFailed',
    unit: 'Count',
    meaning: 'ids with two bodies: the table has neither, or the first',
  },
] as const satisfies readonly Metric[];

export const METRIC_DIMENSION = { bridge: 'Bridge', function: 'Function' } as const;
