import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Drop } from '../../shared/message.ts';
import { encodeStored } from './encode-stored.ts';
import type { Place } from './epoch.ts';

/** Numbers of one epoch, both ends included. */
type DropRange = Pick<Drop, 'epoch' | 'first' | 'last'>;

/** A declaration to be queued. */
export interface DueDrop extends DropRange {
  readonly body: string;
  /** Declarations that wait and say a part of it. */
  readonly replacesKeys: readonly number[];
}

/**
 * Declares what a full outbox gives up. A range that continues one whose declaration still waits takes its place: a
 * month without AWS ends with few declarations, and not with one for each commit.
 */
export class Drops {
  readonly #bridge: string;
  readonly #startingUpTo: StatementSync;
  readonly #startingAt: StatementSync;
  readonly #setRange: StatementSync;

  constructor(database: DatabaseSync, { bridge }: { readonly bridge: string }) {
    this.#bridge = bridge;
    const found = 'SELECT key, drop_first AS first, drop_last AS last FROM pending WHERE drop_epoch = ?';
    this.#startingUpTo = database.prepare(`${found} AND drop_first < ? ORDER BY drop_first DESC LIMIT 1`);
    this.#startingAt = database.prepare(`${found} AND drop_first = ?`);
    this.#setRange = database.prepare(
      'UPDATE pending SET drop_epoch = ?, drop_first = ?, drop_last = ? WHERE key = ?',
    );
  }

  /** @param places in any order @returns what is to be queued, in the caller's transaction; queuedAs() says where */
  *due(
    places: readonly Place[],
    { reason, at }: { readonly reason: string; readonly at: string },
  ): Iterable<DueDrop> {
    for (const range of rangesOf(places)) {
      const { replacesKeys, ...whole } = this.#joined(range);
      const body = encodeStored({ schema: 1, kind: 'drop', bridge: this.#bridge, ...whole, reason, at });
      yield { ...whole, body, replacesKeys };
    }
  }

  queuedAs({ epoch, first, last }: DropRange, key: number): void {
    this.#setRange.run(epoch, first, last, key);
  }

  #joined({ epoch, first, last }: DropRange): DropRange & { readonly replacesKeys: readonly number[] } {
    const before = this.#startingUpTo.get(epoch, first);
    const isAdjacent = before !== undefined && Number(before.last) === first - 1;
    const after = this.#startingAt.get(epoch, last + 1);
    return {
      epoch,
      first: isAdjacent ? Number(before.first) : first,
      last: after === undefined ? last : Number(after.last),
      replacesKeys: [isAdjacent ? before : undefined, after].flatMap((row) =>
        row === undefined ? [] : [Number(row.key)],
      ),
    };
  }
}

function rangesOf(places: readonly Place[]): DropRange[] {
  const ranges: { epoch: string; first: number; last: number }[] = [];
  for (const [epoch, found] of Map.groupBy(places, (place) => place.epoch)) {
    for (const { seq } of found.toSorted((left, right) => left.seq - right.seq)) {
      const open = ranges.at(-1);
      if (open?.epoch === epoch && open.last === seq - 1) open.last = seq;
      else ranges.push({ epoch, first: seq, last: seq });
    }
  }
  return ranges;
}
