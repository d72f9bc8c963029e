import { maskAccount } from '../../shared/account.ts';

/** Account numbers identify a person: a terminal shows only their ends unless it is told otherwise. */
export function shownAccount(account: string, showAccounts: boolean): string {
  return showAccounts ? account : maskAccount(account);
}

/** True when a person may have meant this account: by its number, or as a table shows it. */
export function sameAccount(account: string, asked: string): boolean {
  return account === asked || maskAccount(account) === asked;
}
