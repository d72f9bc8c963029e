import { CfnOutput, Stack } from 'aws-cdk-lib';
import { AttributeType, ProjectionType, StreamViewType, type Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { AUDIT, OUTPUTS, POSITIONS, REGISTRY } from '../../shared/names.ts';
import { customerKey } from '../constructs/customer-key.ts';
import { KeptTable } from '../constructs/kept-table.ts';
import { Lake } from '../constructs/lake.ts';
import { PatientQueue } from '../constructs/patient-queue.ts';
import { DEAD_LETTER_VISIBILITY_S, type Settings } from '../settings.ts';

/** All that holds something which no deployment can bring back, in the order in which data flows through it. */
export class StateStack extends Stack {
  readonly snapshots: Queue;
  readonly snapshotDeadLetters: Queue;
  readonly lake: Bucket;
  readonly positions: Table;
  readonly audit: Table;
  readonly registry: Table;
  readonly #outputs = new Map<string, string>();

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id, {
      description: 'slotwise: queues, tables and the lake. Nothing in here may be lost.',
      terminationProtection: settings.keepState,
    });
    const keep = settings.keepState;
    const { drain } = settings;
    const key = customerKey(this, settings);

    this.snapshotDeadLetters = new PatientQueue(this, 'SnapshotDeadLetters', {
      visibilityTimeoutS: DEAD_LETTER_VISIBILITY_S,
      keep,
      key,
    });
    this.snapshots = new PatientQueue(this, 'Snapshots', {
      visibilityTimeoutS: drain.visibilityTimeoutS,
      deadLetterQueue: { queue: this.snapshotDeadLetters, maxReceiveCount: drain.maxReceiveCount },
      keep,
      key,
    });
    this.lake = new Lake(this, 'Lake', { keep, key });
    this.positions = new KeptTable(this, 'Positions', {
      partitionKey: { name: POSITIONS.partitionKey, type: AttributeType.STRING },
      sortKey: { name: POSITIONS.sortKey, type: AttributeType.NUMBER },
      timeToLiveAttribute: POSITIONS.ttl,
      keep,
      key,
    });
    this.audit = new KeptTable(this, 'Audit', {
      partitionKey: { name: AUDIT.partitionKey, type: AttributeType.STRING },
      timeToLiveAttribute: AUDIT.ttl,
      keep,
      key,
    });
    this.audit.addGlobalSecondaryIndex({
      indexName: AUDIT.failuresIndex,
      partitionKey: { name: AUDIT.failuresPartitionKey, type: AttributeType.STRING },
      sortKey: { name: AUDIT.failuresSortKey, type: AttributeType.STRING },
      projectionType: ProjectionType.ALL,
    });

    this.registry = new KeptTable(this, 'Registry', {
      partitionKey: { name: REGISTRY.partitionKey, type: AttributeType.STRING },
      sortKey: { name: REGISTRY.sortKey, type: AttributeType.STRING },
      stream: StreamViewType.NEW_IMAGE,
      keep,
      key,
    });

    this.#output(OUTPUTS.region, this.region);
    this.#output(OUTPUTS.snapshotQueueUrl, this.snapshots.queueUrl);
    this.#output(OUTPUTS.snapshotDeadLetterQueueUrl, this.snapshotDeadLetters.queueUrl);
    this.#output(OUTPUTS.registryTable, this.registry.tableName);
    this.#output(OUTPUTS.positionsTable, this.positions.tableName);
    this.#output(OUTPUTS.auditTable, this.audit.tableName);
    this.#output(OUTPUTS.lakeBucket, this.lake.bucketName);
  }

  /** By name: its part of the outputs file. */
  get outputs(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#outputs);
  }

  #output(name: string, value: string): void {
    new CfnOutput(this, name, { value });
    this.#outputs.set(name, value);
  }
}
