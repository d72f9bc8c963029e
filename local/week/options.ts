import { parseArgs } from 'node:util';
import { LocalFault } from '../run/fault.ts';
import { wholeOption } from '../run/whole-option.ts';
import { SESSIONS_MAX } from './plan.ts';

export interface WeekOptions {
  readonly seed: number;
  readonly sessions: number;
  readonly json: boolean;
  readonly keep: boolean;
}

export const USAGE = `usage: npm run week -- [--seed N] [--sessions N] [--json] [--keep]

A trading week in minutes: the bridge, a simulated gateway and the embedded AWS on this machine, and everything
that a week does to them, drawn from the seed.

  --seed N      the same seed gives the same plan (default: by chance, printed)
  --sessions N  trading days, 1 to ${SESSIONS_MAX} (default ${SESSIONS_MAX})
  --json        print the report as JSON, the last line of standard output
  --keep        leave the directory with logs, outbox and lake where it is

Exit codes: 0 the week holds, 1 it does not, 2 it could not start, 130 interrupted.`;

const SEED_MAX = 2 ** 31 - 1;

/**
 * @returns undefined where only help was asked for
 * @throws LocalFault naming what is wrong
 */
export function readWeekOptions(args: readonly string[], chance: () => number): WeekOptions | undefined {
  let values: {
    readonly seed?: string;
    readonly sessions?: string;
    readonly json?: boolean;
    readonly keep?: boolean;
    readonly help?: boolean;
  };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        sessions: { type: 'string' },
        json: { type: 'boolean' },
        keep: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (cause) {
    throw new LocalFault(`${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
  if (values.help) return undefined;
  return {
    seed: wholeOption('seed', values.seed, { min: 0, max: SEED_MAX }) ?? Math.floor(chance() * 1_000_000),
    sessions: wholeOption('sessions', values.sessions, { min: 1, max: SESSIONS_MAX }) ?? SESSIONS_MAX,
    json: values.json ?? false,
    keep: values.keep ?? false,
  };
}
