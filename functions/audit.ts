import { setTimeout as delay } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { type AuditItem, auditItemSchema, messageAuditId } from '../shared/audit.ts';
import {
  type AuditPage,
  hasTrouble,
  itemOfPage,
  type PagePlace,
  packMark,
  placeOf,
} from '../shared/audit-page.ts';
import { AUDIT } from '../shared/names.ts';
import { entriesUpdate, troubleUpdate } from './audit-page-update.ts';
import { type AuditChange, auditUpdate } from './audit-update.ts';
import type { Received } from './received.ts';

const READ_ATTEMPTS = 5;
const READ_DELAY_MS = 50;

type Outcome = 'marked' | 'stored' | 'other-body';

/** A snapshot whose row and state are written. */
export interface Mark {
  readonly received: Received;
  readonly objectKey: string;
}

/** `other-body`: the id stands for another body by now. A fault: the mark may or may not be there. */
export type MarkOutcome = 'marked' | 'other-body' | { readonly fault: unknown };

/**
 * The audit table. One id stands for one body: every write is conditional on the digest, or on there being nothing,
 * so that another body with the same id can neither overwrite what is known nor pass for it. Written after the data,
 * never before.
 *
 * What is stored at its first try is an entry in a page of ten; what failed, and what is no snapshot, has an item of
 * its own. A snapshot moves from one to the other in one direction only: once its page says that it has trouble, no
 * entry is written any more, and its own item is all there is.
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
    const places = new Map(ids.map((id) => [id, placeOf(id)]));
    const pages = await this.#readAll([...places.values()].flatMap((place) => place?.page ?? []));
    const items = new Map<string, AuditItem>();
    const alone: string[] = [];
    for (const [id, place] of places) {
      const page = place === undefined ? undefined : pages.get(place.page);
      const item = page === undefined ? undefined : itemOfPage(page, id);
      if (item !== undefined) items.set(id, item);
      else if (place === undefined || (page !== undefined && hasTrouble(page, id))) alone.push(id);
    }
    for (const [id, found] of await this.#readAll(alone)) {
      const item = auditItemSchema.safeParse(found);
      if (item.success) items.set(id, item.data);
    }
    return items;
  }

  async #readAll(keys: readonly string[]): Promise<Map<string, Record<string, unknown>>> {
    const found = new Map<string, Record<string, unknown>>();
    let left: Record<string, unknown>[] = [...new Set(keys)].map((key) => ({ [AUDIT.partitionKey]: key }));
    for (let attempt = 1; left.length > 0; attempt += 1) {
      if (attempt > READ_ATTEMPTS) throw new Error(`${left.length} audit items were not processed`);
      if (attempt > 1) await delay(READ_DELAY_MS * 2 ** attempt);
      const { Responses, UnprocessedKeys } = await this.#client.send(
        new BatchGetCommand({ RequestItems: { [this.#table]: { Keys: left, ConsistentRead: true } } }),
      );
      for (const item of Responses?.[this.#table] ?? []) found.set(String(item[AUDIT.partitionKey]), item);
      left = UnprocessedKeys?.[this.#table]?.Keys ?? [];
    }
    return found;
  }

  /** Never throws: what happened to each is its outcome. */
  async markStored(marks: readonly Mark[]): Promise<Map<Mark, MarkOutcome>> {
    const pages = Map.groupBy(marks, ({ received }) => placeOf(received.audit.id)?.page);
    const outcomes = await Promise.all(
      [...pages].map(([page, ofPage]) =>
        page === undefined ? this.#eachAlone(ofPage) : this.#markPage(page, ofPage),
      ),
    );
    return new Map(outcomes.flat());
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

  /**
   * All marks of a page in one write. When the page knows something of one of them already, that one is settled by
   * what it knows, and the others are written again.
   */
  async #markPage(page: string, marks: readonly Mark[]): Promise<[Mark, MarkOutcome][]> {
    const at = new Date();
    const entries = new Map(marks.map((mark) => [mark, entryOf(mark, at)]));
    const packed = marks.filter((mark) => entries.get(mark) !== undefined);
    const outcomes = await this.#eachAlone(marks.filter((mark) => entries.get(mark) === undefined));
    for (let left = packed; left.length > 0; ) {
      const present = await this.#putEntries(
        page,
        left.flatMap((mark) => entries.get(mark) ?? []),
        at,
      );
      if (!('page' in present)) {
        outcomes.push(...left.map((mark): [Mark, MarkOutcome] => [mark, present.outcome]));
        break;
      }
      const known = left.filter(({ received }) => knows(present.page, received.audit.id));
      // A condition that failed for nothing that is there: somebody took it away in between, which nobody does.
      if (known.length === 0)
        return [...outcomes, ...left.map((mark) => faulty(mark, new Error('the page changed')))];
      outcomes.push(...(await Promise.all(known.map((mark) => this.#settleKnown(mark, present.page)))));
      left = left.filter((mark) => !known.includes(mark));
    }
    return outcomes;
  }

  async #putEntries(
    page: string,
    entries: Parameters<typeof entriesUpdate>[0]['entries'],
    at: Date,
  ): Promise<{ readonly outcome: MarkOutcome } | { readonly page: AuditPage }> {
    try {
      await this.#client.send(new UpdateCommand(entriesUpdate({ table: this.#table, page, entries, at })));
      return { outcome: 'marked' };
    } catch (fault) {
      if (!(fault instanceof ConditionalCheckFailedException)) return { outcome: { fault } };
      return { page: unmarshall(fault.Item ?? {}) };
    }
  }

  async #settleKnown(mark: Mark, page: AuditPage): Promise<[Mark, MarkOutcome]> {
    const { audit, decoded } = mark.received;
    const item = itemOfPage(page, audit.id);
    if (item === undefined) return this.#markAlone(mark);
    return [mark, item.bodyDigest === decoded.digest ? 'marked' : 'other-body'];
  }

  #eachAlone(marks: readonly Mark[]): Promise<[Mark, MarkOutcome][]> {
    return Promise.all(marks.map((mark) => this.#markAlone(mark)));
  }

  async #markAlone(mark: Mark): Promise<[Mark, MarkOutcome]> {
    const { received, objectKey } = mark;
    try {
      const known = await this.#sayTrouble(received.audit.id);
      if (known !== undefined)
        return [mark, known.bodyDigest === received.decoded.digest ? 'marked' : 'other-body'];
      const change = { status: 'SUCCESS', mode: 'claim', objectKey } as const;
      const outcome = await this.#update(received.audit.id, received, change);
      return [mark, outcome === 'other-body' ? outcome : 'marked'];
    } catch (fault) {
      return faulty(mark, fault);
    }
  }

  async #markFault(received: Received, change: AuditChange): Promise<string | undefined> {
    const { id } = received.audit;
    const known = await this.#sayTrouble(id);
    if (known?.bodyDigest === received.decoded.digest) return undefined;
    const outcome = known === undefined ? await this.#update(id, received, change) : 'other-body';
    if (outcome === 'marked') return id;
    const ownId = messageAuditId(received.messageId);
    if (outcome === 'stored' || id === ownId) return undefined;
    const own = await this.#update(ownId, received, change);
    return own === 'marked' ? ownId : undefined;
  }

  /** Before an item of its own is written. @returns what the page says of the snapshot: then it needs no such item */
  async #sayTrouble(id: string): Promise<AuditItem | undefined> {
    const place: PagePlace | undefined = placeOf(id);
    if (place === undefined) return undefined;
    const { page, trouble } = place;
    const { Attributes = {} } = await this.#client.send(
      new UpdateCommand(troubleUpdate({ table: this.#table, page, trouble, at: new Date() })),
    );
    return itemOfPage(Attributes, id);
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

function entryOf({ received, objectKey }: Mark, at: Date) {
  const { id, conId, priority } = received.audit;
  const place = placeOf(id);
  if (place === undefined || conId === undefined || priority === undefined) return undefined;
  const bytes = packMark({
    bodyDigest: received.decoded.digest,
    objectKey,
    attempts: received.attempt,
    conId,
    priority,
    at: at.toISOString(),
  });
  return bytes === undefined ? undefined : { ...place, bytes };
}

function knows(page: AuditPage, id: string): boolean {
  return itemOfPage(page, id) !== undefined || hasTrouble(page, id);
}

function faulty(mark: Mark, fault: unknown): [Mark, MarkOutcome] {
  return [mark, { fault }];
}
