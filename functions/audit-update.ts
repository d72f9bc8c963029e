import type { UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import type { AuditItem } from '../shared/audit.ts';
import { expiryOf } from '../shared/audit-page.ts';
import { AUDIT, utcDay } from '../shared/names.ts';
import type { Received } from './received.ts';

/** Clauses of the conditions under which an item may be written. */
const NEW = 'attribute_not_exists(#id)';
const OURS = '#bodyDigest = :bodyDigest';
/** A body that could not be decoded claimed the id first: it is no body of this snapshot and stands in no way. */
const CLAIMED_BY_NONSENSE = '#undecodable = :true';
const KNOWN = 'attribute_exists(#id)';
/** A fault never takes back what is stored. */
const NOT_STORED = `(${NEW} OR #status <> :stored)`;

export interface AuditChange {
  readonly status: AuditItem['status'];
  /** `amend`: only what is there already, whatever it says. `claim`: new, or ours by its digest. */
  readonly mode: 'claim' | 'amend';
  readonly cause?: string;
  readonly objectKey?: string;
}

/**
 * Builds the conditional write of one audit item. Two deliveries race, or two bodies carry one id:
 *
 *     A read: nothing        B read: nothing
 *     A puts its object      B puts its object
 *     A marks SUCCESS        B's digest is not A's: its condition fails, and B is the one at fault
 */
export function auditUpdate(options: {
  readonly table: string;
  readonly id: string;
  readonly received: Received;
  readonly change: AuditChange;
  readonly at: Date;
}): UpdateCommandInput {
  const { id, received, change } = options;
  const now = options.at.toISOString();
  const isFault = change.status !== 'SUCCESS';
  const isDecodable = received.decoded.ok;
  const { snapshotId, conId, priority } = received.audit;

  const values: Record<string, unknown> = {
    status: change.status,
    attempts: received.attempt,
    bodyDigest: received.decoded.digest,
    messageId: received.messageId,
    objectKey: change.objectKey,
    snapshotId: snapshotId === id ? undefined : snapshotId,
    conId,
    priority,
    undecodable: isDecodable ? undefined : true,
    updatedAt: now,
    [AUDIT.failuresPartitionKey]: isFault ? utcDay(now) : undefined,
    [AUDIT.ttl]: expiryOf(options.at.getTime()),
  };
  const set = Object.keys(values).filter((name) => values[name] !== undefined);
  const clauses = set.map((name) => `#${name} = :${name}`);
  clauses.push('#createdAt = if_not_exists(#createdAt, :updatedAt)');
  if (change.cause !== undefined)
    clauses.push('#causes = list_append(if_not_exists(#causes, :none), :causes)');
  const removed = isFault ? [] : [AUDIT.failuresPartitionKey, ...(isDecodable ? ['undecodable'] : [])];
  const remove = removed.length === 0 ? '' : ` REMOVE ${removed.map((name) => `#${name}`).join(', ')}`;

  const update = `SET ${clauses.join(', ')}${remove}`;
  const condition = conditionOf(change, { isFault, isDecodable });
  const text = `${update} ${condition}`;
  const names = ['id', 'createdAt', 'causes', 'undecodable', ...Object.keys(values)];
  const all = {
    ...values,
    true: true,
    stored: 'SUCCESS' satisfies AuditItem['status'],
    none: [],
    causes: [{ at: now, attempt: received.attempt, text: change.cause }],
  };
  return {
    TableName: options.table,
    Key: { [AUDIT.partitionKey]: id },
    UpdateExpression: update,
    ConditionExpression: condition,
    ExpressionAttributeNames: Object.fromEntries(
      names.filter((name) => mentions(text, `#${name}`)).map((name) => [`#${name}`, name]),
    ),
    ExpressionAttributeValues: Object.fromEntries(
      Object.entries(all)
        .filter(([name]) => mentions(text, `:${name}`))
        .map(([name, value]) => [`:${name}`, value]),
    ),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
}

function conditionOf(change: AuditChange, of: { isFault: boolean; isDecodable: boolean }): string {
  if (change.mode === 'amend') return KNOWN;
  const claim = [NEW, OURS, ...(of.isDecodable ? [CLAIMED_BY_NONSENSE] : [])].join(' OR ');
  return of.isFault ? `(${claim}) AND ${NOT_STORED}` : claim;
}

/** DynamoDB refuses a name or a value that no expression uses. */
function mentions(text: string, placeholder: string): boolean {
  return new RegExp(`${placeholder}\\b`).test(text);
}
