import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { epochSchema } from '../../shared/snapshot.ts';
import { type EpochCause, isAhead, nextEpoch, type Place } from './epoch.ts';
import { CorruptDatabase } from './fault.ts';

/** How an epoch began. */
export interface Beginning {
  readonly epoch: string;
  readonly cause: EpochCause;
  /** Where the epoch before ended, as far as file and marker know. */
  readonly predecessor?: Place;
}

/**
 * A new epoch above everything that file and marker know. It counts once recordEpoch has written it.
 * @param marker ahead of the file when the file is older than what this directory has produced
 * @throws CorruptDatabase when what the file says of its epochs makes no sense
 */
export function nextBeginning(
  database: DatabaseSync,
  options: { readonly marker: Place | undefined; readonly wasTorn: boolean; readonly now: Date },
): Beginning {
  const { marker, wasTorn, now } = options;
  const recorded = lastRecorded(database);
  const isOlder = marker !== undefined && (recorded === undefined || isAhead(marker, recorded));
  const predecessor = isOlder ? marker : recorded;
  const known = [marker?.epoch, recorded?.epoch].filter((epoch) => epoch !== undefined);
  const epoch = nextEpoch(now.getTime(), known, randomBytes(5).toString('hex'));
  const cause = causeOf({ wasTorn, isOlder, isFirst: recorded === undefined });
  if (predecessor === undefined) return { epoch, cause };
  return { epoch, cause, predecessor: { epoch: predecessor.epoch, seq: predecessor.seq } };
}

/** Belongs inside the caller's transaction. */
export function recordEpoch(
  database: DatabaseSync,
  { epoch, cause, predecessor }: Beginning,
  now: Date,
): void {
  database
    .prepare(
      'INSERT INTO epochs (epoch, last_seq, cause, predecessor, predecessor_seq, started_at) VALUES (?, 0, ?, ?, ?, ?)',
    )
    .run(epoch, cause, predecessor?.epoch ?? null, predecessor?.seq ?? null, now.toISOString());
}

function lastRecorded(database: DatabaseSync): Place | undefined {
  const row = database.prepare('SELECT epoch, last_seq FROM epochs ORDER BY epoch DESC LIMIT 1').get();
  if (row === undefined) return undefined;
  const epoch = epochSchema.safeParse(row.epoch);
  if (!epoch.success) throw new CorruptDatabase('an epoch is none');
  return { epoch: epoch.data, seq: Number(row.last_seq) };
}

/**
 * How an epoch began, epochs before it that produced nothing taken together with it: such an epoch tells nobody of
 * itself, and that its file was torn must not be forgotten with it.
 */
export function beginningOf(database: DatabaseSync, epoch: string): Omit<Beginning, 'epoch'> {
  const find = database.prepare(
    'SELECT epoch, last_seq, cause, predecessor, predecessor_seq FROM epochs WHERE epoch = ?',
  );
  let row = find.get(epoch);
  let cause: EpochCause = 'start';
  for (;;) {
    cause = graver(cause, String(row?.cause) as EpochCause);
    const before = row?.predecessor == null ? undefined : find.get(row.predecessor);
    if (before === undefined || Number(before.last_seq) > 0) break;
    row = before;
  }
  if (row?.predecessor == null) return { cause };
  return { cause, predecessor: { epoch: String(row.predecessor), seq: Number(row.predecessor_seq) } };
}

const GRAVITY = ['start', 'first', 'restored', 'quarantined'] as const satisfies readonly EpochCause[];

function graver(left: EpochCause, right: EpochCause): EpochCause {
  return GRAVITY.indexOf(left) >= GRAVITY.indexOf(right) ? left : right;
}

/**
 * What an outbox has produced over its life, oldest epoch first: the numbers 1 to `last` of each.
 * @param file of an outbox that no bridge has open: a running one holds it exclusively
 * @throws Error of node:sqlite when it cannot be read
 */
export function readEpochs(file: string): { bridge: string; epoch: string; last: number }[] {
  const database = new DatabaseSync(file, { timeout: 1000 });
  try {
    return database
      .prepare('SELECT bridge, epoch, last_seq FROM epochs, origin ORDER BY epoch')
      .all()
      .map((row) => ({ bridge: String(row.bridge), epoch: String(row.epoch), last: Number(row.last_seq) }));
  } finally {
    database.close();
  }
}

function causeOf(found: { wasTorn: boolean; isOlder: boolean; isFirst: boolean }): EpochCause {
  if (found.wasTorn) return 'quarantined';
  if (found.isOlder) return 'restored';
  return found.isFirst ? 'first' : 'start';
}
