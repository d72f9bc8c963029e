import { DocumentError, readDocument } from './document.ts';
import { type Portfolio, portfolioSchema } from './portfolio.ts';

/** A file that cannot be a portfolio: `faults` has one line for each thing that is wrong, with its path. */
export class PortfolioFileError extends DocumentError {
  override readonly name = 'PortfolioFileError';
}

/** @throws PortfolioFileError */
export function readPortfolio(path: string): Promise<Portfolio> {
  return readDocument(path, portfolioSchema, PortfolioFileError);
}
