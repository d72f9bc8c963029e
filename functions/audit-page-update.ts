import type { UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { expiryOf } from '../shared/audit-page.ts';
import { AUDIT } from '../shared/names.ts';

export interface NewEntry {
  readonly entry: string;
  readonly trouble: string;
  readonly bytes: Uint8Array;
}

/** All of the entries or none: each only where the page says nothing of its snapshot yet. */
export function entriesUpdate(options: {
  readonly table: string;
  readonly page: string;
  readonly entries: readonly NewEntry[];
  readonly at: Date;
}): UpdateCommandInput {
  const { entries } = options;
  const attributes = entries.flatMap(({ entry, trouble }) => [entry, trouble]);
  return {
    ...pageUpdate(options),
    UpdateExpression: `SET #ttl = :ttl, ${entries.map(({ entry }) => `#${entry} = :${entry}`).join(', ')}`,
    ConditionExpression: attributes.map((name) => `attribute_not_exists(#${name})`).join(' AND '),
    ExpressionAttributeNames: namesOf(attributes),
    ExpressionAttributeValues: {
      ':ttl': expiryOf(options.at.getTime()),
      ...Object.fromEntries(entries.map(({ entry, bytes }) => [`:${entry}`, bytes])),
    },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
}

/** Says that the snapshot has an item of its own, and answers with the page. */
export function troubleUpdate(options: {
  readonly table: string;
  readonly page: string;
  readonly trouble: string;
  readonly at: Date;
}): UpdateCommandInput {
  const { trouble } = options;
  return {
    ...pageUpdate(options),
    UpdateExpression: `SET #ttl = :ttl, #${trouble} = :true`,
    ExpressionAttributeNames: namesOf([trouble]),
    ExpressionAttributeValues: { ':ttl': expiryOf(options.at.getTime()), ':true': true },
    ReturnValues: 'ALL_NEW',
  };
}

function pageUpdate({ table, page }: { readonly table: string; readonly page: string }) {
  return { TableName: table, Key: { [AUDIT.partitionKey]: page } };
}

function namesOf(attributes: readonly string[]): Record<string, string> {
  return { '#ttl': AUDIT.ttl, ...Object.fromEntries(attributes.map((name) => [`#${name}`, name])) };
}
