import { parseArgs } from 'node:util';
import { LocalFault } from '../run/fault.ts';
import { wholeOption } from '../run/whole-option.ts';

export interface KillsOptions {
  readonly seed: number;
  /** That the bridge shall produce. */
  readonly snapshots: number;
  readonly json: boolean;
  readonly keep: boolean;
}

export const USAGE = `usage: npm run kills -- [--snapshots N] [--seed N] [--json] [--keep]

A bridge produces snapshots, a drain stores them, and both are killed again and again, at moments drawn from the seed.
At the end every snapshot has to be there once, by slotwise verify and by slotwise query.

  --snapshots N  how many at least, 1000 to 1000000 (default 100000)
  --seed N       the same seed gives the same plan (default: by chance, printed)
  --json         print the report as JSON, the last line of standard output
  --keep         leave the directory with logs, outbox and lake where it is

Exit codes: 0 the record holds, 1 it does not, 2 it could not start, 130 interrupted.`;

const SNAPSHOTS = { min: 1000, max: 1_000_000, default: 100_000 } as const;
const SEED = { min: 0, max: 2 ** 31 - 1 } as const;

/**
 * @returns undefined where only help was asked for
 * @throws LocalFault naming what is wrong
 */
export function readKillsOptions(args: readonly string[], chance: () => number): KillsOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        snapshots: { type: 'string' },
        seed: { type: 'string' },
        json: { type: 'boolean' },
        keep: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) return undefined;
    return {
      snapshots: wholeOption('snapshots', values.snapshots, SNAPSHOTS) ?? SNAPSHOTS.default,
      seed: wholeOption('seed', values.seed, SEED) ?? Math.floor(chance() * 1_000_000),
      json: values.json ?? false,
      keep: values.keep ?? false,
    };
  } catch (cause) {
    if (cause instanceof LocalFault) throw cause;
    throw new LocalFault(`${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
}
