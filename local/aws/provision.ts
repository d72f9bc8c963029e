import {
  CreateTableCommand,
  DescribeTableCommand,
  ResourceNotFoundException,
  type TableDescription,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import type { Clients } from './cloud-types.ts';
import type { QueuePlan, StoresPlan, TablePlan } from './plan.ts';

/**
 * Brings queues, tables and buckets to what the template says. What an earlier run left keeps its messages, items
 * and objects; its attributes follow the template.
 * @returns table name -> ARN of its stream, for the tables that have one
 * @throws Error when a kept table has another key than the template: that cannot be changed in place
 */
export async function provision(plan: StoresPlan, clients: Clients): Promise<ReadonlyMap<string, string>> {
  // One after the other: a queue's redrive policy names a queue that must be there.
  for (const queue of plan.queues) await provisionQueue(queue, clients);
  for (const Bucket of plan.buckets) await clients.s3.send(new CreateBucketCommand({ Bucket }));
  const streams = new Map<string, string>();
  for (const table of plan.tables) {
    const description = await provisionTable(table, clients);
    if (description.LatestStreamArn !== undefined) streams.set(table.name, description.LatestStreamArn);
  }
  return streams;
}

async function provisionQueue(queue: QueuePlan, { sqs }: Clients): Promise<void> {
  try {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: queue.name }));
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: queue.attributes }));
  } catch (cause) {
    if (!(cause instanceof QueueDoesNotExist)) throw cause;
    const given = Object.entries(queue.attributes).filter(([, value]) => value !== '');
    await sqs.send(new CreateQueueCommand({ QueueName: queue.name, Attributes: Object.fromEntries(given) }));
  }
}

async function provisionTable(table: TablePlan, { dynamodb }: Clients): Promise<TableDescription> {
  const { name: TableName, properties } = table;
  let description = await describe(table, dynamodb);
  if (description === undefined) {
    const created = await dynamodb.send(
      new CreateTableCommand({
        TableName,
        KeySchema: properties.KeySchema,
        AttributeDefinitions: properties.AttributeDefinitions,
        ...(properties.GlobalSecondaryIndexes.length > 0 && {
          GlobalSecondaryIndexes: properties.GlobalSecondaryIndexes.map(indexOf),
        }),
        BillingMode: 'PAY_PER_REQUEST',
        ...streamOf(table),
      }),
    );
    description = created.TableDescription ?? {};
  } else {
    await follow(table, description, dynamodb);
    description = (await describe(table, dynamodb)) ?? {};
  }
  const ttl = properties.TimeToLiveSpecification;
  if (ttl !== undefined) {
    await dynamodb.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: ttl }));
  }
  return description;
}

async function describe(
  { name: TableName }: TablePlan,
  dynamodb: Clients['dynamodb'],
): Promise<TableDescription | undefined> {
  try {
    return (await dynamodb.send(new DescribeTableCommand({ TableName }))).Table;
  } catch (cause) {
    if (cause instanceof ResourceNotFoundException) return undefined;
    throw cause;
  }
}

/** What may change in place: further indexes and the stream. */
async function follow(
  table: TablePlan,
  kept: TableDescription,
  dynamodb: Clients['dynamodb'],
): Promise<void> {
  const { name: TableName, properties } = table;
  if (keyText(kept.KeySchema) !== keyText(properties.KeySchema)) {
    throw new Error(
      `the kept table ${TableName} has the key ${keyText(kept.KeySchema)}, the template says ` +
        `${keyText(properties.KeySchema)}: begin anew with --fresh, or name another state directory`,
    );
  }
  const present = new Set(kept.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName));
  for (const index of properties.GlobalSecondaryIndexes.filter(({ IndexName }) => !present.has(IndexName))) {
    await dynamodb.send(
      new UpdateTableCommand({
        TableName,
        AttributeDefinitions: properties.AttributeDefinitions,
        GlobalSecondaryIndexUpdates: [{ Create: indexOf(index) }],
      }),
    );
  }
  const wanted = properties.StreamSpecification?.StreamViewType;
  if (wanted !== undefined && kept.StreamSpecification?.StreamEnabled !== true) {
    await dynamodb.send(new UpdateTableCommand({ TableName, ...streamOf(table) }));
  } else if (wanted !== kept.StreamSpecification?.StreamViewType) {
    throw new Error(
      `the stream of the kept table ${TableName} carries ${kept.StreamSpecification?.StreamViewType}, the ` +
        `template says ${wanted ?? 'none'}: begin anew with --fresh, or name another state directory`,
    );
  }
}

type Index = TablePlan['properties']['GlobalSecondaryIndexes'][number];

function indexOf({ IndexName, KeySchema, Projection }: Index) {
  const { ProjectionType, NonKeyAttributes } = Projection;
  return {
    IndexName,
    KeySchema,
    Projection: { ProjectionType, ...(NonKeyAttributes && { NonKeyAttributes }) },
  };
}

function streamOf({ properties }: TablePlan) {
  const StreamViewType = properties.StreamSpecification?.StreamViewType;
  return StreamViewType === undefined ? {} : { StreamSpecification: { StreamEnabled: true, StreamViewType } };
}

function keyText(
  key: readonly { readonly AttributeName?: string | undefined; readonly KeyType?: string | undefined }[] = [],
): string {
  return key.map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`).join(', ');
}
