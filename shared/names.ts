/** Names that the stacks give and the handlers, the bridge and the command line rely on. One place for each. */

/** The stack of the EC2 host, which is there only where the settings ask for it. */
export const HOST_STACK = 'SlotwiseHost';

/** Environment variables of the functions. */
export const FUNCTION_ENV = {
  lakeBucket: 'LAKE_BUCKET',
  positionsTable: 'POSITIONS_TABLE',
  auditTable: 'AUDIT_TABLE',
  /** Seconds: see COMPACT.graceS. */
  compactGraceS: 'COMPACT_GRACE_S',
  /** JSON: { "<bridge>": "<queue url>" } */
  feedQueueUrls: 'FEED_QUEUE_URLS',
} as const;

/**
 * One table, three kinds of items:
 * a strategy `{ pk: STRATEGY, sk: <strategy id>, ...strategy }`, the head `{ pk: HEAD, sk: HEAD, head: n }`, and
 * an immutable history item `{ pk: HISTORY#<strategy id>, sk: <version, 10 digits>, ...strategy }` per write.
 */
export const REGISTRY = {
  partitionKey: 'pk',
  sortKey: 'sk',
  strategy: 'STRATEGY',
  head: 'HEAD',
  history: (strategyId: string) => `HISTORY#${strategyId}`,
  historySort: (version: number) => String(version).padStart(10, '0'),
} as const;

/**
 * Latest snapshot per holder and contract: the partition is the account, or `<account>/<model code>` where a model of
 * it holds the position (`holderOf` in account.ts). The item with conId 0 is the account's lease: `{ bridge, at }`.
 */
export const POSITIONS = {
  partitionKey: 'account',
  sortKey: 'conId',
  leaseConId: 0,
  /** Epoch seconds; only on items of quantity 0. */
  ttl: 'expiresAt',
} as const;

/** One item per snapshot id, or `sqs:<message id>` where no id can be decoded. */
export const AUDIT = {
  partitionKey: 'id',
  ttl: 'expiresAt',
  /** Sparse: only RETRYING and FAILED items carry `failedDay` (UTC day of the last change, YYYY-MM-DD). */
  failuresIndex: 'failures',
  failuresPartitionKey: 'failedDay',
  failuresSortKey: 'updatedAt',
} as const;

/** Prefixes of the lake bucket. */
export const LAKE = {
  raw: 'raw/v1/',
  dead: 'dead/v1/',
  ledger: 'ledger/v1/',
  /** A Delta table: its log, and its files by day. */
  table: 'table/v1/',
} as const;

/** The lake in Athena, in the words of `slotwise query`. */
export const CATALOG = {
  /** The workgroup has the same name. */
  database: 'slotwise',
  raw: 'raw',
  table: 'compacted',
  view: 'snapshots',
} as const;

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
export const METRIC_NAMESPACE = 'slotwise';

/**
 * Outputs of the stacks by name: `cdk deploy --outputs-file slotwise.outputs.json` is all the configuration that
 * bridge and command line need of the cloud, and the local run writes the very same file.
 */
export const OUTPUTS = {
  region: 'Region',
  snapshotQueueUrl: 'SnapshotQueueUrl',
  snapshotDeadLetterQueueUrl: 'SnapshotDeadLetterQueueUrl',
  /** JSON: { "<bridge>": "<queue url>" } */
  feedQueueUrls: 'FeedQueueUrls',
  registryTable: 'RegistryTable',
  positionsTable: 'PositionsTable',
  auditTable: 'AuditTable',
  lakeBucket: 'LakeBucket',
} as const;

/** Outputs that are there only with `bridgeAccess.caCertificate`: what a bridge outside AWS signs in with. */
export const ACCESS_OUTPUTS = {
  trustAnchorArn: 'TrustAnchorArn',
  bridgeProfileArn: 'BridgeProfileArn',
  /** JSON: { "<bridge>": "<role arn>" } */
  bridgeRoleArns: 'BridgeRoleArns',
} as const;

/** `raw/v1/dt=2026-11-20/<digest>.parquet`; dt is the UTC day of observedAt, never of the function's clock. */
export function rawKey(day: string, digest: string): string {
  return `${rawPrefix(day)}${digest}.parquet`;
}

/** What all raw keys of a day begin with. */
export function rawPrefix(day: string): string {
  return `${LAKE.raw}dt=${day}/`;
}

/** @param instant ISO 8601 in UTC @returns its UTC day, YYYY-MM-DD */
export function utcDay(instant: string): string {
  return instant.slice(0, 10);
}

const BRIDGE_POLICIES = '/slotwise/bridge/';

/** IAM path of the policy that says what a bridge may do: the only mark in a template of whose it is. */
export function bridgePolicyPath(bridge: string): string {
  return `${BRIDGE_POLICIES}${bridge}/`;
}

/** @returns the bridge whose policy has this path; undefined for a policy of anything else */
export function bridgeOfPolicyPath(path: string): string | undefined {
  return path.startsWith(BRIDGE_POLICIES) ? path.slice(BRIDGE_POLICIES.length, -1) : undefined;
}
