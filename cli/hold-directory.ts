import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LOCAL_RUN } from '../shared/local-run.ts';
import { CommandFailure, EXIT } from './failure.ts';

/** Other commands over the same directory finish within moments; a run that starts keeps it. */
const WAIT_MAX_MS = 10_000;

/**
 * Takes the state directory's lock, as a local run does, so that no two processes open its stores at once.
 * @returns what lets go of it again
 * @throws CommandFailure when it stays taken
 */
export function holdDirectory(dir: string, waitMaxMs = WAIT_MAX_MS): Disposable {
  const lock = new DatabaseSync(join(dir, LOCAL_RUN.lockFile), { timeout: waitMaxMs });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new CommandFailure(
      EXIT.noTarget,
      `${dir} is in use by another command: try again when it has ended`,
      {
        cause,
      },
    );
  }
  return { [Symbol.dispose]: () => lock.close() };
}
