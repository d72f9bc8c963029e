import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { ProcessIdentity } from '../../shared/local-run.ts';
import type { CloudOutputs } from '../../shared/outputs.ts';
import type { Journal } from './journal.ts';
import type { Meter } from './meter.ts';
import type { MetricClock } from './metrics/clock.ts';
import type { UnusedGrant } from './permission-audit.ts';
import type { Permissions } from './policy.ts';
import type { Endpoints, Service, ServiceFault } from './service.ts';
import type { TableLoad } from './throttle.ts';
import type { Throughput } from './throughput.ts';

/** A process of ours that a lock on the state directory may end later, when its start time still matches. */
export interface RecordedProcess extends ProcessIdentity {
  readonly name: string;
}

export interface QueueDepth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

export interface Clients {
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly dynamodb: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
}

export interface FunctionStatistics {
  /** Logical id in the template. */
  readonly logicalId: string;
  readonly invocations: number;
  /** Invocations that threw, timed out or crashed: their whole batch failed. */
  readonly errors: number;
  readonly timeouts: number;
  /** Workers that were replaced after a crash or a timeout. */
  readonly workersReplaced: number;
  /** The most that the heap and the buffers of one worker were, as it ended an invocation. */
  readonly memoryMaxBytes: number;
}

export interface TriggerStatistics {
  readonly kind: 'queue' | 'stream';
  /** Queue URL or table name. */
  readonly source: string;
  readonly functionName: string;
  readonly batches: number;
  readonly maxBatch: number;
  readonly records: number;
  /** Records that a batch reported, or that were in a batch that failed as a whole; retries count again. */
  readonly failedRecords: number;
  /** Stream only: records given up to the failure destination. */
  readonly discardedRecords: number;
}

/** Transitions only, one line each. */
export interface CloudLog {
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** The emulators and the front door over one state directory. */
export interface LocalStores extends AsyncDisposable {
  readonly endpoints: Endpoints;
  readonly region: string;
  /** Parsed on access. @throws Error naming what the stacks' outputs lack */
  readonly outputs: CloudOutputs;
  /** JSON text in the format of `cdk deploy --outputs-file`, with the addresses of this run. */
  readonly outputsText: string;
  readonly processes: readonly RecordedProcess[];
  /** Who called what at the front door. */
  readonly journal: Journal;
  /** AWS_* variables for a child process that calls as `principal` ("bridge-home", "cli"); overlay them on its own. */
  env(principal: string): Record<string, string>;
  /** SDK clients for this process; closed by `stop`. */
  clients(principal: string): Clients;
  /** Physical queue name -> depth. */
  queueDepths(): Promise<Readonly<Record<string, QueueDepth>>>;
  /** For tests and demonstrations: takes a service away, or brings it back (`undefined`) on the same port. */
  setFault(service: Service, fault: ServiceFault | undefined): Promise<void>;
  /** In order: no new batches, those in work within a deadline, workers, doors, emulators. */
  stop(): Promise<void>;
}

/** The whole cloud side: stores, functions and their triggers. */
export interface LocalCloud extends LocalStores {
  /** Who may do what, as the templates say; every call is held against it. */
  readonly permissions: Permissions;
  /** What the run uses, as AWS would count it; written into the state directory. */
  readonly meter: Pick<Meter, 'usage' | 'stop'>;
  /** What the templates grant and nobody used so far; without a `reason` it has no business there. */
  unusedGrants(): Promise<readonly UnusedGrant[]>;
  /** Physical function name -> statistics. */
  functions(): Readonly<Record<string, FunctionStatistics>>;
  triggers(): readonly TriggerStatistics[];
  /** What tables were asked for and refused, by physical name; nothing where `throughput` was not given. */
  tableLoads(): Readonly<Record<string, TableLoad>>;
  /**
   * Fires a schedule now, by the beginning of its logical id, such as `CompactHourly`.
   * @returns what the function answered
   * @throws Error with what it threw
   */
  fire(schedule: string): Promise<unknown>;
  /**
   * For tests and demonstrations: ends a worker of a function at once, in the middle of an invocation where one is
   * under way, as Lambda may.
   * @param functionName physical @returns what the worker was doing; undefined where there is none
   */
  killWorker(functionName: string): Promise<'busy' | 'idle' | undefined>;
  /** Every line that a handler writes, embedded metrics included. @returns unsubscribe */
  onFunctionLine(listener: (functionName: string, line: string) => void): () => void;
  /** Looks at the queues now and writes what the services reported so far, instead of in its own time. */
  measure(): void;
  /**
   * Resolves once every queue that triggers a function is empty, nothing is in work, and every stream was read to its
   * end after the call began. Queues that only bridges read do not count. Rejects with the signal's reason.
   */
  idle(signal: AbortSignal): Promise<void>;
}

export interface CloudOptions {
  /** Directory of the cloud assembly (cdk.out). */
  readonly assembly: string;
  /** State directory of the embedded services, kept between runs: queues, objects, tables, checkpoints, logs. */
  readonly dir: string;
  readonly log?: CloudLog;
  /** For stacks without a region of their own; default us-east-1. */
  readonly region?: string;
  /** Invocations at once per event source mapping, unless the mapping sets MaximumConcurrency; default 2. */
  readonly concurrency?: number;
  /** What each table serves; without it whatever it is asked for. */
  readonly throughput?: Throughput;
  /** Pause between reads of an idle stream; default 50. AWS reads four times a second. */
  readonly streamPollMs?: number;
  /** First pause before a failed stream batch is tried again; doubles up to 100 times of it. Default 100. */
  readonly streamRetryMs?: number;
  /** The time of metrics; default the machine's. */
  readonly metricClock?: MetricClock;
}

export interface StoresOptions {
  readonly dir: string;
  readonly log?: CloudLog;
}
