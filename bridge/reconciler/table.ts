import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import { holderOf } from '../../shared/account.ts';
import { contractSchema } from '../../shared/contract.ts';
import { decimalSchema } from '../../shared/decimal.ts';
import { RECONCILE } from '../../shared/limits.ts';
import { POSITIONS } from '../../shared/names.ts';
import { bridgeIdSchema, epochSchema, instantSchema } from '../../shared/snapshot.ts';
import { withDeadline } from '../wait.ts';
import type { Holder, TableRow } from './compare.ts';

export interface PositionsTable {
  readonly client: DynamoDBDocumentClient;
  readonly name: string;
}

/** One item of a partition. */
export type Item =
  | { readonly type: 'row'; readonly row: TableRow }
  /** Who holds the account, and the time of the heartbeat that said so last. */
  | { readonly type: 'lease'; readonly bridge: string; readonly at: string }
  | { readonly type: 'unreadable'; readonly conId: number };

const rowSchema = z.object({
  bridge: bridgeIdSchema,
  epoch: epochSchema,
  seq: z.int().positive(),
  observedAt: instantSchema,
  quantity: decimalSchema,
  averageCost: decimalSchema,
  contract: contractSchema,
});

const leaseSchema = z.object({ bridge: bridgeIdSchema, at: instantSchema });

const READ = [POSITIONS.sortKey, ...Object.keys(rowSchema.shape), 'at'];

const PAGE_DEADLINE_MS = 5_000;

/**
 * Reads one partition page by page, the lease first, eventually consistent: what is a second old looks like a
 * difference that the next look does not find.
 * @throws Error of the SDK
 */
export async function* readHolder(
  { client, name }: PositionsTable,
  holder: Holder,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  let from: Record<string, unknown> | undefined;
  do {
    const command = new QueryCommand({
      TableName: name,
      KeyConditionExpression: '#holder = :holder',
      ProjectionExpression: READ.map((attribute) => `#${attribute}`).join(', '),
      ExpressionAttributeNames: {
        '#holder': POSITIONS.partitionKey,
        ...Object.fromEntries(READ.map((attribute) => [`#${attribute}`, attribute])),
      },
      ExpressionAttributeValues: { ':holder': holderOf(holder) },
      Limit: RECONCILE.pageRows,
      ...(from === undefined ? {} : { ExclusiveStartKey: from }),
    });
    const page = await client.send(command, { abortSignal: withDeadline(signal, PAGE_DEADLINE_MS) });
    for (const item of page.Items ?? []) yield decode(item);
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
}

function decode(item: Record<string, unknown>): Item {
  const conId = Number(item[POSITIONS.sortKey]);
  if (conId === POSITIONS.leaseConId) {
    const lease = leaseSchema.safeParse(item);
    return lease.success ? { type: 'lease', ...lease.data } : { type: 'unreadable', conId };
  }
  const row = rowSchema.safeParse(item);
  if (!row.success || row.data.contract.conId !== conId) return { type: 'unreadable', conId };
  return { type: 'row', row: row.data };
}
