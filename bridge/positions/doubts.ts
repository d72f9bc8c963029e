import type { PositionState } from './differ.ts';

/** Positions of one account that the list lacks and that are not closed. */
export interface AccountDoubt {
  readonly account: string;
  readonly positions: number;
  /** Why not, for a person. */
  readonly cause: string;
}

const CAUSES = {
  mass: 'most of the account vanished from the list at once: sweeps have to agree for ten minutes',
  silent: 'the account’s own holdings have not confirmed it',
  contradicts: 'the account’s own holdings still show them: the list is not complete',
} as const;

/** What sweeps lack and nobody has closed; what is missing for the first time is not in it. */
export function doubtsOf({ guards, doubts, positions }: PositionState): AccountDoubt[] {
  const byAccount = new Map<string, AccountDoubt>();
  const add = (account: string, count: number, cause: keyof typeof CAUSES) => {
    const positions = (byAccount.get(account)?.positions ?? 0) + count;
    byAccount.set(account, { account, positions, cause: CAUSES[cause] });
  };
  // The cause told last is the one that stands: what contradicts is worth more than what waits.
  for (const [account, { missing }] of guards) {
    const counted = [...missing].filter((key) => positions.has(key) && !doubts.has(key)).length;
    if (counted > 0) add(account, counted, 'mass');
  }
  for (const witness of ['silent', 'contradicts'] as const) {
    for (const [key, doubt] of doubts) {
      const account = positions.get(key)?.account;
      if (account !== undefined && doubt.witness === witness) add(account, 1, witness);
    }
  }
  return [...byAccount.values()];
}
