import { existsSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describeFaults } from '../../shared/message.ts';
import { generatePortfolio } from '../gateway/generator.ts';
import { type Portfolio, type Position, portfolioSchema } from '../gateway/portfolio.ts';
import { LocalFault } from './fault.ts';
import { LEGS_PER_CONDOR, type PortfolioChoice, portfolioSize } from './options.ts';
import { type StateDirectory, writeFileInOneStep } from './state-directory.ts';

const FILE = ['gateway', 'portfolio.json'] as const;

/**
 * The portfolio of the simulated gateway: the file that was named; else the one that this directory had when its last
 * run ended, because a bridge would take other positions for trades; else a generated one.
 * @throws LocalFault when it cannot be read, or not be generated in that size
 */
export async function loadPortfolio(directory: StateDirectory, choice: PortfolioChoice): Promise<Portfolio> {
  if (choice.file !== undefined) {
    return readPortfolio(choice.file, 'mend the file, or leave out --portfolio to have one generated');
  }
  const kept = directory.file(...FILE);
  if (existsSync(kept)) return readPortfolio(kept, 'begin anew with --fresh');
  const { positions, activeLegs, seed } = portfolioSize(choice);
  try {
    return generatePortfolio({ seed, positions, condors: activeLegs / LEGS_PER_CONDOR });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new LocalFault(`no such portfolio can be generated: ${cause.message}`, { cause });
  }
}

/** Keeps what the gateway holds now, so that the next run goes on with the same positions. */
export function keepPortfolio(
  directory: StateDirectory,
  portfolio: Portfolio,
  positions: readonly Position[],
): void {
  mkdirSync(directory.file('gateway'), { recursive: true, mode: 0o700 });
  writeFileInOneStep(directory.file(...FILE), `${JSON.stringify({ ...portfolio, positions })}\n`);
}

async function readPortfolio(path: string, remedy: string): Promise<Portfolio> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new LocalFault(`the portfolio ${path} cannot be read: ${(cause as Error).message}: ${remedy}`, {
      cause,
    });
  }
  const parsed = portfolioSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new LocalFault(`the portfolio ${path} is none: ${describeFaults(parsed.error)}: ${remedy}`);
}
