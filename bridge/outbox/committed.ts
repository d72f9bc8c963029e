import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { holderOf } from '../../shared/account.ts';
import { contractSchema } from '../../shared/contract.ts';
import { decimalSchema } from '../../shared/decimal.ts';
import type { CommittedPosition, CommittedState, PositionCommit } from './draft.ts';
import { CorruptDatabase } from './fault.ts';

const positionSchema = z.object({
  account: z.string().min(1),
  modelCode: z.string().min(1).optional(),
  contract: contractSchema,
  quantity: decimalSchema,
  averageCost: decimalSchema,
  missedSweeps: z.int().nonnegative(),
  claimed: z.literal(true).optional(),
});

/**
 * The last committed position state in the outbox's own file, so that it moves in one transaction with the drafts.
 * The column `account` has who holds a position: the account, or a model of it.
 */
export class CommittedPositions {
  readonly #database: DatabaseSync;
  readonly #upsert: StatementSync;
  readonly #remove: StatementSync;
  readonly #sweep: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#upsert = database.prepare(
      'INSERT INTO positions (account, con_id, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body',
    );
    this.#remove = database.prepare('DELETE FROM positions WHERE account = ? AND con_id = ?');
    this.#sweep = database.prepare(`
      INSERT INTO sweep (only, sweep_id, completed_at, keyframe_at) VALUES (1, ?, ?, ?)
      ON CONFLICT DO UPDATE SET sweep_id = excluded.sweep_id, completed_at = excluded.completed_at,
        keyframe_at = coalesce(excluded.keyframe_at, keyframe_at)`);
  }

  /** @throws CorruptDatabase when a row is no position: what is missing would be taken for closed */
  read(): CommittedState {
    const positions = this.#database
      .prepare('SELECT body FROM positions ORDER BY account, con_id')
      .all()
      .map((row) => decode(String(row.body)));
    const sweep = this.#database.prepare('SELECT sweep_id, completed_at, keyframe_at FROM sweep').get();
    if (sweep === undefined) return { positions };
    const lastSweep = { sweepId: String(sweep.sweep_id), completedAt: String(sweep.completed_at) };
    if (sweep.keyframe_at === null) return { positions, lastSweep };
    return { positions, lastSweep, lastKeyframeAt: String(sweep.keyframe_at) };
  }

  /** Belongs inside the caller's transaction. */
  apply({ upserts, removals, sweep }: PositionCommit): void {
    for (const position of upserts) this.#upsertOne(position);
    for (const removal of removals) this.#remove.run(holderOf(removal), removal.conId);
    if (sweep !== undefined) {
      this.#sweep.run(sweep.sweepId, sweep.completedAt, sweep.keyframe ? sweep.completedAt : null);
    }
  }

  #upsertOne(position: CommittedPosition): void {
    this.#upsert.run(holderOf(position), position.contract.conId, JSON.stringify(position));
  }
}

function decode(body: string): CommittedPosition {
  try {
    return positionSchema.parse(JSON.parse(body));
  } catch (cause) {
    throw new CorruptDatabase('a committed position is none', { cause });
  }
}
