import type { DatabaseSync } from 'node:sqlite';
import { Drops } from './drops.ts';
import { OutboxFault } from './fault.ts';
import { PRIORITY, type Queue } from './queue.ts';
import { Superseded } from './superseded.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Given up in one go at most, and about what a snapshot takes: what is still too much goes in another one. */
const CHUNK = { countMax: 256, bytesOfOne: KIB } as const;

/**
 * More than a commit brings, so that a bound that was lowered is reached in steps that nobody waits long for: about
 * 1,300 snapshots.
 */
const AHEAD_BYTES = MIB;

/**
 * Keeps what waits within its bound, by giving up what superseded.ts finds and declaring it, in the transaction that
 * brings more: a crash in between leaves both or neither.
 */
export class Bound {
  readonly maxBytes: number;
  readonly #queue: Queue;
  readonly #superseded: Superseded;
  readonly #drops: Drops;
  #dropped = 0;
  #droppedNow = 0;

  constructor(
    database: DatabaseSync,
    options: { readonly bridge: string; readonly maxBytes: number; readonly queue: Queue },
  ) {
    this.maxBytes = options.maxBytes;
    this.#queue = options.queue;
    this.#superseded = new Superseded(database);
    this.#drops = new Drops(database, { bridge: options.bridge });
  }

  /** Snapshots given up since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Belongs inside the caller's transaction, after what it brings, which ends with commit() or rollback().
   * @param bytesBefore what waited before it
   * @throws OutboxFault (retry) when what must be kept fills the bound
   */
  keep({ bytesBefore, at }: { readonly bytesBefore: number; readonly at: Date }): void {
    const queue = this.#queue;
    const target = Math.max(this.maxBytes, bytesBefore - (queue.bytes - bytesBefore) - AHEAD_BYTES);
    while (queue.bytes > target) {
      const count = Math.ceil((queue.bytes - target) / CHUNK.bytesOfOne);
      const keys = this.#superseded.next(Math.min(count, CHUNK.countMax));
      if (keys.length > 0) this.#giveUp(keys, at);
      else if (queue.bytes > Math.max(this.maxBytes, bytesBefore)) throw this.#fullFault();
      else return;
    }
  }

  commit(): void {
    this.#superseded.commit();
    this.#dropped += this.#droppedNow;
    this.#droppedNow = 0;
  }

  rollback(): void {
    this.#superseded.rollback();
    this.#droppedNow = 0;
  }

  #giveUp(keys: readonly number[], at: Date): void {
    const places = this.#queue.removeSnapshots(keys);
    this.#droppedNow += places.length;
    const reason = `the outbox has reached its bound of ${this.maxBytes} bytes`;
    for (const drop of this.#drops.due(places, { reason, at: at.toISOString() })) {
      this.#queue.remove(drop.replacesKeys);
      const key = this.#queue.put({ kind: 'drop', priority: PRIORITY.drop, text: drop.body, at });
      this.#drops.queuedAs(drop, key);
    }
  }

  #fullFault(): OutboxFault {
    return new OutboxFault(
      'retry',
      `the outbox is full, nothing was written: the newest snapshot of each contract and the closes alone fill its ` +
        `bound of ${this.maxBytes} bytes; see to it that AWS takes them, or raise outbox.maxBytes`,
    );
  }
}
