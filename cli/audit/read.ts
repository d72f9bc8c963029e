import { BatchGetCommand, type DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { type AuditItem, auditItemSchema } from '../../shared/audit.ts';
import { itemOfPage, placeOf } from '../../shared/audit-page.ts';
import { RETENTION } from '../../shared/limits.ts';
import { AUDIT } from '../../shared/names.ts';
import { type TradingDate, utcDaysOf } from '../trading-date.ts';

const DAY_MS = 86_400_000;
const KEYS_MAX = 100;
const ATTEMPTS_MAX = 8;

/**
 * @returns what the audit has of these ids; it keeps each for 30 days
 * @throws when the table keeps answering that it is too busy
 */
export async function readAuditItems(
  documents: DynamoDBDocumentClient,
  table: string,
  ids: readonly string[],
): Promise<Map<string, AuditItem>> {
  const found = await readItems(documents, table, [
    ...new Set(ids.flatMap((id) => [id, placeOf(id)?.page ?? id])),
  ]);
  const items = new Map<string, AuditItem>();
  for (const id of ids) {
    const page = found.get(placeOf(id)?.page ?? '');
    const item = (page && itemOfPage(page, id)) ?? auditItemSchema.safeParse(found.get(id)).data;
    if (item !== undefined) items.set(id, item);
  }
  return items;
}

async function readItems(
  documents: DynamoDBDocumentClient,
  table: string,
  unique: readonly string[],
): Promise<Map<string, Record<string, unknown>>> {
  const items = new Map<string, Record<string, unknown>>();
  for (let at = 0; at < unique.length; at += KEYS_MAX) {
    let keys: Record<string, unknown>[] = unique
      .slice(at, at + KEYS_MAX)
      .map((id) => ({ [AUDIT.partitionKey]: id }));
    for (let attempt = 1; keys.length > 0; attempt += 1) {
      if (attempt > ATTEMPTS_MAX) throw new Error('the audit table is too busy: try again');
      const { Responses, UnprocessedKeys } = await documents.send(
        new BatchGetCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: true } } }),
      );
      for (const item of Responses?.[table] ?? []) items.set(String(item[AUDIT.partitionKey]), item);
      keys = UnprocessedKeys?.[table]?.Keys ?? [];
    }
  }
  return items;
}

/**
 * What is failing or has failed, by the index, newest first.
 * @param day by the time of the last change; without it, all that the audit keeps
 */
export async function readFailures(
  documents: DynamoDBDocumentClient,
  table: string,
  options: { readonly day?: TradingDate; readonly nowMs: number; readonly conId?: number },
): Promise<AuditItem[]> {
  const { day, nowMs, conId } = options;
  const time = day ?? { startMs: nowMs - RETENTION.auditDays * DAY_MS, endMs: nowMs + DAY_MS };
  const items: AuditItem[] = [];
  for (const utcDay of utcDaysOf(time)) {
    const pages = paginateQuery(
      { client: documents },
      {
        TableName: table,
        IndexName: AUDIT.failuresIndex,
        KeyConditionExpression: '#day = :day',
        ExpressionAttributeNames: { '#day': AUDIT.failuresPartitionKey },
        ExpressionAttributeValues: { ':day': utcDay },
      },
    );
    for await (const { Items = [] } of pages) {
      items.push(...Items.flatMap((item) => auditItemSchema.safeParse(item).data ?? []));
    }
  }
  return items
    .filter(({ updatedAt }) => isWithin(Date.parse(updatedAt), time))
    .filter((item) => conId === undefined || item.conId === conId)
    .toSorted((left, right) => Date.parse(right.updatedAt) - Date.parse(left.updatedAt));
}

function isWithin(atMs: number, { startMs, endMs }: { startMs: number; endMs: number }): boolean {
  return atMs >= startMs && atMs < endMs;
}
