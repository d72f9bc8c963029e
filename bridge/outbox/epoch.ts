/**
 * Why every opening of the outbox starts a new epoch.
 *
 * A number must never be given twice, and that must not depend on what happened to the files in between. Within an
 * epoch the sequence has no hole, because `last_seq` and the rows that took the numbers are written in one
 * transaction, by one connection that holds the file exclusively. Across openings only a new epoch is safe: a file,
 * or a whole directory with its marker, that was put back from a backup or a machine image would go on counting
 * where the copy was made, and give numbers that other bodies already have. With its random part a new epoch cannot
 * meet an old one, whatever was put back.
 *
 * It costs nothing: the file records where each epoch ended (`last_seq`) and each epoch's predecessor, so a chain of
 * epochs proves as much as one long sequence. The marker beside the database is for the remaining question, whether
 * the file that was opened is older than what this directory has already produced.
 */
export interface Place {
  readonly epoch: string;
  /** The last number given in it; 0 is none. */
  readonly seq: number;
}

/** Why an epoch began: the file is new, was closed or killed, is older than its marker, or was torn. */
export type EpochCause = 'first' | 'start' | 'restored' | 'quarantined';

const MS_DIGITS = 13;

/**
 * Text order is age order, also when the clock went back.
 * @param previous epochs that were in use here before: the new one is above all of them
 * @param random 6 to 16 characters of [0-9a-z]
 */
export function nextEpoch(nowMs: number, previous: readonly string[], random: string): string {
  const after = previous.map((epoch) => Number(epoch.slice(0, MS_DIGITS)) + 1);
  return `${String(Math.max(nowMs, ...after)).padStart(MS_DIGITS, '0')}-${random}`;
}

/** @returns true when `left` is further along than `right` */
export function isAhead(left: Place, right: Place): boolean {
  return left.epoch === right.epoch ? left.seq > right.seq : left.epoch > right.epoch;
}
