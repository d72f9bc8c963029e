import { existsSync, mkdirSync } from 'node:fs';
import { generatePortfolio } from '../gateway/generator.ts';
import type { Portfolio, Position } from '../gateway/portfolio.ts';
import { PortfolioFileError, readPortfolio } from '../gateway/portfolio-file.ts';
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
    return readOrFault(choice.file, 'mend the file, or leave out --portfolio to have one generated');
  }
  const kept = directory.file(...FILE);
  if (existsSync(kept)) return readOrFault(kept, 'begin anew with --fresh');
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

async function readOrFault(path: string, remedy: string): Promise<Portfolio> {
  try {
    return await readPortfolio(path);
  } catch (cause) {
    if (!(cause instanceof PortfolioFileError)) throw cause;
    throw new LocalFault(`the portfolio cannot be read: ${cause.message}: ${remedy}`, { cause });
  }
}
