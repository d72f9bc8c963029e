import { type DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { describeFaults } from '../../shared/message.ts';
import { REGISTRY } from '../../shared/names.ts';
import { type Strategy, strategySchema } from '../../shared/strategy.ts';
import { MalformedItem } from './errors.ts';

/** Strongly consistent reads of the registry table. Attributes beyond the schema are ignored. */

export interface Table {
  readonly client: DynamoDBDocumentClient;
  readonly name: string;
}

/** What the table holds under a strategy's id. An item by other hands may lack all but its version. */
export type Stored =
  | { readonly version: number; readonly strategy: Strategy }
  | { readonly version: number; readonly strategy?: undefined; readonly fault: MalformedItem };

/** @throws MalformedItem when not even the version can be read */
export async function readStored(table: Table, id: string): Promise<Stored | undefined> {
  const item = await readItem(table, REGISTRY.strategy, id);
  if (item === undefined) return undefined;
  const parsed = strategySchema.safeParse(item);
  if (parsed.success) return { version: parsed.data.version, strategy: parsed.data };
  const fault = new MalformedItem(`${id}: ${describeFaults(parsed.error)}`);
  const version = item.version;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) throw fault;
  return { version, fault };
}

/** @returns the number of the last write, 0 before the first one */
export async function readHead(table: Table): Promise<number> {
  const item = await readItem(table, REGISTRY.head, REGISTRY.head);
  return typeof item?.head === 'number' ? item.head : 0;
}

/** @returns a partition's strategies in the order of the sort key @throws MalformedItem naming every item at fault */
export async function readPartition(table: Table, partition: string): Promise<Strategy[]> {
  const strategies: Strategy[] = [];
  const faults: string[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await table.client.send(
      new QueryCommand({
        TableName: table.name,
        KeyConditionExpression: '#partition = :partition',
        ExpressionAttributeNames: { '#partition': REGISTRY.partitionKey },
        ExpressionAttributeValues: { ':partition': partition },
        ConsistentRead: true,
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      }),
    );
    for (const item of page.Items ?? []) {
      const parsed = strategySchema.safeParse(item);
      if (parsed.success) strategies.push(parsed.data);
      else faults.push(`${String(item[REGISTRY.sortKey])}: ${describeFaults(parsed.error)}`);
    }
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  if (faults.length > 0) throw new MalformedItem(faults.join('; '));
  return strategies;
}

async function readItem(
  table: Table,
  partition: string,
  sort: string,
): Promise<Record<string, unknown> | undefined> {
  const { Item } = await table.client.send(
    new GetCommand({
      TableName: table.name,
      Key: { [REGISTRY.partitionKey]: partition, [REGISTRY.sortKey]: sort },
      ConsistentRead: true,
    }),
  );
  return Item;
}
