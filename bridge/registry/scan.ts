import { type DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { describeFaults } from '../../shared/message.ts';
import { REGISTRY } from '../../shared/names.ts';
import type { Replica, Scan } from '../../shared/replica.ts';
import { type Strategy, strategySchema } from '../../shared/strategy.ts';

export interface RegistryTable {
  readonly client: DynamoDBDocumentClient;
  readonly name: string;
}

export interface ScanResult {
  readonly scan: Scan;
  /** Items that could not be decoded: the image that the replica had of them, if any, stays. */
  readonly faults: readonly string[];
}

/** A head that moves during each of so many readings moves all the time. */
const ATTEMPTS_MAX = 10;

/** @returns the number of the registry's last write, 0 before the first; strongly consistent */
export async function readHead(table: RegistryTable, signal: AbortSignal): Promise<number> {
  const command = new GetCommand({
    TableName: table.name,
    Key: { [REGISTRY.partitionKey]: REGISTRY.head, [REGISTRY.sortKey]: REGISTRY.head },
    ConsistentRead: true,
  });
  const { Item } = await table.client.send(command, { abortSignal: signal });
  if (Item === undefined) return 0;
  const { head } = Item;
  if (typeof head === 'number' && Number.isSafeInteger(head) && head >= 0) return head;
  throw new Error(`the registry's HEAD is not a number: ${JSON.stringify(head)}`);
}

/**
 * Reads every strategy. A paged query is no snapshot, so the head is read before and after: only when both agree did
 * nothing move in between.
 * @param replica as it was before: its version dates the scan, its images stand in for items that cannot be decoded
 * @throws Error when the head never stands still, or of the SDK
 */
export async function scanRegistry(
  table: RegistryTable,
  replica: Replica,
  signal: AbortSignal,
): Promise<ScanResult> {
  const contiguousBefore = replica.contiguous;
  let head = await readHead(table, signal);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const { strategies, faults } = await readStrategies(table, replica, signal);
    const headAfter = await readHead(table, signal);
    if (headAfter === head) return { scan: { strategies, head, contiguousBefore }, faults };
    head = headAfter;
  }
  throw new Error(`the registry changed during each of ${ATTEMPTS_MAX} readings: it is read again`);
}

async function readStrategies(
  table: RegistryTable,
  replica: Replica,
  signal: AbortSignal,
): Promise<{ strategies: Strategy[]; faults: string[] }> {
  const strategies: Strategy[] = [];
  const faults: string[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const command = new QueryCommand({
      TableName: table.name,
      KeyConditionExpression: '#pk = :strategy',
      ExpressionAttributeNames: { '#pk': REGISTRY.partitionKey },
      ExpressionAttributeValues: { ':strategy': REGISTRY.strategy },
      ConsistentRead: true,
      ...(from === undefined ? {} : { ExclusiveStartKey: from }),
    });
    const page = await table.client.send(command, { abortSignal: signal });
    for (const item of page.Items ?? []) {
      const parsed = strategySchema.safeParse(item);
      if (parsed.success) {
        strategies.push(parsed.data);
        continue;
      }
      const id = String(item[REGISTRY.sortKey]);
      faults.push(`${id}: ${describeFaults(parsed.error)}`);
      const known = replica.strategies.get(id);
      if (known !== undefined) strategies.push(known);
    }
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return { strategies, faults };
}
