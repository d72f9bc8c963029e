import { setTimeout as delay } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type AuditItem, auditItemSchema, messageAuditId } from '../shared/audit.ts';
import { AUDIT } from '../shared/names.ts';
import { type AuditChange, auditUpdate } from './audit-update.ts';
import type { Received } from './received.ts';

const READ_ATTEMPTS = 5;
const READ_DELAY_MS = 50;

type Outcome = 'marked' | 'stored' | 'other-body';

/**
 * The audit table. One id stands for one body: every write is conditional on the digest, so that another body with
 * the same id can neither overwrite what is known nor pass for it. Written after the data, never before.
 */
export class Audit {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  /**
   * Strongly consistent: a duplicate often comes within a second of its original.
   * @param ids at most 100, without repetition
   * @throws when not all of them could be read
   */
  async read(ids: readonly string[]): Promise<Map<string, AuditItem>> {
    const items = new Map<string, AuditItem>();
    let keys: Record<string, unknown>[] = ids.map((id) => ({ [AUDIT.partitionKey]: id }));
    for (let attempt = 1; keys.length > 0; attempt += 1) {
      if (attempt > READ_ATTEMPTS) throw new Error(`${keys.length} audit items were not processed`);
      if (attempt > 1) await delay(READ_DELAY_MS * 2 ** attempt);
      const { Responses, UnprocessedKeys } = await this.#client.send(
        new BatchGetCommand({ RequestItems: { [this.#table]: { Keys: keys, ConsistentRead: true } } }),
      );
      for (const response of Responses?.[this.#table] ?? []) {
        const item = auditItemSchema.safeParse(response);
        if (item.success) items.set(item.data.id, item.data);
      }
      keys = UnprocessedKeys?.[this.#table]?.Keys ?? [];
    }
    return items;
  }

  /**
   * @returns `other-body` when the id stands for another body by now
   * @throws on everything else: the mark may or may not be there, and a retry settles it
   */
  async markStored(received: Received, objectKey: string): Promise<'marked' | 'other-body'> {
    const change = { status: 'SUCCESS', mode: 'claim', objectKey } as const;
    const outcome = await this.#update(received.audit.id, received, change);
    return outcome === 'other-body' ? outcome : 'marked';
  }

  /** For what is no snapshot: such a message has an item only when it failed before. */
  async markSettled(received: Received): Promise<void> {
    await this.#update(messageAuditId(received.messageId), received, { status: 'SUCCESS', mode: 'amend' });
  }

  /** @returns the id that carries the cause now; undefined when the message proves to be stored already */
  markRetrying(received: Received, cause: string): Promise<string | undefined> {
    return this.#markFault(received, { status: 'RETRYING', mode: 'claim', cause });
  }

  /** @param fault.cause only where no attempt left one @returns as markRetrying does */
  markFailed(
    received: Received,
    fault: { readonly objectKey: string; readonly cause?: string },
  ): Promise<string | undefined> {
    return this.#markFault(received, { status: 'FAILED', mode: 'claim', ...fault });
  }

  async #markFault(received: Received, change: AuditChange): Promise<string | undefined> {
    const { id } = received.audit;
    const outcome = await this.#update(id, received, change);
    if (outcome === 'marked') return id;
    const ownId = messageAuditId(received.messageId);
    if (outcome === 'stored' || id === ownId) return undefined;
    const own = await this.#update(ownId, received, change);
    return own === 'marked' ? ownId : undefined;
  }

  async #update(id: string, received: Received, change: AuditChange): Promise<Outcome> {
    const update = auditUpdate({ table: this.#table, id, received, change, at: new Date() });
    try {
      await this.#client.send(new UpdateCommand(update));
      return 'marked';
    } catch (fault) {
      if (!(fault instanceof ConditionalCheckFailedException)) throw fault;
      const isOurs = fault.Item?.bodyDigest?.S === received.decoded.digest;
      return isOurs && fault.Item?.status?.S === 'SUCCESS' ? 'stored' : 'other-body';
    }
  }
}
