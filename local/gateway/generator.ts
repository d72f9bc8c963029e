import type { Portfolio } from './portfolio.ts';

export interface GeneratorOptions {
  readonly seed: number;
  /** Rows in all, condor legs included. Default 200. */
  readonly positions?: number;
  /** Each takes four of the positions, conIds that nothing else holds. Default 5. */
  readonly condors?: number;
  /** Default two paper accounts. */
  readonly accounts?: readonly string[];
  /** YYYY-MM-DD: everything expires after it. Default today in UTC. */
  readonly today?: string;
}

/** The same options give the same portfolio. @throws RangeError when more is asked for than the market has */
export function generatePortfolio(_options: GeneratorOptions): Portfolio {
  throw new Error('not yet');
}
