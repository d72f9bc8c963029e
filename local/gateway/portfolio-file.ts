import { readFile } from 'node:fs/promises';
import { type Portfolio, portfolioSchema } from './portfolio.ts';

/** A file that cannot be a portfolio: `faults` has one line for each thing that is wrong, with its path. */
export class PortfolioFileError extends Error {
  override readonly name = 'PortfolioFileError';
  readonly path: string;
  readonly faults: readonly string[];

  constructor(path: string, faults: readonly string[], options?: ErrorOptions) {
    super(`${path}: ${faults.join('; ')}`, options);
    this.path = path;
    this.faults = faults;
  }
}

/** @throws PortfolioFileError */
export async function readPortfolio(path: string): Promise<Portfolio> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new PortfolioFileError(path, [(cause as Error).message], { cause });
  }
  const parsed = portfolioSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new PortfolioFileError(
    path,
    parsed.error.issues.map((issue) => `${pathText(issue.path)} ${issue.message}`),
  );
}

/** `positions[3].conId` */
function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text === '' ? 'the document' : text;
}
