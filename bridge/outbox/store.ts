import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { SQS } from '../../shared/limits.ts';
import { decodeMessage, describeFaults, encodeMessage, type Message } from '../../shared/message.ts';
import { type Snapshot, snapshotId } from '../../shared/snapshot.ts';
import { CommittedPositions } from './committed.ts';
import { CorruptDatabase, openDatabase, quarantine, runningFault } from './database.ts';
import type { CommittedState, OutboxStatus, Pending, PositionCommit, SnapshotDraft } from './draft.ts';
import type { Place } from './epoch.ts';
import { type Beginning, beginEpoch } from './epochs.ts';
import { OutboxFault } from './fault.ts';
import { Ledgers } from './ledgers.ts';
import { Marker } from './marker.ts';

/** How the outbox was found. */
export interface Opening extends Beginning {
  /** Where a torn file was moved to. */
  readonly quarantinedAs?: string;
  /** Messages of earlier epochs that still wait. */
  readonly depth: number;
}

/** Refused bodies that are kept to be looked into. More of them is a fault of the queue, not of the messages. */
const REFUSED_MAX = 1000;

/** Of heartbeats only the newest waits, of ledgers the newest of an epoch and day: they pass every backlog. */
const PRIORITY = { heartbeat: 0, ledger: 0, drop: 1 } as const;

/** The durable queue itself, synchronous: it lives in a worker thread (worker.ts). */
export class OutboxStore {
  readonly opening: Opening;
  readonly #bridge: string;
  readonly #database: DatabaseSync;
  readonly #marker: Marker;
  readonly #positions: CommittedPositions;
  readonly #ledgers: Ledgers;
  readonly #insert: StatementSync;
  readonly #takeNumbers: StatementSync;
  readonly #now: () => Date;
  #seq = 0;
  #depth: number;
  #bytes: number;

  /**
   * Opens the file and begins an epoch (epoch.ts says why each opening does).
   * @throws OutboxFault (fatal) with the remedy; a torn file is moved aside instead
   */
  constructor(options: { readonly path: string; readonly bridge: string; readonly now?: () => Date }) {
    this.#now = options.now ?? (() => new Date());
    this.#bridge = options.bridge;
    this.#marker = new Marker(options.path);
    const { database, quarantinedAs } = openOrQuarantine(options.path, options.bridge, this.#now().getTime());
    this.#database = database;
    this.#positions = new CommittedPositions(database);
    this.#insert = database.prepare(
      'INSERT INTO pending (priority, kind, body, bytes, accepted_at) VALUES (?, ?, ?, ?, ?)',
    );
    this.#takeNumbers = database.prepare(
      'UPDATE epochs SET last_seq = last_seq + ? WHERE epoch = ? RETURNING last_seq',
    );
    const waiting = database.prepare('SELECT count(*) AS depth, total(bytes) AS bytes FROM pending').get();
    this.#depth = Number(waiting?.depth);
    this.#bytes = Number(waiting?.bytes);
    const begun = this.#begin(quarantinedAs !== undefined);
    this.#ledgers = new Ledgers(database, { bridge: options.bridge, epoch: begun.epoch });
    this.opening = {
      ...begun,
      depth: this.#depth,
      ...(quarantinedAs === undefined ? {} : { quarantinedAs }),
    };
  }

  committed(): CommittedState {
    return this.#positions.read();
  }

  commitPositions(commit: PositionCommit, drafts: readonly SnapshotDraft[]): void {
    this.#transaction(() => {
      this.#positions.apply(commit);
      this.#accept(drafts);
    });
    this.#marker.advance(this.#place());
  }

  append(drafts: readonly SnapshotDraft[]): void {
    if (drafts.length === 0) return;
    this.#transaction(() => this.#accept(drafts));
    this.#marker.advance(this.#place());
  }

  /**
   * Brings the ledgers that are due with it: what says that the bridge lives also says what it has produced.
   * @param body of a heartbeat, as encodeMessage wrote it
   */
  putHeartbeat(body: string): void {
    const decoded = decodeMessage(body);
    if (!decoded.ok || decoded.message.kind !== 'heartbeat') {
      throw new OutboxFault('drop', `not a heartbeat: ${decoded.ok ? decoded.message.kind : decoded.fault}`);
    }
    this.#transaction(() => {
      this.#forget(
        this.#database.prepare("DELETE FROM pending WHERE kind = 'heartbeat' RETURNING bytes").all(),
      );
      this.#enqueue('heartbeat', PRIORITY.heartbeat, body);
      this.#enqueueLedgers(false);
    });
  }

  /** Before the end: ledgers that have changed, however short ago they were sent. @returns how many are new */
  putLedgers(): number {
    let queued = 0;
    this.#transaction(() => {
      queued = this.#enqueueLedgers(true);
    });
    return queued;
  }

  peek(limit: { readonly count: number; readonly maxBytes: number }): Pending[] {
    const rows = this.#database.prepare(
      'SELECT key, kind, body, bytes FROM pending ORDER BY priority, key LIMIT ?',
    );
    const found: Pending[] = [];
    let bytes = 0;
    for (const row of rows.iterate(limit.count)) {
      bytes += Number(row.bytes);
      if (bytes > limit.maxBytes && found.length > 0) break;
      found.push({
        key: Number(row.key),
        message: String(row.kind) as Message['kind'],
        body: String(row.body),
      });
    }
    return found;
  }

  acknowledge(keys: readonly number[]): void {
    this.#transaction(() => this.#remove(keys));
  }

  /**
   * The queue will never take this message. It leaves the queue so that the others go on: its body is kept in
   * `refused`, and a snapshot's number is declared as a drop in the same transaction.
   * @throws OutboxFault (retry) when REFUSED_MAX bodies are kept: then it stays in the queue
   */
  refuse(key: number, reason: string): void {
    this.#transaction(() => {
      const row = this.#database.prepare('SELECT kind, body FROM pending WHERE key = ?').get(key);
      if (row === undefined) return;
      const refused = this.#database.prepare('SELECT count(*) AS count FROM refused').get();
      if (Number(refused?.count) >= REFUSED_MAX) {
        throw new OutboxFault(
          'retry',
          `${REFUSED_MAX} messages were refused: check the queue, then empty "refused"`,
        );
      }
      const at = this.#now().toISOString();
      this.#database
        .prepare('INSERT INTO refused (key, kind, body, reason, at) VALUES (?, ?, ?, ?, ?)')
        .run(key, String(row.kind), String(row.body), reason, at);
      this.#remove([key]);
      if (row.kind !== 'snapshot') return;
      const { bridge, epoch, seq } = JSON.parse(String(row.body)) as Snapshot;
      const drop = encodeMessage({
        schema: 1,
        kind: 'drop',
        bridge,
        epoch,
        first: seq,
        last: seq,
        reason,
        at,
      });
      this.#enqueue('drop', PRIORITY.drop, drop);
    });
  }

  status(): OutboxStatus {
    const oldest = this.#database.prepare('SELECT accepted_at FROM pending ORDER BY key LIMIT 1').get();
    return {
      epoch: this.opening.epoch,
      produced: this.#seq,
      depth: this.#depth,
      bytes: this.#bytes,
      ...(oldest === undefined ? {} : { oldestAt: String(oldest.accepted_at) }),
    };
  }

  close(): void {
    if (!this.#database.isOpen) return;
    this.#database.close();
    this.#marker.write(this.#place());
  }

  /** @throws OutboxFault naming every draft at fault: the whole transaction is undone and takes no number */
  #accept(drafts: readonly SnapshotDraft[]): void {
    if (drafts.length === 0) return;
    const row = this.#takeNumbers.get(drafts.length, this.opening.epoch);
    const last = Number(row?.last_seq);
    const faults: string[] = [];
    const accepted: { id: string; seq: number; observedAt: string }[] = [];
    drafts.forEach((draft, index) => {
      const seq = last - drafts.length + index + 1;
      try {
        const { id, body } = this.#complete(draft, seq);
        this.#enqueue('snapshot', draft.priority, body);
        accepted.push({ id, seq, observedAt: draft.observedAt });
      } catch (cause) {
        if (!(cause instanceof z.ZodError)) throw cause;
        faults.push(`draft ${index} (conId ${draft.contract.conId}): ${describeFaults(cause)}`);
      }
    });
    if (faults.length > 0) throw new OutboxFault('drop', `not accepted: ${faults.slice(0, 5).join(' | ')}`);
    this.#ledgers.add(accepted);
    this.#seq = last;
  }

  #complete(draft: SnapshotDraft, seq: number): { readonly id: string; readonly body: string } {
    const place = { bridge: this.#bridge, epoch: this.opening.epoch, seq };
    const id = snapshotId(place);
    return { id, body: encodeMessage({ ...draft, schema: 1, kind: 'snapshot', id, ...place }) };
  }

  #enqueueLedgers(atOnce: boolean): number {
    const due = this.#ledgers.due({ now: this.#now(), atOnce });
    for (const ledger of due) {
      if (ledger.replacesKey !== undefined) this.#remove([ledger.replacesKey]);
      this.#ledgers.queuedAs(ledger, this.#enqueue('ledger', PRIORITY.ledger, ledger.body));
    }
    return due.length;
  }

  /** @returns its key */
  #enqueue(kind: Message['kind'], priority: number, message: string): number {
    const body = escapeForSqs(message);
    const bytes = Buffer.byteLength(body);
    if (bytes > SQS.payloadMaxBytes) {
      throw new OutboxFault(
        'drop',
        `a ${kind} of ${bytes} bytes is larger than SQS takes (${SQS.payloadMaxBytes})`,
      );
    }
    const { lastInsertRowid } = this.#insert.run(priority, kind, body, bytes, this.#now().toISOString());
    this.#depth += 1;
    this.#bytes += bytes;
    return Number(lastInsertRowid);
  }

  #remove(keys: readonly number[]): void {
    const statement = 'DELETE FROM pending WHERE key IN (SELECT value FROM json_each(?)) RETURNING bytes';
    this.#forget(this.#database.prepare(statement).all(JSON.stringify(keys)));
  }

  #forget(removed: readonly Readonly<Record<string, unknown>>[]): void {
    this.#depth -= removed.length;
    this.#bytes -= removed.reduce((sum, row) => sum + Number(row.bytes), 0);
  }

  #transaction(work: () => void): void {
    const before = { seq: this.#seq, depth: this.#depth, bytes: this.#bytes };
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      work();
      this.#database.exec('COMMIT');
      this.#ledgers.commit();
    } catch (cause) {
      this.#ledgers.rollback();
      if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#seq = before.seq;
      this.#depth = before.depth;
      this.#bytes = before.bytes;
      throw runningFault(cause);
    }
  }

  #begin(wasTorn: boolean): Beginning {
    try {
      const options = { marker: this.#marker.read(), wasTorn, now: this.#now() };
      const begun = beginEpoch(this.#database, options);
      this.#marker.write({ epoch: begun.epoch, seq: 0 });
      return begun;
    } catch (cause) {
      this.#database.close();
      throw runningFault(cause);
    }
  }

  #place(): Place {
    return { epoch: this.opening.epoch, seq: this.#seq };
  }
}

function openOrQuarantine(
  path: string,
  bridge: string,
  nowMs: number,
): { readonly database: DatabaseSync; readonly quarantinedAs?: string } {
  try {
    return { database: openDatabase(path, bridge) };
  } catch (cause) {
    if (!(cause instanceof CorruptDatabase)) throw cause;
    const quarantinedAs = quarantine(path, nowMs);
    return { database: openDatabase(path, bridge), quarantinedAs };
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
