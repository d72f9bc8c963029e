import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { LocalFault } from './fault.ts';
import { type LocalOptions, type PortfolioChoice, portfolioSize } from './options.ts';
import type { StateDirectory } from './state-directory.ts';
import { writeFileInOneStep } from './state-directory.ts';

const FILE = 'origin.json';

const originSchema = z.object({
  schema: z.literal(1),
  gateway: z.enum(['simulated', 'own']),
  /** Of a generated portfolio. */
  generated: z.object({ positions: z.int(), activeLegs: z.int(), seed: z.int() }).optional(),
  /** The strategies to begin with are in the registry: from then on it belongs to its users. */
  isSeeded: z.boolean(),
});

/** What a state directory was begun with, kept so that a later run goes on with the same or is refused. */
export type Origin = z.infer<typeof originSchema>;

/**
 * @returns what the directory was begun with, or begins it
 * @throws LocalFault when the options ask for something else: a lake must not mix a real account with a simulated one
 */
export function originOf(directory: StateDirectory, options: LocalOptions): Origin {
  const kept = read(directory);
  if (kept === undefined) {
    const begun: Origin = {
      schema: 1,
      gateway: options.gateway.kind,
      ...(options.gateway.kind === 'simulated' && options.gateway.portfolio.file === undefined
        ? { generated: portfolioSize(options.gateway.portfolio) }
        : {}),
      isSeeded: false,
    };
    writeOrigin(directory, begun);
    return begun;
  }
  const difference = differenceOf(kept, options);
  if (difference === undefined) return kept;
  throw new LocalFault(
    `${directory.path} ${difference}: name another directory with --dir, or begin anew with --fresh`,
  );
}

export function writeOrigin(directory: StateDirectory, origin: Origin): void {
  writeFileInOneStep(directory.file(FILE), `${JSON.stringify(origin)}\n`);
}

/** @returns what keeps a run with these options from going on with that origin, as the end of a sentence */
export function differenceOf(origin: Origin, options: LocalOptions): string | undefined {
  if (origin.gateway !== options.gateway.kind) {
    const names = { simulated: 'the simulated gateway', own: 'a gateway of your own' };
    return `was begun with ${names[origin.gateway]}, not with ${names[options.gateway.kind]}`;
  }
  if (options.gateway.kind === 'own') return undefined;
  const asked = options.gateway.portfolio;
  const different = (['positions', 'activeLegs', 'seed'] as const).filter((key) =>
    isDifferent(key, asked, origin),
  );
  if (different.length === 0) return undefined;
  if (origin.generated === undefined) return 'was begun with a --portfolio file';
  const { positions, activeLegs, seed } = origin.generated;
  return `was begun with --positions ${positions} --active ${activeLegs} --seed ${seed}`;
}

function isDifferent(
  key: 'positions' | 'activeLegs' | 'seed',
  asked: PortfolioChoice,
  origin: Origin,
): boolean {
  return asked[key] !== undefined && asked[key] !== origin.generated?.[key];
}

function read(directory: StateDirectory): Origin | undefined {
  let text: string;
  try {
    text = readFileSync(directory.file(FILE), 'utf8');
  } catch {
    return undefined;
  }
  try {
    return originSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new LocalFault(`${directory.file(FILE)} cannot be read: begin anew with --fresh`, { cause });
  }
}
