import type { z } from 'zod';
import type { Cron } from './cron.ts';
import type { CloudTemplate, Resource } from './template.ts';
import { TemplateFault } from './template-fault.ts';
import {
  bucketProperties,
  functionProperties,
  permissionProperties,
  queueMappingProperties,
  queueProperties,
  ruleProperties,
  streamMappingProperties,
  tableProperties,
} from './understood.ts';

export interface QueuePlan {
  readonly name: string;
  readonly url: string;
  readonly arn: string;
  readonly visibilityTimeoutS: number;
  /** As SQS takes them: every value a text. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Of its dead-letter queue. */
  readonly deadLetterArn?: string;
}

export interface TablePlan {
  readonly name: string;
  readonly properties: z.infer<typeof tableProperties>;
}

export interface StoresPlan {
  /** Dead-letter queues before the queues that name them. */
  readonly queues: readonly QueuePlan[];
  readonly tables: readonly TablePlan[];
  readonly buckets: readonly string[];
}

/** @throws TemplateFault */
export function planStores(template: CloudTemplate): StoresPlan {
  return {
    queues: deadLettersFirst(
      template.resources('AWS::SQS::Queue').map((queue) => planQueue(template, queue)),
    ),
    tables: template.resources('AWS::DynamoDB::Table').map((table) => ({
      name: template.physicalName(table),
      properties: template.properties(table, tableProperties),
    })),
    buckets: template.resources('AWS::S3::Bucket').map((bucket) => {
      template.properties(bucket, bucketProperties);
      return template.physicalName(bucket);
    }),
  };
}

function planQueue(template: CloudTemplate, resource: Resource): QueuePlan {
  const properties = template.properties(resource, queueProperties);
  const name = template.physicalName(resource);
  const { RedrivePolicy } = properties;
  return {
    name,
    url: template.queueUrl(name),
    arn: template.arn(resource.type, name),
    visibilityTimeoutS: properties.VisibilityTimeout,
    attributes: {
      VisibilityTimeout: `${properties.VisibilityTimeout}`,
      MessageRetentionPeriod: `${properties.MessageRetentionPeriod}`,
      ReceiveMessageWaitTimeSeconds: `${properties.ReceiveMessageWaitTimeSeconds}`,
      DelaySeconds: `${properties.DelaySeconds}`,
      MaximumMessageSize: `${properties.MaximumMessageSize}`,
      // An empty policy takes away the one of an earlier run.
      RedrivePolicy: RedrivePolicy === undefined ? '' : JSON.stringify(RedrivePolicy),
    },
    ...(RedrivePolicy && { deadLetterArn: RedrivePolicy.deadLetterTargetArn }),
  };
}

function deadLettersFirst(queues: readonly QueuePlan[]): QueuePlan[] {
  const sorted: QueuePlan[] = [];
  const place = (queue: QueuePlan, above: readonly QueuePlan[]): void => {
    if (sorted.includes(queue) || above.includes(queue)) return;
    const deadLetters = queues.find(({ arn }) => arn === queue.deadLetterArn);
    if (deadLetters) place(deadLetters, [...above, queue]);
    sorted.push(queue);
  };
  for (const queue of queues) place(queue, []);
  return sorted;
}

export interface FunctionPlan {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** Name of its role, and the access key id that it signs with. */
  readonly principal: string;
  /** Directory of the asset. */
  readonly code: string;
  /** `<file>.<export>` */
  readonly handler: string;
  readonly runtime: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

interface MappingPlan {
  readonly logicalId: string;
  readonly function: FunctionPlan;
  readonly sourceArn: string;
  readonly batchSize: number;
  /** ReportBatchItemFailures: without it a batch succeeds or fails as a whole. */
  readonly reportsFailures: boolean;
}

export interface QueueMappingPlan extends MappingPlan {
  readonly kind: 'queue';
  readonly queue: QueuePlan;
  readonly windowMs: number;
  readonly concurrencyMax?: number;
}

export interface StreamMappingPlan extends MappingPlan {
  readonly kind: 'stream';
  readonly tableName: string;
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST';
  readonly bisects: boolean;
  /** Infinity: for as long as the stream keeps the record. */
  readonly retriesMax: number;
  readonly recordAgeMaxMs: number;
  /** Queue that is told of what was given up. */
  readonly onFailure?: QueuePlan;
}

/** A rule that invokes a function by the clock. */
export interface SchedulePlan {
  readonly logicalId: string;
  readonly name: string;
  readonly function: FunctionPlan;
  readonly cron: Cron;
  /** What the function is given. */
  readonly input: unknown;
}

export interface FunctionsPlan {
  readonly functions: readonly FunctionPlan[];
  readonly schedules: readonly SchedulePlan[];
  readonly mappings: readonly (QueueMappingPlan | StreamMappingPlan)[];
}

/** Streams must exist by now: their ARNs are the services' to give. @throws TemplateFault */
export function planFunctions(template: CloudTemplate, stores: StoresPlan): FunctionsPlan {
  const functions = template.resources('AWS::Lambda::Function').map((each) => planFunction(template, each));
  const mappings = template.resources('AWS::Lambda::EventSourceMapping').map((resource) => {
    const known = { template, resource, functions, stores };
    const source = String(template.property(resource, 'EventSourceArn'));
    if (source.startsWith('arn:aws:sqs:')) return planQueueMapping(known);
    if (source.startsWith('arn:aws:dynamodb:')) return planStreamMapping(known);
    throw fault(resource, `events from ${source} are not understood by the local run`);
  });
  const schedules = template
    .resources('AWS::Events::Rule')
    .map((rule) => planSchedule(template, rule, functions));
  return { functions, mappings, schedules };
}

interface Known {
  readonly template: CloudTemplate;
  readonly resource: Resource;
  readonly functions: readonly FunctionPlan[];
  readonly stores: StoresPlan;
}

function planFunction(template: CloudTemplate, resource: Resource): FunctionPlan {
  const properties = template.properties(resource, functionProperties);
  const name = template.physicalName(resource);
  const code = resource.stack.assets.get(properties.Code.S3Key);
  if (code === undefined) throw fault(resource, `no asset of the assembly is ${properties.Code.S3Key}`);
  return {
    logicalId: resource.logicalId,
    name,
    arn: template.arn(resource.type, name),
    principal: properties.Role.split('/').at(-1) ?? name,
    code,
    handler: properties.Handler,
    runtime: properties.Runtime,
    environment: properties.Environment?.Variables ?? {},
    timeoutMs: properties.Timeout * 1000,
    memoryMb: properties.MemorySize,
  };
}

/** Lambda lets nobody invoke a function without being told: a rule that may not would fire into the void. */
function planSchedule(
  template: CloudTemplate,
  resource: Resource,
  functions: readonly FunctionPlan[],
): SchedulePlan {
  const { ScheduleExpression, Targets } = template.properties(resource, ruleProperties);
  const [{ Arn, Input }] = Targets;
  const name = template.physicalName(resource);
  const known = functions.find(({ arn }) => arn === Arn);
  if (known === undefined) throw fault(resource, `no function of the template is ${Arn}`);
  const ruleArn = template.arn(resource.type, name);
  const isPermitted = template
    .resources('AWS::Lambda::Permission')
    .map((each) => template.properties(each, permissionProperties))
    .some(({ FunctionName, SourceArn }) => FunctionName === Arn && SourceArn === ruleArn);
  if (!isPermitted) throw fault(resource, `no AWS::Lambda::Permission lets the rule invoke ${known.name}`);
  const { logicalId } = resource;
  return { logicalId, name, function: known, cron: ScheduleExpression, input: JSON.parse(Input) };
}

function planQueueMapping(known: Known): QueueMappingPlan {
  const { template, resource, stores } = known;
  const properties = template.properties(resource, queueMappingProperties);
  const queue = stores.queues.find(({ arn }) => arn === properties.EventSourceArn);
  if (queue === undefined) throw fault(resource, `no queue of the template is ${properties.EventSourceArn}`);
  const target = functionOf(known, properties.FunctionName);
  if (queue.visibilityTimeoutS * 1000 < target.timeoutMs) {
    throw fault(
      resource,
      `Lambda refuses a queue whose visibility timeout is below the timeout of ${target.name}`,
    );
  }
  const concurrencyMax = properties.ScalingConfig?.MaximumConcurrency;
  return {
    kind: 'queue',
    logicalId: resource.logicalId,
    function: target,
    sourceArn: queue.arn,
    queue,
    batchSize: properties.BatchSize,
    windowMs: properties.MaximumBatchingWindowInSeconds * 1000,
    reportsFailures: properties.FunctionResponseTypes.length > 0,
    ...(concurrencyMax !== undefined && { concurrencyMax }),
  };
}

function planStreamMapping(known: Known): StreamMappingPlan {
  const { template, resource, stores } = known;
  const properties = template.properties(resource, streamMappingProperties);
  const tableName = /:table\/([^/]+)\/stream\//.exec(properties.EventSourceArn)?.[1];
  if (tableName === undefined) throw fault(resource, `${properties.EventSourceArn} is no stream of a table`);
  const destination = properties.DestinationConfig?.OnFailure?.Destination;
  const onFailure = stores.queues.find(({ arn }) => arn === destination);
  if (destination !== undefined && onFailure === undefined) {
    throw fault(resource, `the failure destination ${destination} is no queue of the template`);
  }
  const bound = (value: number) => (value < 0 ? Number.POSITIVE_INFINITY : value);
  return {
    kind: 'stream',
    logicalId: resource.logicalId,
    function: functionOf(known, properties.FunctionName),
    sourceArn: properties.EventSourceArn,
    tableName,
    batchSize: properties.BatchSize,
    reportsFailures: properties.FunctionResponseTypes.length > 0,
    startingPosition: properties.StartingPosition,
    bisects: properties.BisectBatchOnFunctionError,
    retriesMax: bound(properties.MaximumRetryAttempts),
    recordAgeMaxMs: bound(properties.MaximumRecordAgeInSeconds) * 1000,
    ...(onFailure && { onFailure }),
  };
}

function functionOf({ resource, functions }: Known, reference: string): FunctionPlan {
  const found = functions.find(({ name, arn }) => name === reference || arn === reference);
  if (found) return found;
  throw fault(resource, `no function of the template is ${reference}`);
}

function fault(resource: Resource, text: string): TemplateFault {
  return new TemplateFault({ stack: resource.stack.name, logicalId: resource.logicalId }, text);
}
