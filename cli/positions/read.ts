import { type DynamoDBDocumentClient, QueryCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { describeFaults } from '../../shared/message.ts';
import { POSITIONS } from '../../shared/names.ts';
import { type Snapshot, snapshotSchema } from '../../shared/snapshot.ts';

export interface StoredPositions {
  /** The newest snapshot of every (account, conId), closed ones of the last 30 days included. */
  readonly positions: readonly Snapshot[];
  /** Items that are no snapshot, one line each: shown, never silently left out. */
  readonly malformed: readonly string[];
}

/**
 * Reads the positions table: of one account by Query, of all by Scan, which the person's own credentials may do.
 * @param account in full
 */
export async function readPositions(
  client: DynamoDBDocumentClient,
  table: string,
  account?: string,
): Promise<StoredPositions> {
  const positions: Snapshot[] = [];
  const malformed: string[] = [];
  for await (const item of itemsOf(client, table, account)) {
    if (item[POSITIONS.sortKey] === POSITIONS.leaseConId) continue;
    const parsed = snapshotSchema.safeParse(item);
    if (parsed.success) positions.push(parsed.data);
    else malformed.push(`conId ${String(item[POSITIONS.sortKey])}: ${describeFaults(parsed.error)}`);
  }
  return { positions, malformed };
}

async function* itemsOf(
  client: DynamoDBDocumentClient,
  table: string,
  account: string | undefined,
): AsyncGenerator<Record<string, unknown>> {
  let from: Record<string, unknown> | undefined;
  do {
    const start = from === undefined ? {} : { ExclusiveStartKey: from };
    const command = { TableName: table, ConsistentRead: true, ...start };
    const page =
      account === undefined
        ? await client.send(new ScanCommand(command))
        : await client.send(
            new QueryCommand({
              ...command,
              KeyConditionExpression: '#account = :account',
              ExpressionAttributeNames: { '#account': POSITIONS.partitionKey },
              ExpressionAttributeValues: { ':account': account },
            }),
          );
    yield* page.Items ?? [];
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
}
