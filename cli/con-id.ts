import { InvalidArgumentError } from 'commander';
import { conIdSchema } from '../shared/contract.ts';

/** For an argument or an option. @throws InvalidArgumentError */
export function parseConId(text: string): number {
  const conId = conIdSchema.safeParse(Number(text));
  if (!conId.success) throw new InvalidArgumentError('must be a contract id such as 728937835.');
  return conId.data;
}
