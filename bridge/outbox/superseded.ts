import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** As PRIORITY of shared/snapshot.ts has it: 1 streamed, 2 polled. */
const LANES = { stream: 1, poll: 2 } as const;

interface Newest {
  readonly key: number;
  readonly isClose: boolean;
}

/**
 * Finds the snapshots that a full outbox may give up, in the order in which it does: polled ones that a newer polled
 * one of their contract has replaced, then streamed ones that a newer streamed one has, then the older of the two that
 * are left of a contract. Never the newest of a contract, never a close. Each oldest first.
 *
 * Nothing is kept of a queue that has room. A full one is walked once, from its oldest row on and only as far as
 * needed: each row that is passed either replaces an older one, which can go, or is the first of its contract. So a
 * commit costs as many rows as it gives up, and once per contract one more.
 *
 * Bound: one entry per lane for each contract that waits.
 */
export class Superseded {
  readonly #lanes: { readonly stream: Lane; readonly poll: Lane };
  #undo: (() => void)[] = [];

  constructor(database: DatabaseSync) {
    const lane = (priority: number) => new Lane(database, priority, (undo) => this.#undo.push(undo));
    this.#lanes = { stream: lane(LANES.stream), poll: lane(LANES.poll) };
  }

  /**
   * Belongs inside the caller's transaction, which ends with commit() or rollback().
   * @returns keys that the caller gives up now, `count` at most; none when only what must be kept is left. A key may
   *   have been acknowledged meanwhile
   */
  next(count: number): number[] {
    const { poll, stream } = this.#lanes;
    const keys = [...poll.next(count)];
    if (keys.length < count) keys.push(...stream.next(count - keys.length));
    if (keys.length < count) keys.push(...this.#older(count - keys.length));
    return keys;
  }

  commit(): void {
    this.#undo = [];
  }

  rollback(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
  }

  /** Both lanes have been walked to their end. */
  #older(count: number): number[] {
    const { poll, stream } = this.#lanes;
    const found = [...stream.newest].flatMap(([contract, streamed]) => {
      const polled = poll.newest.get(contract);
      if (polled === undefined) return [];
      const [lane, older] = polled.key < streamed.key ? [poll, polled] : [stream, streamed];
      return older.isClose ? [] : [{ lane, contract, key: older.key }];
    });
    const oldest = found.toSorted((left, right) => left.key - right.key).slice(0, count);
    for (const { lane, contract } of oldest) lane.forget(contract);
    return oldest.map(({ key }) => key);
  }
}

/** The walk through one lane. */
class Lane {
  /** By account, model and conId: the newest that has been passed. */
  readonly newest = new Map<string, Newest>();
  readonly #rows: StatementSync;
  readonly #priority: number;
  readonly #onChange: (undo: () => void) => void;
  #passed = 0;

  constructor(database: DatabaseSync, priority: number, onChange: (undo: () => void) => void) {
    this.#priority = priority;
    this.#onChange = onChange;
    this.#rows = database.prepare(`
      SELECT key, body ->> '$.account' AS account, body ->> '$.modelCode' AS model,
        body ->> '$.contract.conId' AS con_id, body ->> '$.reason' = 'closed' AS is_close
      FROM pending WHERE priority = ? AND key > ? AND kind = 'snapshot' ORDER BY key`);
  }

  next(count: number): number[] {
    const passedBefore = this.#passed;
    this.#onChange(() => {
      this.#passed = passedBefore;
    });
    const keys: number[] = [];
    for (const row of this.#rows.iterate(this.#priority, this.#passed)) {
      const contract = `${row.account} ${row.model} ${row.con_id}`;
      const older = this.newest.get(contract);
      this.#passed = Number(row.key);
      this.#put(contract, { key: this.#passed, isClose: row.is_close === 1 });
      if (older === undefined || older.isClose) continue;
      keys.push(older.key);
      if (keys.length === count) break;
    }
    return keys;
  }

  forget(contract: string): void {
    this.#put(contract, undefined);
  }

  #put(contract: string, newest: Newest | undefined): void {
    const before = this.newest.get(contract);
    this.#onChange(() => this.#set(contract, before));
    this.#set(contract, newest);
  }

  #set(contract: string, newest: Newest | undefined): void {
    if (newest === undefined) this.newest.delete(contract);
    else this.newest.set(contract, newest);
  }
}
