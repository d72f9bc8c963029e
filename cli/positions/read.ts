import { type DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { accountOf, modelsOf } from '../../shared/account.ts';
import { describeFaults } from '../../shared/message.ts';
import { POSITIONS } from '../../shared/names.ts';
import { type Snapshot, snapshotSchema } from '../../shared/snapshot.ts';

export interface StoredPositions {
  /** The newest snapshot of every holder and contract, closed ones of the last 30 days included. */
  readonly positions: readonly Snapshot[];
  /** Items that are no snapshot, one line each: shown, never silently left out. */
  readonly malformed: readonly string[];
}

/**
 * Reads the positions table by Scan, which the person's own credentials may do: the models of an account have
 * partitions of their own, whose names nobody knows beforehand.
 * @param account in full; its models are read with it
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
    const holder = item[POSITIONS.partitionKey];
    const parsed = snapshotSchema.safeParse({ ...item, account: accountOf(String(holder)) });
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
  const filter =
    account === undefined
      ? {}
      : {
          FilterExpression: '#holder = :account OR begins_with(#holder, :models)',
          ExpressionAttributeNames: { '#holder': POSITIONS.partitionKey },
          ExpressionAttributeValues: { ':account': account, ':models': modelsOf(account) },
        };
  let from: Record<string, unknown> | undefined;
  do {
    const start = from === undefined ? {} : { ExclusiveStartKey: from };
    const command = new ScanCommand({ TableName: table, ConsistentRead: true, ...filter, ...start });
    const page = await client.send(command);
    yield* page.Items ?? [];
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
}
