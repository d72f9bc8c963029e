import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { OUTBOX } from '../../shared/limits.ts';
import { decodeMessage, describeFaults, encodeMessage } from '../../shared/message.ts';
import { snapshotId } from '../../shared/snapshot.ts';
import { Bound } from './bound.ts';
import { CommittedPositions } from './committed.ts';
import { isTorn, runningFault } from './database.ts';
import type { CommittedState, OutboxStatus, Pending, PositionCommit, SnapshotDraft } from './draft.ts';
import { encodeStored } from './encode-stored.ts';
import type { Place } from './epoch.ts';
import { type Beginning, nextBeginning, recordEpoch } from './epochs.ts';
import { OutboxFault } from './fault.ts';
import { Ledgers } from './ledgers.ts';
import { Marker } from './marker.ts';
import { countQuarantined, openOrQuarantine } from './quarantine.ts';
import { PRIORITY, Queue } from './queue.ts';

export interface StoreOptions {
  readonly path: string;
  readonly bridge: string;
  /** Of the bodies that wait; what is given up beyond it: bound.ts. */
  readonly maxBytes?: number;
}

/** How the outbox was found. */
export interface Opening extends Beginning {
  /** Where a torn file was moved to. */
  readonly quarantinedAs?: string;
  /** False where nobody can tell whether the file was put back from a backup. */
  readonly hasMarker: boolean;
  /** Messages of earlier epochs that still wait. */
  readonly depth: number;
  /** Torn files that are kept beside it. */
  readonly quarantined: number;
}

/** What the file itself can say; the rest of the status is the client's. */
type StoreStatus = Omit<OutboxStatus, 'notWritten' | 'fault'>;

/** Refused bodies that are kept to be looked into. More of them is a fault of the queue, not of the messages. */
const REFUSED_MAX = 1000;

/** The durable queue itself, synchronous: it lives in a worker thread (worker.ts). */
export class OutboxStore {
  readonly opening: Opening;
  readonly #bridge: string;
  readonly #database: DatabaseSync;
  readonly #marker: Marker;
  readonly #positions: CommittedPositions;
  readonly #ledgers: Ledgers;
  readonly #queue: Queue;
  readonly #bound: Bound;
  readonly #takeNumbers: StatementSync;
  readonly #now: () => Date;
  #isRecorded = false;
  /** Found while running: the marker says so from then on, whatever still works. */
  #isTorn = false;
  #seq = 0;

  /**
   * Opens the file and begins an epoch (epoch.ts says why each opening does). A full disk only puts off the epoch's
   * record: what is read can be sent, and the first thing that is accepted brings it.
   * @throws OutboxFault: unusable, or retry when it may be opened later; a torn file is moved aside instead
   */
  constructor(options: StoreOptions & { readonly now?: () => Date }) {
    const { path, bridge, maxBytes = OUTBOX.maxBytes, now = () => new Date() } = options;
    this.#now = now;
    this.#bridge = bridge;
    this.#marker = new Marker(path);
    const opened = openOrQuarantine({ path, bridge, marker: this.#marker, nowMs: now().getTime() });
    const { database, wasTorn, quarantinedAs } = opened;
    this.#database = database;
    try {
      this.#positions = new CommittedPositions(database);
      this.#takeNumbers = database.prepare(
        'UPDATE epochs SET last_seq = last_seq + ? WHERE epoch = ? RETURNING last_seq',
      );
      this.#queue = new Queue(database);
      this.#bound = new Bound(database, { bridge, maxBytes, queue: this.#queue });
      const begun = nextBeginning(database, { marker: this.#marker.place, wasTorn, now: now() });
      this.#ledgers = new Ledgers(database, { bridge, epoch: begun.epoch });
      this.opening = {
        ...begun,
        hasMarker: this.#marker.place !== undefined,
        depth: this.#queue.depth,
        quarantined: countQuarantined(path),
        ...(quarantinedAs === undefined ? {} : { quarantinedAs }),
      };
      this.#begin();
    } catch (cause) {
      database.close();
      throw this.#faultOf(cause);
    }
  }

  committed(): CommittedState {
    return this.#guarded(() => this.#positions.read());
  }

  /** @returns how many snapshots were given up for it */
  commitPositions(commit: PositionCommit, drafts: readonly SnapshotDraft[]): number {
    return this.#write(() => {
      this.#positions.apply(commit);
      this.#accept(drafts);
    });
  }

  /** @returns how many snapshots were given up for it */
  append(drafts: readonly SnapshotDraft[]): number {
    if (drafts.length === 0) return 0;
    return this.#write(() => this.#accept(drafts));
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
      this.#queue.removeHeartbeats();
      this.#put('heartbeat', body);
      this.#putDueLedgers(false);
    });
  }

  /** Before the end: ledgers that have changed, however short ago they were sent. @returns how many are new */
  putLedgers(): number {
    let queued = 0;
    this.#transaction(() => {
      queued = this.#putDueLedgers(true);
    });
    return queued;
  }

  peek(limit: { readonly count: number; readonly maxBytes: number }): Pending[] {
    return this.#guarded(() => this.#queue.peek(limit));
  }

  acknowledge(keys: readonly number[]): void {
    this.#transaction(() => this.#queue.remove(keys));
  }

  /**
   * The queue will never take this message. It leaves the queue so that the others go on: its body is kept in
   * `refused`, and a snapshot's number is declared as a drop in the same transaction.
   * @throws OutboxFault (retry) when REFUSED_MAX bodies are kept: then it stays in the queue
   */
  refuse(key: number, reason: string): void {
    this.#transaction(() => {
      const found = this.#queue.find(key);
      if (found === undefined) return;
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
        .run(key, found.kind, found.body, reason, at);
      if (found.kind !== 'snapshot') return this.#queue.remove([key]);
      const bridge = this.#bridge;
      for (const { epoch, seq } of this.#queue.removeSnapshots([key])) {
        const range = { first: seq, last: seq };
        this.#put('drop', encodeStored({ schema: 1, kind: 'drop', bridge, epoch, ...range, reason, at }));
      }
    });
  }

  status(): StoreStatus {
    const oldestAt = this.#guarded(() => this.#queue.oldestAt);
    return {
      epoch: this.opening.epoch,
      produced: this.#seq,
      depth: this.#queue.depth,
      bytes: this.#queue.bytes,
      maxBytes: this.#bound.maxBytes,
      dropped: this.#bound.dropped,
      quarantined: this.opening.quarantined,
      ...(oldestAt === undefined ? {} : { oldestAt }),
    };
  }

  close(): void {
    if (!this.#database.isOpen) return;
    this.#database.close();
    if (!this.#isTorn) this.#marker.write(this.#place());
  }

  /** The marker comes after the transaction, so that it is never ahead of it. */
  #write(work: () => void): number {
    const droppedBefore = this.#bound.dropped;
    this.#transaction(work);
    if (!this.#isTorn) this.#marker.advance(this.#place());
    return this.#bound.dropped - droppedBefore;
  }

  /** @throws OutboxFault naming every draft at fault: the whole transaction is undone and takes no number */
  #accept(drafts: readonly SnapshotDraft[]): void {
    if (drafts.length === 0) return;
    const bytesBefore = this.#queue.bytes;
    const row = this.#takeNumbers.get(drafts.length, this.opening.epoch);
    const last = Number(row?.last_seq);
    const at = this.#now();
    const faults: string[] = [];
    const accepted: { id: string; seq: number; observedAt: string }[] = [];
    drafts.forEach((draft, index) => {
      const seq = last - drafts.length + index + 1;
      try {
        const { id, text } = this.#complete(draft, seq);
        this.#queue.put({ kind: 'snapshot', priority: draft.priority, text, at });
        accepted.push({ id, seq, observedAt: draft.observedAt });
      } catch (cause) {
        if (!(cause instanceof z.ZodError)) throw cause;
        faults.push(`draft ${index} (conId ${draft.contract.conId}): ${describeFaults(cause)}`);
      }
    });
    if (faults.length > 0) throw new OutboxFault('drop', `not accepted: ${faults.slice(0, 5).join(' | ')}`);
    this.#ledgers.add(accepted);
    this.#bound.keep({ bytesBefore, at });
    this.#seq = last;
  }

  #complete(draft: SnapshotDraft, seq: number): { readonly id: string; readonly text: string } {
    const place = { bridge: this.#bridge, epoch: this.opening.epoch, seq };
    const id = snapshotId(place);
    return { id, text: encodeMessage({ ...draft, schema: 1, kind: 'snapshot', id, ...place }) };
  }

  #putDueLedgers(atOnce: boolean): number {
    const due = this.#ledgers.due({ now: this.#now(), atOnce });
    for (const ledger of due) {
      if (ledger.replacesKey !== undefined) this.#queue.remove([ledger.replacesKey]);
      this.#ledgers.queuedAs(ledger, this.#put('ledger', ledger.body));
    }
    return due.length;
  }

  #put(kind: keyof typeof PRIORITY, text: string): number {
    return this.#queue.put({ kind, priority: PRIORITY[kind], text, at: this.#now() });
  }

  #transaction(work: () => void): void {
    const seqBefore = this.#seq;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      if (!this.#isRecorded) this.#record();
      work();
      this.#database.exec('COMMIT');
      this.#isRecorded = true;
      for (const part of [this.#ledgers, this.#queue, this.#bound]) part.commit();
    } catch (cause) {
      for (const part of [this.#ledgers, this.#queue, this.#bound]) part.rollback();
      this.#seq = seqBefore;
      if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw this.#faultOf(cause);
    }
  }

  #record(): void {
    recordEpoch(this.#database, this.opening, this.#now());
    this.#ledgers.forgetSettled();
  }

  #begin(): void {
    try {
      this.#transaction(() => {});
    } catch (cause) {
      if (!(cause instanceof OutboxFault) || cause.disposition !== 'retry') throw cause;
      return;
    }
    this.#marker.write(this.#place());
  }

  #guarded<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw this.#faultOf(cause);
    }
  }

  #faultOf(cause: unknown): OutboxFault {
    const fault = runningFault(cause);
    if (isTorn(fault.cause)) {
      this.#isTorn = true;
      this.#marker.noteTorn();
    }
    return fault;
  }

  #place(): Place {
    return { epoch: this.opening.epoch, seq: this.#seq };
  }
}
