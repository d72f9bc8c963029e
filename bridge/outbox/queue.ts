import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { SQS } from '../../shared/limits.ts';
import type { Message } from '../../shared/message.ts';
import type { Pending } from './draft.ts';
import type { Place } from './epoch.ts';
import { CorruptDatabase, OutboxFault } from './fault.ts';

/** Of heartbeats only the newest waits, of ledgers the newest of an epoch and day: they pass every backlog. */
const URGENT = 0;

/** Of what is no snapshot; those bring their own (shared/snapshot.ts). */
export const PRIORITY = { heartbeat: URGENT, ledger: URGENT, drop: 1 } as const;

export interface Entry {
  readonly kind: Message['kind'];
  readonly priority: number;
  /** As encodeMessage wrote it. */
  readonly text: string;
  readonly at: Date;
}

const TAKEN = 'FROM pending WHERE key IN (SELECT value FROM json_each(?))';

/** The messages that wait, and how many and how large they are without counting them. */
export class Queue {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  #depth: number;
  #bytes: number;
  #before: { readonly depth: number; readonly bytes: number };

  /** @throws CorruptDatabase when what waits is not what was put there */
  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insert = database.prepare(
      'INSERT INTO pending (priority, kind, body, bytes, accepted_at) VALUES (?, ?, ?, ?, ?)',
    );
    const waiting = database
      .prepare(
        'SELECT count(*) AS depth, total(bytes) AS bytes, total(bytes <> octet_length(body)) AS wrong FROM pending',
      )
      .get();
    if (Number(waiting?.wrong) > 0) throw new CorruptDatabase('a body is not as long as it was');
    this.#depth = Number(waiting?.depth);
    this.#bytes = Number(waiting?.bytes);
    this.#before = { depth: this.#depth, bytes: this.#bytes };
  }

  get depth(): number {
    return this.#depth;
  }

  /** Of all bodies together, in UTF-8. */
  get bytes(): number {
    return this.#bytes;
  }

  get oldestAt(): string | undefined {
    const oldest = this.#database.prepare('SELECT accepted_at FROM pending ORDER BY key LIMIT 1').get();
    return oldest === undefined ? undefined : String(oldest.accepted_at);
  }

  /** @returns its key @throws OutboxFault (drop) when SQS could never take it */
  put({ kind, priority, text, at }: Entry): number {
    const body = escapeForSqs(text);
    const bytes = Buffer.byteLength(body);
    if (bytes > SQS.payloadMaxBytes) {
      throw new OutboxFault(
        'drop',
        `a ${kind} of ${bytes} bytes is larger than SQS takes (${SQS.payloadMaxBytes})`,
      );
    }
    const { lastInsertRowid } = this.#insert.run(priority, kind, body, bytes, at.toISOString());
    this.#depth += 1;
    this.#bytes += bytes;
    return Number(lastInsertRowid);
  }

  /** What is urgent, then the newest first: see docs/decisions/0013-giving-up.md. */
  peek(limit: { readonly count: number; readonly maxBytes: number }): Pending[] {
    const columns = 'SELECT key, kind, body, bytes FROM pending';
    const found: Pending[] = [];
    let bytes = 0;
    for (const rows of [
      this.#database.prepare(`${columns} WHERE priority = ${URGENT} ORDER BY key LIMIT ?`),
      this.#database.prepare(`${columns} NOT INDEXED WHERE priority > ${URGENT} ORDER BY key DESC LIMIT ?`),
    ]) {
      for (const row of rows.iterate(limit.count - found.length)) {
        bytes += Number(row.bytes);
        if (bytes > limit.maxBytes && found.length > 0) return found;
        found.push({
          key: Number(row.key),
          message: String(row.kind) as Message['kind'],
          body: String(row.body),
        });
      }
    }
    return found;
  }

  find(key: number): { readonly kind: Message['kind']; readonly body: string } | undefined {
    const row = this.#database.prepare('SELECT kind, body FROM pending WHERE key = ?').get(key);
    return row === undefined
      ? undefined
      : { kind: String(row.kind) as Message['kind'], body: String(row.body) };
  }

  remove(keys: readonly number[]): void {
    this.#forget(this.#database.prepare(`DELETE ${TAKEN} RETURNING bytes`).all(JSON.stringify(keys)));
  }

  removeHeartbeats(): void {
    // By the index: a full outbox must not be read through each minute.
    const statement = `DELETE FROM pending WHERE priority = ${URGENT} AND kind = 'heartbeat' RETURNING bytes`;
    this.#forget(this.#database.prepare(statement).all());
  }

  /** @returns the places of the snapshots among them that still waited */
  removeSnapshots(keys: readonly number[]): Place[] {
    const removed = this.#database
      .prepare(
        `DELETE ${TAKEN} AND kind = 'snapshot' RETURNING bytes, body ->> '$.epoch' AS epoch, body ->> '$.seq' AS seq`,
      )
      .all(JSON.stringify(keys));
    this.#forget(removed);
    return removed.map(({ epoch, seq }) => ({ epoch: String(epoch), seq: Number(seq) }));
  }

  commit(): void {
    this.#before = { depth: this.#depth, bytes: this.#bytes };
  }

  rollback(): void {
    this.#depth = this.#before.depth;
    this.#bytes = this.#before.bytes;
  }

  #forget(removed: readonly Readonly<Record<string, unknown>>[]): void {
    this.#depth -= removed.length;
    this.#bytes -= removed.reduce((sum, row) => sum + Number(row.bytes), 0);
  }
}

/**
 * SQS takes #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD and beyond the BMP. JSON already escapes controls and lone
 * surrogates, these two remain: escaped they are the same JSON value.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
function escapeForSqs(json: string): string {
  return json.replace(/[\uFFFE\uFFFF]/g, (character) => (character === '\uFFFE' ? '\\ufffe' : '\\uffff'));
}
