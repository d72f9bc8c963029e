import { createHash, type Hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { utcDay } from '../../shared/names.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import { encodeStored } from './encode-stored.ts';
import type { Place } from './epoch.ts';
import { beginningOf } from './epochs.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A ledger that has changed is sent at most this often: each is an object of the lake. */
const PERIOD_MS = 5 * MINUTE_MS;

/**
 * One that has not changed is sent once more after each of these. The bridge cannot see the lake; what the queue has
 * taken is stored or dead-lettered within half an hour, so copies that far apart outlive a cloud at fault for a day.
 */
const REPEATS_MS = [HOUR_MS, 24 * HOUR_MS] as const;

/** One ledger to be queued. */
export interface DueLedger {
  readonly epoch: string;
  readonly day: string;
  readonly body: string;
  /** The older one of the same epoch and day, in case it still waits. */
  readonly replacesKey?: number;
}

/**
 * What this outbox has produced per epoch and UTC day, in its own file and in the transaction that gives the numbers.
 * A hash cannot be stored half-way, and need not be: every opening begins an epoch of its own (epoch.ts). Of a day it
 * keeps some hundred bytes in memory, for as long as the process lives.
 */
export class Ledgers {
  readonly #database: DatabaseSync;
  readonly #bridge: string;
  readonly #epoch: string;
  readonly #upsert: StatementSync;
  readonly #hashes = new Map<string, Hash>();
  /** Of the transaction under way. */
  readonly #changed = new Map<string, Hash>();

  constructor(database: DatabaseSync, place: { readonly bridge: string; readonly epoch: string }) {
    this.#database = database;
    this.#bridge = place.bridge;
    this.#epoch = place.epoch;
    this.#upsert = database.prepare(`
      INSERT INTO ledgers (epoch, day, first, last, count, digest) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET last = excluded.last, count = count + excluded.count, digest = excluded.digest`);
  }

  /** What has been said often enough and can change no more. Belongs inside the caller's transaction. */
  forgetSettled(): void {
    this.#database
      .prepare('DELETE FROM ledgers WHERE epoch <> ? AND repeats >= ?')
      .run(this.#epoch, REPEATS_MS.length);
  }

  /** Belongs inside the caller's transaction, which ends with commit() or rollback(). @param snapshots by seq */
  add(snapshots: readonly Pick<Snapshot, 'id' | 'seq' | 'observedAt'>[]): void {
    const days = Map.groupBy(snapshots, ({ observedAt }) => utcDay(observedAt));
    for (const [day, found] of days) {
      const [first] = found;
      const last = found.at(-1);
      if (first === undefined || last === undefined) continue;
      const hash = this.#changed.get(day) ?? this.#hashes.get(day)?.copy() ?? createHash('sha256');
      for (const { id } of found) hash.update(`${id}\n`);
      this.#changed.set(day, hash);
      const digest = hash.copy().digest('hex');
      this.#upsert.run(this.#epoch, day, first.seq, last.seq, found.length, digest);
    }
  }

  commit(): void {
    for (const [day, hash] of this.#changed) this.#hashes.set(day, hash);
    this.#changed.clear();
  }

  rollback(): void {
    this.#changed.clear();
  }

  /**
   * @param options.atOnce also what has changed since a moment ago: the bridge is about to end
   * @returns the ledgers to be queued now, in the caller's transaction; queuedAs() says under which key
   */
  due(options: { readonly now: Date; readonly atOnce: boolean }): DueLedger[] {
    const rows = this.#database.prepare('SELECT * FROM ledgers ORDER BY epoch, day').all();
    const waiting = this.#oldestWaiting();
    return rows.flatMap((row) => {
      const [epoch, day, last] = [String(row.epoch), String(row.day), Number(row.last)];
      const acknowledged = Math.min(last, acknowledgedOf(epoch, waiting));
      const says = `${last} ${acknowledged}`;
      const sinceMs = row.told_at === null ? undefined : options.now.getTime() - Number(row.told_at);
      const isChanged = row.told !== says;
      const waitMs = isChanged ? PERIOD_MS : REPEATS_MS[Number(row.repeats)];
      const isDue =
        sinceMs === undefined || (isChanged && options.atOnce) || (waitMs !== undefined && sinceMs >= waitMs);
      if (!isDue) return [];
      this.#database
        .prepare('UPDATE ledgers SET told = ?, told_at = ?, repeats = ? WHERE epoch = ? AND day = ?')
        .run(says, options.now.getTime(), isChanged ? 0 : Number(row.repeats) + 1, epoch, day);
      const body = encodeStored({
        schema: 1,
        kind: 'ledger',
        bridge: this.#bridge,
        epoch,
        day,
        first: Number(row.first),
        last,
        count: Number(row.count),
        digest: String(row.digest),
        acknowledged,
        began: beginningOf(this.#database, epoch),
        at: options.now.toISOString(),
      });
      const replacesKey = row.pending_key === null ? {} : { replacesKey: Number(row.pending_key) };
      return [{ epoch, day, body, ...replacesKey }];
    });
  }

  queuedAs({ epoch, day }: DueLedger, key: number): void {
    this.#database
      .prepare('UPDATE ledgers SET pending_key = ? WHERE epoch = ? AND day = ?')
      .run(key, epoch, day);
  }

  #oldestWaiting(): Place | undefined {
    const oldest = this.#database
      .prepare(
        "SELECT body ->> '$.epoch' AS epoch, body ->> '$.seq' AS seq FROM pending WHERE kind = 'snapshot' ORDER BY key LIMIT 1",
      )
      .get();
    return oldest === undefined ? undefined : { epoch: String(oldest.epoch), seq: Number(oldest.seq) };
  }
}

/**
 * Everything below the oldest snapshot that waits has left. Keys ascend as the numbers do, so it says so for the epochs
 * before its own too; of those after it nothing is known, they are told again when it has gone.
 */
function acknowledgedOf(epoch: string, waiting: Place | undefined): number {
  if (waiting === undefined || waiting.epoch > epoch) return Number.POSITIVE_INFINITY;
  return waiting.epoch === epoch ? waiting.seq - 1 : 0;
}
