import { LocalFault } from './fault.ts';

export interface WholeRange {
  readonly min: number;
  readonly max: number;
}

/**
 * @param name of the option, without dashes
 * @returns undefined where it was not given
 * @throws LocalFault naming the range
 */
export function wholeOption(name: string, text: string | undefined, range: WholeRange): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.min && value <= range.max) return value;
  throw new LocalFault(`--${name} "${text}" must be a whole number from ${range.min} to ${range.max}`);
}
