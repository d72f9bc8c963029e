/** Between an account and its model: no account number has it. */
const OF = '/';

/**
 * Who holds a position: an account, or a model of an advisor's account, as one text for keys.
 * @returns for example `DU1234567` or `DU1234567/GROWTH`
 */
export function holderOf({
  account,
  modelCode,
}: {
  readonly account: string;
  readonly modelCode?: string | undefined;
}): string {
  return modelCode === undefined ? account : `${account}${OF}${modelCode}`;
}

/** What precedes every model of the account in `holderOf`. */
export function modelsOf(account: string): string {
  return `${account}${OF}`;
}

/** @returns the account of what `holderOf` made */
export function accountOf(holder: string): string {
  return holder.split(OF, 1)[0] ?? holder;
}

/**
 * IB account numbers identify a person: logs, pages and error texts show only the ends.
 * @returns for example `DU***67`
 */
export function maskAccount(account: string): string {
  if (account.length <= 4) return '***';
  return `${account.slice(0, 2)}***${account.slice(-2)}`;
}
